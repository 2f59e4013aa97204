"""How good a model is, said honestly: grouped cross-validation, scores with spread, calibration, the model card.

Contenders and baselines predict the same readings, of groups that they have not seen; beside them stands the noise
ceiling, what no model can beat. Scores set gross errors aside and are given with them as well.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from luban import _core
from luban._core import (
    Calibration,
    Contender,
    ContenderEvaluation,
    Evaluation,
    NoiseCeiling,
    OutOfFold,
    ResponseEvaluation,
    RobustWeightOptions,
    Scores,
    ScoreSummary,
    calibrate,
    data_digest,
    score,
    score_levels,
)
from luban._evaluation import judgement
from luban._evaluation.judgement import Skill
from luban._words import counted
from luban.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban.parallel import Progress

__all__ = [
    "Calibration",
    "Contender",
    "ContenderEvaluation",
    "Evaluation",
    "ModelCard",
    "NoiseCeiling",
    "OutOfFold",
    "OutOfFoldArrays",
    "ResponseEvaluation",
    "ScoreSummary",
    "Scores",
    "Skill",
    "calibrate",
    "contender",
    "data_digest",
    "evaluate",
    "make_card",
    "normal_half_width",
    "out_of_fold_frame",
    "score",
    "score_levels",
]


def contender(preset: str, *, name: str | None = None, **options: Any) -> Contender:
    """Name a Gaussian process preset as a contender; ``options`` are those of ``GaussianProcessOptions``.

    ``"quadratic"`` is ridge regression on squares and products. An unknown preset raises ConfigurationError when the
    contender first fits.
    """
    if preset == "quadratic":
        return Contender.ridge(name or preset, quadratic=True)
    return Contender.gaussian_process(name or preset, _core.GaussianProcessOptions(preset=preset, **options))


def evaluate(
    data: _core.Dataset,
    contenders: Sequence[Contender | str],
    *,
    seed: int,
    folds: int = 5,
    repeats: int = 1,
    split: str = "groups",
    baselines: bool = True,
    robust: RobustWeightOptions | None = None,
    threads: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Score contenders and baselines on the same grouped folds, beside the noise ceiling.

    The baselines: "trivial" (the mean), "context_mean" (the mean of what has the same categories) and "linear".

    ``split="time_blocks"`` cuts contiguous blocks of time instead of dealing groups at random. The first contender is
    the one that :func:`make_card` describes.

    Raises: ConfigurationError on an option out of range, DataError when there are fewer groups than folds,
    KeyboardInterrupt on Ctrl-C.
    """
    if max(folds, repeats) >= 2**31 or not 0 <= seed < 2**63:
        raise ConfigurationError(
            where="evaluation.evaluate",
            expected="folds and repeats below 2^31 and a seed from 0 to 2^63 - 1",
            received=f"{folds} folds, {repeats} repeats, seed {seed}",
        )
    return _core.evaluate(
        data,
        [contender(entry) if isinstance(entry, str) else entry for entry in contenders],
        seed=seed,
        folds=folds,
        repeats=repeats,
        split=split,
        baselines=baselines,
        robust=robust or RobustWeightOptions(),
        threads=threads,
        progress=progress,
    )


def make_card(data: _core.Dataset, evaluation: Evaluation, **more: Any) -> ModelCard:
    """Write the card of the first contender; ``more`` adds or replaces entries at its top level.

    Raises: DataError when the evaluation is not of this dataset.
    """
    card = json.loads(_core.make_card(data, evaluation))
    everything = np.ones(data.n)
    said = []
    for index, response in enumerate(card["responses"]):
        errors = {
            without: judgement.pooled_standard_errors(data, evaluation, index, weights)
            for without, weights in ((False, everything), (True, np.asarray(evaluation.weights[index])))
        }
        places = {entry.name: at for at, entry in enumerate(evaluation.contenders)}
        for row in response["scores"]:
            error = errors[row["without_gross_errors"]][places[row["contender"]]]
            row["pooled_standard_error"] = {"rmse": error if math.isfinite(error) else None}
        found = judgement.judge(data, evaluation, index)
        response["skill"] = found.skill
        response["skill_evidence"] = found.to_dict()
        said += [text for text in [judgement.sentence(response)] if text]
    card["why"] = said + card["why"]
    return ModelCard({**card, **more})


