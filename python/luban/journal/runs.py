"""Runs in the journal: as payloads of records, and back as frames, late responses in the rows of their readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from luban import _core
from luban.errors import DataError
from luban.journal.chain import Record

if TYPE_CHECKING:
    import pandas as pd

    from luban.process import Process

__all__ = ["FinishedRun", "as_source", "frame_of_records", "require_run_id", "responses_payload", "run_payload"]

_MAPPINGS = ("settings", "context", "identifiers")
_TIMES = ("start_time", "end_time")
_TEXTS = ("status", "equipment", "material_lot", "recipe")
_KEYS = ("run_id", "readings", *_MAPPINGS, *_TIMES, *_TEXTS)

Reading = tuple[str, int]  # run_id, repeat


class FinishedRun(Protocol):
    """A run as ``luban.campaign.Run`` has it; a mapping with the same names may say more.

    Beside these: ``identifiers`` by name; ``end_time``; ``status``, ``equipment``, ``material_lot``, ``recipe``. A
    reading holds noise levels and responses by name, and may hold ``repeat`` (else counted from 1) and
    ``reading_time``. Times are UTC nanoseconds or ISO 8601 with a zone. Values are in the process's units.
    """

    @property
    def run_id(self) -> str:
        """Name of the run."""

    @property
    def settings(self) -> Mapping[str, float | str]:
        """Parameters by name."""

    @property
    def context(self) -> Mapping[str, float | str]:
        """Context variables by name."""

    @property
    def readings(self) -> Sequence[Mapping[str, float | str]]:
        """Noise levels and responses of each reading."""

    @property
    def start_time(self) -> str:
        """When it began; empty = unknown."""


def run_payload(run: FinishedRun | Mapping[str, Any]) -> dict[str, Any]:
    """Return a finished run as the payload of its record. Raises: DataError when it is incomplete."""
    if isinstance(run, Mapping):
        given = dict(run)
        unknown = next((str(key) for key in given if key not in _KEYS), None)
        if unknown is not None:
            raise _unfit(f"keys of a run: {', '.join(_KEYS)}", repr(unknown), "", _core.nearest_hint(unknown, _KEYS))
    else:
        given = {name: getattr(run, name) for name in _KEYS if hasattr(run, name)}
    run_id = require_run_id(given.get("run_id"))
    payload: dict[str, Any] = {"event": "finished", "run_id": run_id}
    for name in _MAPPINGS:
        payload[name] = _values(given.get(name) or {}, name, run_id)
    if not payload["settings"]:
        raise _unfit("settings", "a run without any", run_id)
    for name in _TIMES:
        payload[name] = _time(given.get(name))
    for name in _TEXTS:
        payload[name] = str(given.get(name) or "")
    payload["readings"] = _readings(given.get("readings") or (), run_id)
    return payload


def responses_payload(run_id: str, repeat: int, values: Mapping[str, float], time: int | str | None) -> dict[str, Any]:
    """Return late or corrected responses of one reading as the payload of their record. Raises: DataError."""
    name = require_run_id(run_id)
    found = _values(values, "responses", name)
    if not found:
        raise _unfit("at least one response", "none", name)
    return {"event": "responses", "run_id": name, "repeat": _repeat(repeat, name), "values": found, "time": _time(time)}


def _readings(readings: Sequence[Mapping[str, Any]], run_id: str) -> list[dict[str, Any]]:
    out = []
    for number, reading in enumerate(readings, 1):
        values = dict(reading)
        repeat = _repeat(values.pop("repeat", number), run_id)
        time = _time(values.pop("reading_time", None))
        out.append({"repeat": repeat, "time": time, "values": _values(values, "a reading", run_id)})
    repeats = [reading["repeat"] for reading in out]
    if len(set(repeats)) != len(repeats):
        raise _unfit("each repeat once", f"repeats {repeats}", run_id)
    return out


def _values(values: Any, what: str, run_id: str) -> dict[str, float | str]:
    if not isinstance(values, Mapping):
        raise _unfit(f"{what} by name", f"a {type(values).__name__}", run_id)
    out: dict[str, float | str] = {}
    for name, value in values.items():
        plain = value.item() if hasattr(value, "item") else value
        if not isinstance(plain, int | float | str) or isinstance(plain, bool):
            raise _unfit("numbers and names of categories", f"{name} = {value!r}", run_id)
        out[str(name)] = plain if isinstance(plain, str) else float(plain)
    return out


def require_run_id(run_id: Any) -> str:
    """Return the name of a run without surrounding blanks. Raises: DataError when it is none."""
    if isinstance(run_id, str) and run_id.strip() and run_id.isprintable():
        return run_id.strip()
    raise _unfit("a run_id that is a printable text", repr(run_id), "")


def _repeat(repeat: Any, run_id: str) -> int:
    number = repeat.item() if hasattr(repeat, "item") else repeat
    if isinstance(number, int | float) and not isinstance(number, bool) and number == int(number):
        return int(number)
    raise _unfit("a repeat that is a whole number", repr(repeat), run_id)


def _time(time: Any) -> int | None:
    if time is None or time == "":
        return None
    return _core.parse_time(time) if isinstance(time, str) else int(time)


def _unfit(expected: str, received: str, run_id: str, hint: str = "") -> DataError:
    place = f"run {run_id!r}" if run_id else ""
    return DataError(where="journal.append_run", expected=expected, received=received, place=place, hint=hint)


def frame_of_records(
    records: Sequence[Record],
    finished: Callable[[str], Record | None],
    document: Mapping[str, Any],
    process: Process | None,
    head: Record,
) -> pd.DataFrame:
    """Return the readings of ``records``; see :meth:`Journal.runs`. ``finished`` finds the record of an earlier run.

    ``head`` is the last record that was read. ``attrs["unplaced"]`` lists late responses of runs that the journal
    does not have: (sequence, run_id, repeat).
    """
    import pandas as pd

    content = document if process is None else process.to_dict()
    noise = set(content.get("noise") or {})
    rows: dict[Reading, dict[str, Any]] = {}
    unplaced = []
    for record in records:
        payload = record.payload
        if payload["event"] == "finished":
            for key, row in _rows_of_run(payload).items():
                rows[key] = rows.get(key, {}) | row
            continue
        key = (payload["run_id"], payload["repeat"])
        if key not in rows:
            earlier = finished(payload["run_id"])
            rows[key] = _row_of_late(payload, None if earlier is None else earlier.payload, noise)
            if earlier is None:
                unplaced.append((record.sequence, *key))
        rows[key] |= payload["values"]
        if rows[key].get("reading_time") is None:
            rows[key]["reading_time"] = payload["time"]
    frame = _typed(pd.DataFrame(list(rows.values()), columns=_column_order(rows.values())))
    units = _units(content)
    frame.attrs = {"units": {name: units[name] for name in frame.columns if name in units}}
    if process is not None:
        frame = as_source(frame, process)
    frame.attrs |= {"sequence": head.sequence, "hash": head.hash, "unplaced": unplaced}
    return frame


def _rows_of_run(payload: Mapping[str, Any]) -> dict[Reading, dict[str, Any]]:
    return {
        (payload["run_id"], reading["repeat"]): _row(payload, reading["repeat"], reading["time"]) | reading["values"]
        for reading in payload["readings"]
    }


def _row(payload: Mapping[str, Any], repeat: int, time: int | None) -> dict[str, Any]:
    """Return what a run says of all its readings."""
    row = {"run_id": payload["run_id"], "repeat": repeat, "reading_time": time}
    row |= {name: payload[name] for name in (*_TIMES, *_TEXTS) if payload[name] not in (None, "")}
    for name in _MAPPINGS:
        row |= payload[name]
    return row


def _row_of_late(payload: Mapping[str, Any], run: Mapping[str, Any] | None, noise: set[str]) -> dict[str, Any]:
    """Return the row of a reading that was told of before: its inputs, without the responses that are known."""
    if run is None:
        return {"run_id": payload["run_id"], "repeat": payload["repeat"], "reading_time": None}
    reading = next((entry for entry in run["readings"] if entry["repeat"] == payload["repeat"]), None)
    row = _row(run, payload["repeat"], None if reading is None else reading["time"])
    if reading is not None:
        row |= {name: value for name, value in reading["values"].items() if name in noise}
    return row


def _column_order(rows: Any) -> list[str]:
    names: dict[str, None] = dict.fromkeys(("run_id", "repeat", "reading_time"))
    for row in rows:
        names |= dict.fromkeys(row)
    return list(names)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    frame["repeat"] = frame["repeat"].astype("int64")
    for name in ("reading_time", *_TIMES):
        if name in frame.columns:
            known = pd.array([None if pd.isna(value) else int(value) for value in frame[name]], dtype="Int64")
            frame[name] = pd.to_datetime(pd.Series(known, index=frame.index), unit="ns", utc=True)
    if not frame["reading_time"].notna().any():
        del frame["reading_time"]
    return frame


def _units(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the units of a process file's variables and responses."""
    sections = [content.get(section) or {} for section in ("parameters", "context", "noise", "responses")]
    return {
        name: str(entry["unit"])
        for section in sections
        for name, entry in section.items()
        if isinstance(entry, Mapping) and entry.get("unit")
    }


def as_source(frame: pd.DataFrame, process: Process) -> pd.DataFrame:
    """Return a frame as the process file says that its source has it: an import converts it back."""
    from luban import units

    for name, column in process.source_columns.items():
        given = frame.columns.isin([name]).any()
        if column.role in ("parameter", "context", "noise") and not given:
            frame[name] = None  # an import refuses the rows, and says why
        elif given and column.role != "identifier" and column.source_unit not in (None, column.unit):
            frame[name] = units.convert(frame[name].to_numpy(dtype=float), column.unit, str(column.source_unit))
    frame.attrs = {}
    return frame
