"""What reading a history needs on the side of Python: which runs, as known when, and tables as DataFrames."""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from luban import _core, _history
from luban._times import out_of_range, require_in_range, text_out_of_range
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban.parallel import Progress

__all__ = [
    "OF_RUNS",
    "Compression",
    "Moment",
    "RunChoice",
    "RunFilter",
    "core_filter",
    "default_columns",
    "or_none",
    "statistics_frame",
    "table_frame",
    "trace_frame",
    "utc_nanoseconds",
]

#: Columns that say something of a run as a whole, beside what the process names.
OF_RUNS = ("start_time", "end_time", "status", "group", "equipment", "material_lot", "recipe", "source")
#: What compresses the chunks of a file; every HDF5 library reads deflate.
Compression = Literal["deflate", "zstd", "lz4", "none"]
Moment = str | datetime.datetime | np.datetime64 | None
Names = str | Sequence[str]
#: What a filter of runs asks for by names of its own.
OF_FILTER = ("equipment", "status", "material_lot", "recipe", "group", "run_id")


@dataclass(frozen=True)
class RunFilter:
    """Which runs of a history: those for which every condition holds.

    ``since`` and ``before`` bound the start of a run (``since`` included, ``before`` not; times with a zone).
    ``equipment`` is a path such as ``"site/area"``: the equipment itself or anything below it. The other names list
    what is let through. ``where`` is about parameters, context variables and identifiers: a category, text or number, a
    list of them, or a pair (low, high) of numbers, both included, where None is an open end. A number matches the text
    that it is written as, too. Blocks of runs that cannot match are not read from the disk.

    >>> RunFilter(since="2024-05-01T00:00Z", status="completed", where={"diameter": "D30", "feed": (0.07, 0.1)})
    """

    since: Moment = None
    before: Moment = None
    equipment: Names = ()
    status: Names = ()
    material_lot: Names = ()
    recipe: Names = ()
    group: Names = ()
    run_id: Names = ()
    where: Mapping[str, Any] = field(default_factory=dict)

    def to_core(self, kinds: Mapping[str, _core.ColumnKind]) -> _history.RunFilter:
        """Return what C++ reads; ``kinds`` are those of the columns of the history.

        Raises: ConfigurationError for a time without zone or another kind of condition, DataError for a condition that
        the column cannot meet.
        """
        among: list[tuple[str, list[str]]] = []
        between: list[tuple[str, float, float]] = []
        for name, wanted in self.where.items():
            if name in OF_FILTER:
                raise ConfigurationError(
                    where="history.RunFilter",
                    expected="a parameter, context variable or identifier",
                    received=repr(name),
                    place="where",
                    hint=f"RunFilter({name}={wanted!r})",
                )
            condition = _condition(name, wanted, kinds.get(name))
            if isinstance(condition, list):
                among.append((name, condition))
            else:
                between.append((name, *condition))
        texts = {name: _names(getattr(self, name)) for name in OF_FILTER}
        return _history.RunFilter(
            since=utc_nanoseconds(self.since),
            before=utc_nanoseconds(self.before),
            among=among,
            between=between,
            **texts,
        )


def _condition(name: str, wanted: Any, kind: _core.ColumnKind | None) -> list[str] | tuple[float, float]:
    """Return the texts that a column may hold, or the range in which its numbers may lie."""
    of_numbers = kind == _core.ColumnKind.float64
    if isinstance(wanted, tuple) and len(wanted) == 2 and all(end is None or _is_number(end) for end in wanted):
        low, high = wanted
        if low is None and high is None:
            raise _no_condition(name, wanted)
        if kind is not None and not of_numbers:
            raise _unfit(name, "a text or a list of texts", wanted, "it holds texts; (low, high) is for numbers")
        return -np.inf if low is None else float(low), np.inf if high is None else float(high)
    values = [wanted] if isinstance(wanted, str) or _is_number(wanted) else wanted
    if not isinstance(values, Sequence) or not all(isinstance(one, str) or _is_number(one) for one in values):
        raise _no_condition(name, wanted)
    if not of_numbers:
        return [value if isinstance(value, str) else _written(float(value)) for value in values]
    if len(values) != 1:
        raise _unfit(name, "a number or (low, high)", wanted, "it holds numbers; a list is for categories and texts")
    try:
        number = float(values[0])
    except ValueError:
        raise _unfit(name, "a number or (low, high)", wanted, "it holds numbers") from None
    return number, number