def _joined(own: Any, checked: Any) -> Any:
    """Return checked values with what only ``own`` says added: C++ knows the core of a card, not all of it."""
    if isinstance(own, Mapping) and isinstance(checked, Mapping):
        return {**own, **{key: _joined(own.get(key), value) for key, value in checked.items()}}
    if isinstance(own, list) and isinstance(checked, list) and len(own) == len(checked):
        return [_joined(*pair) for pair in zip(own, checked, strict=True)]
    return checked


class OutOfFoldArrays(Protocol):
    """What :func:`out_of_fold_frame` reads: an ``OutOfFold``, or the same arrays kept elsewhere."""

    @property
    def mean(self) -> NDArray[np.float64]:
        """(n, m)."""

    @property
    def sd_latent(self) -> NDArray[np.float64]:
        """(n, m)."""

    @property
    def sd_run_mean(self) -> NDArray[np.float64]:
        """(n, m)."""

    @property
    def sd_reading(self) -> NDArray[np.float64]:
        """(n, m)."""

    @property
    def fold(self) -> NDArray[Any]:
        """(n), −1 = in none."""


def out_of_fold_frame(
    data: _core.Dataset,
    answer: OutOfFoldArrays,
    response: str,
    *,
    calibration: Calibration | None = None,
    weights: NDArray[np.float64] | None = None,
    level: float = 0.9,
) -> pd.DataFrame:
    """Return predictions of readings of groups not seen, one row per reading, units in ``attrs["units"]``.

    Columns: run_id, source_row, repeat, group, fold, the inputs, measured, mean, sd_latent, sd_run_mean, sd_reading,
    low_90 and high_90 (the interval of one reading, calibrated), gross. Readings that no fold tested are NaN.

    Raises: DataError on an unknown response, ConfigurationError on a level outside (0, 1).
    """
    import pandas as pd

    index = data.response_index(response)
    unit = data.responses[index].unit
    table = data.encoder.decode(data.X)
    run, ids, labels = data.run, data.run_ids, data.group_labels
    columns: dict[str, Any] = {
        "run_id": [ids[i] for i in run],
        "source_row": data.source_row,
        "repeat": data.repeat,
        "group": [labels[g] for g in data.group[run]],
        "fold": answer.fold,
    }
    categories = table.categories
    for name, coded in table.to_dict().items():
        known = categories.get(name)
        columns[name] = coded if known is None else pd.Categorical.from_codes(coded, categories=known)
    mean, sd = answer.mean[:, index], answer.sd_reading[:, index]
    half = normal_half_width(level) * (calibration.ratio(level) if calibration else 1.0) * sd
    percent = f"{100 * level:g}"
    values = {
        "measured": data.Y[:, index],
        "mean": mean,
        "sd_latent": answer.sd_latent[:, index],
        "sd_run_mean": answer.sd_run_mean[:, index],
        "sd_reading": sd,
        f"low_{percent}": mean - half,
        f"high_{percent}": mean + half,
    }
    gross = np.zeros(data.n, dtype=bool) if weights is None else (weights == 0.0) & ~np.isnan(values["measured"])
    frame = pd.DataFrame({**columns, **values, "gross": gross})
    frame.attrs["units"] = dict(table.units) | dict.fromkeys(values, unit)
    return frame


