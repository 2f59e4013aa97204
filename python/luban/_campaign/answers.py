"""What a campaign answers: recommendations with their reasons, as objects, tables, HTML and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Any

from luban.process import Prediction

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from luban import _core
    from luban.recommend import Explanation

__all__ = ["Measured", "MeasuredReference", "ParetoFront", "Recommendation", "Recommendations"]

Value = float | str

#: Standard deviations from the mean to the ends of a 90 % interval of a normal distribution.
_NORMAL_90 = 1.6448536269514722


@dataclass(frozen=True)
class Measured:
    """A real run near recommended settings: how far (1 = one search range), its settings, its mean objective.

    ``runs`` of these settings in the same context are folded into one, named by the first. The mean leaves gross errors
    out and weights the levels of noise variables like predictions do; ``measured_over`` names the levels that it rests
    on where not all were measured.
    """

    run_id: str
    distance: float
    settings: dict[str, Value]
    measured: float
    measured_over: str = ""
    runs: int = 1


@dataclass(frozen=True)
class MeasuredReference:
    """What ``runs`` at the reference's settings gave, beside what the model expects of the mean of as many.

    ``standard_error`` is of the measured mean (NaN of one run), ``lower`` and ``upper`` are the model's calibrated
    interval for it; the model is contradicted when the mean lies outside. ``gain`` is that of the recommended settings
    against the measured mean (> 0 = better), ``gain_sd`` its standard error.
    """

    runs: int
    mean: float
    standard_error: float
    expected: float
    lower: float
    upper: float
    gain: float
    gain_sd: float
    contradicts: bool


class Recommendation:
    """Settings for one context, what is expected of them, and why.

    ``settings``, ``context`` (by name, in the process's units), ``predictions`` (by response: mean, interval of the
    next run's mean, standard deviations), ``gain`` of the objective against ``reference`` with its standard error
    ``gain_sd`` (> 0 = better), ``risk`` of the objective over the tolerances with the standard error ``risk_sd`` (where
    it was optimised instead of the expectation; the gain is then of it), ``probability_better``,
    ``probability_feasible`` (all outcome constraints together), ``limited_by`` and ``why`` (sentences; ``warnings`` are
    those that must be read first), ``nearest`` real runs, ``measured`` (what the reference really gave; None when it
    never ran), ``novelty`` (share of left-out groups that were nearer to the training data), ``outside`` (beyond what
    the training data covered, or a new combination of categories; None = not known: then probabilities are not judged).
    What is not known is NaN.
    """

    def __init__(self, core: _core.Recommendation, explanation: Explanation | None = None, notes: Sequence[str] = ()):
        self.core = core
        self.kind: str = core.kind
        self.stay: bool = core.stay
        self.settings: dict[str, Value] = core.recipe.to_dict()
        self.context: dict[str, Value] = {item.name: item.value for item in core.context}
        values = core.recipe.values  # noqa: PD011
        self.units: dict[str, str] = {item.name: item.unit for item in (*values, *core.context)}
        self.predictions: dict[str, Prediction] = {item.response: item for item in core.predictions}
        self.probability_feasible: float = core.probability_feasible
        self.limited_by: list[str] = core.limited_by
        self.why: list[str] = [*notes, *core.why]
        self.reference = explanation.reference if explanation else ""
        self.gain = explanation.gain if explanation else math.nan
        self.gain_sd = explanation.gain_sd if explanation else math.nan
        self.probability_better = explanation.probability_better if explanation else math.nan
        self.risk = explanation.risk if explanation else math.nan
        self.risk_sd = explanation.risk_sd if explanation else math.nan
        self.novelty = explanation.novelty if explanation else math.nan
        self.new_combination = explanation.new_combination if explanation else False
        self.outside: bool | None = None
        if explanation and (self.new_combination or not math.isnan(explanation.novelty)):
            self.outside = explanation.outside
        self.warnings: list[str] = explanation.warnings if explanation else []
        self.measured = _measured(explanation)
        self.nearest = [
            Measured(run.run_id, run.distance, run.recipe.to_dict(), run.measured, run.measured_over, run.runs)
            for run in (explanation.nearest if explanation else ())
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; what is not known is None."""
        plain: dict[str, Any] = {
            "warnings": self.warnings,
            "kind": self.kind,
            "stay": self.stay,
            "settings": self.settings,
            "context": self.context,
            "units": self.units,
            "predictions": {name: item.to_dict() for name, item in self.predictions.items()},
            "reference": self.reference,
            "gain": self.gain,
            "gain_sd": self.gain_sd,
            "risk": self.risk,
            "risk_sd": self.risk_sd,
            "probability_better": self.probability_better,
            "probability_feasible": self.probability_feasible,
            "limited_by": self.limited_by,
            "measured_reference": vars(self.measured) if self.measured else None,
            "novelty": self.novelty,
            "outside": self.outside,
            "new_combination": self.new_combination,
            "nearest": [vars(run) for run in self.nearest],
            "why": self.why,
        }
        cleaned: dict[str, Any] = _finite(plain)
        return cleaned

    @property
    def coverage(self) -> str:
        """Return ``"inside"`` or ``"outside"`` of what the training data covered; ``""`` when that is not known."""
        return "" if self.outside is None else "outside" if self.outside else "inside"

    @property
    def title(self) -> str:
        """Return what kind of answer it is, in words."""
        if self.stay:
            return "Stay"
        return "Worth trying next (explores)" if self.kind == "explore" else "Recommended settings"

    def row(self) -> dict[str, Any]:
        """Return what a table shows of it."""
        out: dict[str, Any] = {"kind": self.kind, "stay": self.stay, **self.settings}
        for name, item in self.predictions.items():
            out[name] = item.mean
            if item.sd_run_mean > 0.0:  # computed responses have no interval
                out[f"{name}_low"], out[f"{name}_high"] = item.lower, item.upper
        half = _NORMAL_90 * self.gain_sd
        out |= {"gain": self.gain, "gain_low": self.gain - half, "gain_high": self.gain + half}
        if not math.isnan(self.risk):
            out["risk"] = self.risk
        out |= {"probability_better": self.probability_better, "probability_feasible": self.probability_feasible}
        out |= {"novelty": self.novelty, "coverage": self.coverage, "limited_by": "; ".join(self.limited_by)}
        return out

    def __str__(self) -> str:
        return "\n".join([self.headline(), *(f"  {sentence}" for sentence in self.why)])

    def __repr__(self) -> str:
        return f"<Recommendation {self.headline()}>"

    def headline(self) -> str:
        """Return the settings in one line, with units."""
        settings = ", ".join(f"{name} {quantity(value, self.units[name])}" for name, value in self.settings.items())
        return ("stay: " if self.stay else "") + settings


class Recommendations(Sequence[Recommendation]):
    """The answer to one question, best first: a sequence, a table, HTML in a notebook, JSON for programs."""

    def __init__(
        self, items: Sequence[Recommendation], *, objective: str, unit: str, units: Mapping[str, str], level: float
    ):
        self._items = list(items)
        self.objective = objective
        self.unit = unit
        self.units = dict(units)
        self.level = level

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Recommendation]:
        return iter(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    @property
    def stay(self) -> bool:
        """Whether the answer is to leave the running settings as they are."""
        return bool(self._items) and self._items[0].stay

    @property
    def warnings(self) -> list[str]:
        """What must be read before any of the answers."""
        return list(dict.fromkeys(warning for item in self._items for warning in item.warnings))

    def table(self, *, headers: bool = False) -> pd.DataFrame:
        """Return one row per recommendation, numbered from 1, units in ``attrs["units"]``.

        ``NAME_low`` and ``NAME_high`` are the calibrated interval of the next run's mean, ``gain_low`` and
        ``gain_high`` the 90 % interval of the expected gain; ``risk`` stands where the objective asks for one.
        ``headers`` writes the units into the column names.
        """
        import pandas as pd

        frame = pd.DataFrame([item.row() for item in self._items])
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="rank")
        units = {name: self._unit_of(str(name)) for name in frame.columns}
        units = {name: unit for name, unit in units.items() if unit}
        if headers:
            frame = frame.rename(columns={name: f"{name} [{unit}]" for name, unit in units.items()})
            units = {f"{name} [{unit}]": unit for name, unit in units.items()}
        frame.attrs["units"] = units
        frame.attrs["interval_level"] = self.level
        return frame

    def _unit_of(self, column: str) -> str:
        if column in ("gain", "gain_low", "gain_high", "risk"):
            return self.unit
        return self.units.get(column) or self.units.get(column.removesuffix("_low").removesuffix("_high"), "")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "objective": self.objective,
            "unit": self.unit,
            "interval_level": self.level,
            "warnings": self.warnings,
            "stay": self.stay,
            "recommendations": [item.to_dict() for item in self._items],
        }

    def to_json(self) -> str:
        """Return one JSON object; what is not known is null."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def __str__(self) -> str:
        return "\n".join(f"{number}. {item}" for number, item in enumerate(self._items, start=1))

    def _repr_html_(self) -> str:
        table = self.table(headers=True).drop(columns=["kind", "stay"])
        known = table.dropna(axis="columns", how="all")
        body = known.to_html(border=0, na_rep="–", float_format=rounded)
        parts = [f"<p><b>{escape(self._headline())}</b></p>", body]
        for number, item in enumerate(self._items, start=1):
            sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in item.why)
            opened = " open" if number == 1 else ""
            title = escape(f"{number}. {item.headline()}")
            parts.append(f"<details{opened}><summary>{title}</summary><ul>{sentences}</ul></details>")
        return "\n".join(parts)

    def _headline(self) -> str:
        context = self._items[0].context if self._items else {}
        where = ", ".join(f"{name} {quantity(value, self.units.get(name, ''))}" for name, value in context.items())
        what = "Stay with the running settings" if self.stay else f"{len(self)} recommended settings"
        if self._items and self._items[0].kind == "explore":
            what = f"{len(self)} settings worth trying next (explores)"
        return what + (f" for {where}" if where else "")


class ParetoFront(Recommendations):
    """Settings none of which is better in both objectives, best first objective first.

    ``objectives`` (2 names), ``values`` (k, 2) expected responses, or risks of objectives that ask for one,
    ``hypervolume`` predicted against ``reference`` (the worst of each objective over front and admissible measured
    settings), in the product of the two units.
    """

    def __init__(
        self,
        items: Sequence[Recommendation],
        *,
        unit: str,
        units: Mapping[str, str],
        level: float,
        front: _core.Front,
    ):
        super().__init__(items, objective=front.objectives[0], unit=unit, units=units, level=level)
        self.objectives: list[str] = front.objectives
        self.values: npt.NDArray[np.float64] = front.values  # noqa: PD011
        self.reference: list[float] = front.reference
        self.hypervolume: float = front.hypervolume

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return super().to_dict() | {
            "objectives": self.objectives,
            "values": self.values.tolist(),
            "reference": self.reference,
            "hypervolume": self.hypervolume,
        }

    def _headline(self) -> str:
        return super()._headline() + f": the front of {self.objectives[0]} and {self.objectives[1]}"


def rounded(value: float) -> str:
    """Return four significant digits, for people."""
    return f"{value:.4g}"


def quantity(value: Value, unit: str) -> str:
    """Return a value with its unit, for people."""
    text = value if isinstance(value, str) else rounded(value)
    return f"{text} {unit}" if unit else text


def _measured(explanation: Explanation | None) -> MeasuredReference | None:
    if explanation is None or explanation.measured.runs == 0:
        return None
    names = [one.name for one in fields(MeasuredReference)]
    return MeasuredReference(**{name: getattr(explanation.measured, name) for name in names})


def _finite(value: Any) -> Any:
    """Return the same plain values with None where a number is not known."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
