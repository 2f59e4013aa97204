"""What a model believes about the rows of a frame, labelled and in the process's units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from luban import _core
from luban.errors import ConfigurationError
from luban.evaluation import Calibration, normal_half_width

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban._fitting.averaging import Averager

__all__ = [
    "LabelledPosterior",
    "ResponseCalibration",
    "VarianceOf",
    "novelty_frame",
    "ratio_of",
    "require_variance_of",
]

VarianceOf = Literal["latent", "run_mean", "reading"]


@dataclass(frozen=True)
class ResponseCalibration:
    """Factors on standard deviations that make one response's intervals keep their promise for unseen groups.

    ``reading`` serves intervals of one reading, ``run_mean`` those of the mean of a run.
    """

    reading: Calibration
    run_mean: Calibration


def require_variance_of(of: str, where: str) -> None:
    """Refuse another word for what a spread is of. Raises: ConfigurationError."""
    if of not in get_args(VarianceOf):
        raise ConfigurationError(where=where, expected='of = "latent", "run_mean" or "reading"', received=repr(of))


def ratio_of(calibration: ResponseCalibration, level: float, of: str) -> float:
    """Return the factor for an interval of ``level``.

    The expected response is never seen, so nothing can be calibrated on it: ``latent`` takes the run mean's factor.
    """
    return (calibration.reading if of == "reading" else calibration.run_mean).ratio(level)


class LabelledPosterior:
    """Posterior of the responses (columns) at the rows of a frame; ``attrs["units"]`` holds the responses' units.

    Three kinds of spread, asked for by ``of=``: ``latent`` (of the expected response), ``run_mean`` (of the mean of one
    new run), ``reading`` (of one new reading; the default). Each includes the one before it.
    """

    def __init__(
        self,
        averager: Averager,
        index: pd.Index,
        units: Mapping[str, str],
        calibration: Mapping[str, ResponseCalibration],
        novelty: pd.DataFrame,
    ) -> None:
        self._averager = averager
        self._index = index
        self._units = dict(units)
        self._calibration = dict(calibration)
        self._novelty = novelty

    @cached_property
    def _moments(self) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        return self._averager.moments()

    @property
    def responses(self) -> list[str]:
        """Names of the responses, the order of the last axis everywhere."""
        return list(self._units)

    @property
    def mean(self) -> pd.DataFrame:
        """Expected responses, one row per row of the frame."""
        return self._labelled(self._moments[0])

    def variance(self, of: VarianceOf = "reading") -> pd.DataFrame:
        """Return variances, in squared units. Raises: ConfigurationError on another word for ``of``."""
        require_variance_of(of, "fitting.variance")
        out = self._labelled(self._moments[1][of])
        out.attrs["units"] = {name: f"({unit})²" if unit else "" for name, unit in self._units.items()}
        return out

    def sd(self, of: VarianceOf = "reading") -> pd.DataFrame:
        """Return standard deviations. Raises: ConfigurationError on another word for ``of``."""
        require_variance_of(of, "fitting.sd")
        return self._labelled(np.sqrt(self._moments[1][of]))

    def interval(self, level: float = 0.9, of: VarianceOf = "reading") -> pd.DataFrame:
        """Return calibrated central intervals: columns (response, "low") and (response, "high").

        Raises: ConfigurationError on a level outside (0, 1) or another word for ``of``.
        """
        import pandas as pd

        require_variance_of(of, "fitting.interval")
        z = normal_half_width(level)
        mean, variance = self._moments
        columns: dict[tuple[str, str], NDArray[np.float64]] = {}
        for r, name in enumerate(self._units):
            half = z * ratio_of(self._calibration[name], level, of) * np.sqrt(variance[of][:, r])
            columns[name, "low"] = mean[:, r] - half
            columns[name, "high"] = mean[:, r] + half
        out = pd.DataFrame(columns, index=self._index)
        out.columns.names = ["response", "bound"]
        out.attrs.update(units=dict(self._units), level=level, of=of)
        return out

    def sample(self, n: int = 64, seed: int = 0, of: VarianceOf = "latent") -> NDArray[np.float64]:
        """Draw ``n`` joint samples (n, rows, responses).

        Raises: ConfigurationError on another word for ``of`` or fewer than one sample.
        """
        require_variance_of(of, "fitting.sample")
        if n < 1:
            raise ConfigurationError(where="fitting.sample", expected="at least 1 sample", received=str(n))
        return self._averager.sample(n, seed, of)

    @property
    def novelty(self) -> pd.DataFrame:
        """How far the rows lie from what the model has learned from.

        ``distance`` (Mahalanobis, numeric parameters and context), ``quantile`` (share of training groups, each judged
        by the others, that lay nearer), ``new_combination`` (categories never seen together), ``new`(either is so,
        the former beyond 99 %): there the model guesses, and its intervals are not calibrated.
        """
        return self._novelty.copy()

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        new = int(self._novelty["new"].sum())
        beyond = f", {new} of them beyond what was learned from" if new else ""
        return f"<luban posterior: {len(self)} rows{beyond}, responses {', '.join(self.responses)}>"

    def _repr_html_(self) -> str:
        import pandas as pd

        bounds = self.interval(0.9)
        shown = pd.DataFrame(index=self._index)
        for name, unit in self._units.items():
            title = f"{name} [{unit}]" if unit else name
            shown[title] = self.mean[name]
            shown[f"{title} 90 % of readings"] = [
                f"{low:.3g} … {high:.3g}" for low, high in zip(bounds[name, "low"], bounds[name, "high"], strict=True)
            ]
        if self._novelty["new"].any():
            shown["new"] = self._novelty["new"]
        return shown.to_html(border=0, max_rows=20, float_format=lambda value: f"{value:.4g}")

    def _labelled(self, values: NDArray[np.float64]) -> pd.DataFrame:
        import pandas as pd

        out = pd.DataFrame(values, index=self._index, columns=list(self._units))
        out.attrs["units"] = dict(self._units)
        return out


def novelty_frame(
    envelope: _core.TrainingEnvelope, encoder: _core.Encoder, X: NDArray[np.float64], index: pd.Index
) -> pd.DataFrame:
    """Judge coded rows (q, p) by the training envelope; see :attr:`LabelledPosterior.novelty`."""
    import pandas as pd

    numeric = [encoder.find(name) for name in envelope.names]
    distance = np.array(
        [envelope.distance([float(encoder.decode_value(j, row[j])) for j in numeric]) for row in X], dtype=float
    )
    quantiles, levels = np.asarray(envelope.distance_quantiles), np.asarray(envelope.quantile_levels)
    share = np.append(levels, 1.0)[np.searchsorted(quantiles, distance)]
    categorical = [encoder.find(name) for name in envelope.category_names]
    seen = {tuple(combination) for combination in envelope.combinations}
    names = [tuple(str(encoder.decode_value(j, row[j])) for j in categorical) for row in X]
    fresh = np.array([bool(categorical) and combination not in seen for combination in names])
    frame = pd.DataFrame({"distance": distance, "quantile": share, "new_combination": fresh}, index=index)
    frame["new"] = fresh | (share > 0.99)
    return frame