def normal_half_width(level: float) -> float:
    """Return half the width, in standard deviations, of a normal's central interval of probability ``level``.

    Raises: ConfigurationError when the level is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise ConfigurationError(
            where="evaluation.interval", expected="a level above 0 and below 1, like 0.9", received=repr(level)
        )
    return NormalDist().inv_cdf(0.5 + 0.5 * level)


_POOLED = ("mae", "r2", "log_density", "crps", "coverage_50", "coverage_80", "coverage_90", "width_90")


class ModelCard:
    """What a model claims, and what the claim rests on: data, split, scores with spread, baselines, warnings.

    Made by :func:`make_card` or :meth:`from_json`. ``str(card)`` is for the terminal; notebooks show a table.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = dict(content)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Read a card. Raises: DataError when something is missing or it was written by a newer version."""
        content = json.loads(text)
        return cls(_joined(content, json.loads(_core.checked_card(text))))

    def to_json(self) -> str:
        """Return the card as JSON text; missing numbers are null."""
        return json.dumps(self._content)

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain values, a copy."""
        copy: dict[str, Any] = json.loads(self.to_json())
        return copy

    def __getitem__(self, key: str) -> Any:
        return self._content[key]

    @property
    def surrogate(self) -> str:
        """Name of the model among the contenders."""
        return str(self._content["surrogate"])

    @property
    def why(self) -> list[str]:
        """Plain sentences: how the model was chosen and what to be careful about."""
        return list(self._content["why"])

    @property
    def judgements(self) -> dict[str, Skill]:
        """By response: "better" than the mean, "no_better", "worse", or "unknown".

        Better or worse means a pooled out-of-fold RMSE that differs from that of the better of the baselines "trivial"
        and "context_mean" by more than twice the standard error of the difference (jackknife over groups); with fewer
        than six groups, and in cards of older versions, it is unknown.
        """
        return {response["name"]: response.get("skill", "unknown") for response in self._content["responses"]}

    @property
    def skill_warnings(self) -> list[str]:
        """One sentence for each response without proven skill: what must be known before its predictions are used."""
        texts = [judgement.sentence(response) for response in self._content["responses"]]
        return [text for text in texts if text]

    def skill(self, *, without_gross: bool = True) -> pd.DataFrame:
        """Return the table of skill: response × contender, the model first, the noise of repeats beside it.

        Scores are of the readings of all folds together; ``rmse_se`` is the standard error of ``rmse``, a jackknife
        over groups. ``rmse_fold_mean`` is the mean of the folds' own errors, ``rmse_fold_se`` its standard error over
        folds: with many small folds it comes near the mean absolute error. ``coverage_*`` are of the uncalibrated
        intervals, ``calibrated_coverage_90`` is what calibrated intervals reach on groups left out, ``width_ratio_90``
        by how much calibration widens them. ``without_gross=False`` counts gross errors too.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for response in self._content["responses"]:
            ceiling, coverage = response["noise_ceiling"], response["calibrated_coverage"]
            for row in response["scores"]:
                if row["without_gross_errors"] != without_gross:
                    continue
                own = row["contender"] == self.surrogate
                rows.append(
                    {"response": response["name"], "unit": response["unit"], "contender": row["contender"]}
                    | {"readings": int(row["pooled"]["readings"])}
                    | {"rmse": _number(row["pooled"]["rmse"])}
                    | {"rmse_se": _number(row.get("pooled_standard_error", {}).get("rmse"))}
                    | {name: _number(row["pooled"][name]) for name in _POOLED}
                    | {"rmse_fold_mean": _number(row["mean"]["rmse"])}
                    | {"rmse_fold_se": _number(row["standard_error"]["rmse"])}
                    | {"calibrated_coverage_90": _number(coverage[-1]) if own and coverage else math.nan}
                    | {"width_ratio_90": _width_ratio(response) if own else math.nan}
                    | {f"ceiling_{short}": _number(ceiling[name]) for short, name in _CEILING}
                    | {"gross_errors": int(response["gross_errors"])}
                )
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        parts = self._headlines()
        for name, table in self._tables():
            parts += ["", name, table.to_string(index=False, na_rep="–")]
        if self.why:
            parts += ["", "Know before you use it"] + [f"  - {sentence}" for sentence in self.why]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        first, *others = self._headlines()
        parts = [f"<p><b>{html.escape(first)}</b><br>{'<br>'.join(html.escape(line) for line in others)}</p>"]
        for name, table in self._tables():
            body = table.to_html(index=False, border=0, na_rep="–")
            parts.append(f"<details open><summary>{html.escape(name)}</summary>{body}</details>")
        if self.why:
            parts.append("<ul>" + "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.why) + "</ul>")
        return "\n".join(parts)

    def _headlines(self) -> list[str]:
        card = self._content
        data, checked = card["data"], card["validation"]
        grouped = f" ({checked['grouped_by']})" if checked["grouped_by"] else ""
        asked = checked.get("folds_asked", checked["folds"])
        fewer = f" ({asked} were asked for, there are {data['groups']:,} groups)" if asked > checked["folds"] else ""
        repeats = f", repeated {checked['repeats']} times" if checked["repeats"] > 1 else ""
        lines = [
            f"Model card: {card['process'] or 'a process'}, surrogate {self.surrogate}",
            f"Learned from {counted(data['readings'], 'reading')} of {counted(data['runs'], 'run')} in "
            f"{counted(data['groups'], 'group')}{grouped}; digest {data['digest'][:12]}",
            f"Inputs: {', '.join(data['inputs'])}",
            f"Checked by {checked['folds']}-fold cross-validation{fewer} that never splits a group{repeats}; seed "
            f"{checked['seed']}",
            "RMSE and R²: of all readings of all folds together, ± standard error over groups. Widths ×: what "
            "calibration widens 90 % intervals by",
        ]
        made = " ".join(text for text in (card["code_version"], card["created_time"]) if text)
        return lines + ([f"Made by luban {made}"] if made else [])

    def _tables(self) -> list[tuple[str, pd.DataFrame]]:
        import pandas as pd

        out = []
        skill = self.skill()
        for response, rows in skill.groupby("response", sort=False):
            first = rows.iloc[0]
            table = pd.DataFrame({"contender": rows["contender"]})
            table["RMSE (pooled)"] = [_plus_minus(*pair) for pair in zip(rows["rmse"], rows["rmse_se"], strict=True)]
            table["R²"] = ["–" if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}" for value in rows["r2"]]
            for title, name in (("MAE", "mae"), ("log density", "log_density"), ("CRPS", "crps")):
                table[title] = [_short(value) for value in rows[name]]
            table["inside 90 %"] = [_percent(value) for value in rows["coverage_90"]]
            table["calibrated"] = [_percent(value) for value in rows["calibrated_coverage_90"]]
            table["widths ×"] = ["–" if math.isnan(value) else f"{value:.2f}" for value in rows["width_ratio_90"]]
            title = _headed(str(response), first)
            if first["gross_errors"]:
                title += f"; gross errors set aside: {first['gross_errors']}"
            out.append((title, table))
        return out


def _headed(response: str, row: pd.Series[Any]) -> str:
    """Return the heading of a response: its unit, and what noise alone leaves of the error."""
    unit = f" [{row['unit']}]" if row["unit"] else ""
    if math.isnan(row["ceiling_rmse"]):
        return f"{response}{unit}: what noise alone leaves is not known, nothing was repeated"
    return f"{response}{unit}: noise alone leaves an RMSE of {_plus_minus(row['ceiling_rmse'], row['ceiling_se'])}"


_CEILING = (("rmse", "rmse"), ("se", "standard_error"), ("r2", "r2"))


def _width_ratio(response: Mapping[str, Any]) -> float:
    """Return by how much calibration widens the 90 % interval of a reading."""
    return Calibration.from_json(json.dumps(response["calibration_of_readings"])).ratio(0.9)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _short(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def _plus_minus(value: float, spread: float) -> str:
    return _short(value) if math.isnan(spread) else f"{_short(value)} ± {spread:.2g}"