def _written(value: float) -> str:
    """Return the text that an import makes of a number: whole ones without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def _no_condition(name: str, wanted: object) -> ConfigurationError:
    return ConfigurationError(
        where="history.RunFilter",
        expected="a category, text or number, a list of them, or (low, high) with None for an open end",
        received=repr(wanted),
        place=f"where, {name!r}",
    )


def _unfit(name: str, expected: str, wanted: object, hint: str) -> DataError:
    return DataError(
        where="history.RunFilter", expected=expected, received=repr(wanted), place=f"where, {name!r}", hint=hint
    )


RunChoice = slice | Sequence[str] | RunFilter | Callable[["pd.DataFrame"], Any] | None


def core_filter(file: _history.HistorySource, runs: RunChoice, known_at: int) -> _history.RunFilter:
    """Return any choice of runs as C++ reads it.

    Raises: as :meth:`RunFilter.to_core`; DataError for a run id that is not there.
    """
    chosen = _as_filter(file, runs, known_at)
    return chosen.to_core({info.name: info.kind for info in file.schema()} if chosen.where else {})


def _as_filter(file: _history.HistorySource, runs: RunChoice, known_at: int) -> RunFilter:
    if runs is None:
        return RunFilter()
    if isinstance(runs, RunFilter):
        return runs
    source = file.view(_core.Grain.runs, known_at)
    if callable(runs):
        names = [info.name for info in source.schema() if info.kind != _core.ColumnKind.ragged_float32]
        frame = table_frame(source, names)
        mask: NDArray[np.bool_] = np.asarray(runs(frame), dtype=bool)
        return RunFilter(run_id=or_none(list(frame["run_id"][mask])))
    ids: list[str] = list(source.read(["run_id"], 0, source.row_count()).column("run_id").values)
    if isinstance(runs, slice):
        return RunFilter(run_id=or_none(ids[runs]))
    chosen = [str(run) for run in runs]
    unknown = sorted(set(chosen) - set(ids))
    if unknown:
        raise DataError(
            where="history.read",
            expected="runs of this history",
            received=repr(unknown[0]),
            hint=_core.nearest_hint(unknown[0], ids),
        )
    return RunFilter(run_id=or_none(chosen))


def or_none(run_ids: list[str]) -> list[str]:
    """Return names of runs for a filter, to which an empty list would mean all: no run bears the empty name."""
    return run_ids or [""]


def default_columns(source: _core.TableSource) -> list[str]:
    """Return what is read when nobody says what: all but the housekeeping of runs and samples of traces."""
    return [
        info.name
        for info in source.schema()
        if info.name not in (*OF_RUNS, "reading_time") and info.kind != _core.ColumnKind.ragged_float32
    ]


def _names(given: Names) -> list[str]:
    return [given] if isinstance(given, str) else [str(name) for name in given]


def utc_nanoseconds(moment: Moment) -> int:
    """Return an instant as UTC nanoseconds; None as the mark for missing.

    Raises: ConfigurationError without zone, DataError for a text that is no time, or one that nanoseconds cannot hold.
    """
    if moment is None:
        return int(np.iinfo(np.int64).min)
    if isinstance(moment, str):
        if text_out_of_range(moment):
            raise out_of_range(repr(moment), "history.read")
        return _core.parse_time(moment)
    if isinstance(moment, np.datetime64):
        if not np.isnat(moment):
            require_in_range(int(moment.astype("datetime64[s]").astype(np.int64)), str(moment), "history.read")
        return int(moment.astype("datetime64[ns]").view(np.int64))
    if moment.tzinfo is None:
        raise ConfigurationError(
            where="history.read",
            expected="a time with a zone",
            received=moment.isoformat(),
            hint="local time is ambiguous twice a year: use datetime.now(datetime.UTC)",
        )
    import pandas as pd

    require_in_range(moment.timestamp(), moment.isoformat(), "history.read")
    return int(pd.Timestamp(moment).value)


def column_infos(source: _core.TableSource, columns: Sequence[str]) -> dict[str, _core.ColumnInfo]:
    """Return what these columns and all listed ones are; of some a source tells only when they are asked for."""
    infos = {info.name: info for info in source.schema()}
    unlisted = [name for name in dict.fromkeys(columns) if name not in infos]
    if unlisted:
        none = source.read(unlisted, 0, 0)
        infos |= {name: none.column(name).info for name in unlisted}
    return infos


def table_frame(source: _core.TableSource, columns: Sequence[str], only: slice | None = None) -> pd.DataFrame:
    """Read whole columns of a source; the frame owns its arrays and shares them with nobody, so nothing is copied.

    Categories become a Categorical, samples of a trace one array in each cell.
    """
    import pandas as pd

    begin, end, step = (only or slice(None)).indices(source.row_count())
    if step != 1:
        raise ConfigurationError(
            where="history.read", expected="rows one after the other", received=f"a step of {step}", place="only"
        )
    infos = column_infos(source, columns)
    arrays = _history.read_arrays(source, list(columns), begin, max(begin, end))
    data: dict[str, Any] = {}
    for name, values in arrays.items():
        kind = infos[name].kind
        if kind == _core.ColumnKind.code:
            categories = pd.Index(list(infos[name].categories), dtype="str")
            data[name] = pd.Categorical.from_codes(values, categories=categories)
        elif kind == _core.ColumnKind.ragged_float32:
            samples, offsets = values
            cells = np.empty(len(offsets) - 1, dtype=object)
            for row in range(len(cells)):
                cells[row] = samples[offsets[row] : offsets[row + 1]]
            data[name] = cells
        elif kind == _core.ColumnKind.string:
            data[name] = pd.Series(values, dtype="str")  # without rows pandas could not see that they are texts
        elif name in ("repeat", "readings") and not np.isnan(values).any():
            data[name] = values.astype(np.int64)
        else:
            data[name] = values
    return pd.DataFrame(data, copy=False)


def trace_frame(
    run_ids: Sequence[str],
    values: NDArray[np.float32],
    offsets: NDArray[np.int64],
    start_time: NDArray[np.int64],
    times: NDArray[np.int64],
    period: int,
) -> pd.DataFrame:
    """Return samples as a long table; ``times`` are of irregular channels, regular ones have a period in nanoseconds.

    Times of a run whose start is unknown count from its first sample.
    """
    import pandas as pd

    counts = np.diff(offsets)
    missing = np.iinfo(np.int64).min
    known = np.repeat(start_time != missing, counts)
    if period:
        since = (np.arange(len(values)) - np.repeat(offsets[:-1], counts)) * period
        moments = np.repeat(start_time, counts) + since
    else:
        since = times - np.repeat(times[offsets[:-1]], counts) if len(values) else times
        moments = times
    return pd.DataFrame(
        {
            "run_id": np.repeat(np.asarray(run_ids, dtype=object), counts),
            "seconds": since / 1e9,
            "time": pd.to_datetime(np.where(known, moments, missing), utc=True),
            "value": values,
        }
    )


def statistics_frame(
    source: _core.TableSource, columns: Sequence[str] | None, fractions: Sequence[float], progress: Progress | None
) -> pd.DataFrame:
    """Describe columns of numbers (all when None) in one pass, a row each."""
    import pandas as pd

    numbers = [info.name for info in source.schema() if info.kind == _core.ColumnKind.float64]
    chosen = [name for name in numbers if name != "repeat"] if columns is None else list(columns)
    found = _history.statistics(source, chosen, list(fractions), progress=progress)
    names = ("unit", "count", "missing", "mean", "standard_deviation", "low", "high")
    table = pd.DataFrame({name: [getattr(one, name) for one in found] for name in names}, index=chosen)
    for place, fraction in enumerate(fractions):
        table[f"{100 * fraction:g} %"] = [one.quantiles[place] for one in found]
    table["exact"] = [one.exact for one in found]
    return table
