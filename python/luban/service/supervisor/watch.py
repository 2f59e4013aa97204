"""Watches the optimizer's innovations for drift. It can only take authority away."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from luban import monitor
from luban.service.messages import Innovation
from luban.service.supervisor.plan import DriftWatch

__all__ = ["DriftAlarm", "Watch"]

_LEAST_RESIDUALS = 100
#: Standard deviations that one innovation counts for at the most: what is beyond is no number to add up.
_MOST = 1000.0


@dataclass(frozen=True)
class DriftAlarm:
    """A detector's alarm: of which response, found how, in which direction, at which run."""

    response: str
    detector: str
    direction: str
    run_id: str

    @property
    def sentence(self) -> str:
        """The alarm in words."""
        return f"{self.response} has drifted {self.direction} from what the model says ({self.detector}, {self.run_id})"


class Watch:
    """CUSUM and Page-Hinkley of each response, calibrated by the average run length to a false alarm.

    An alarm stands until the mean of the latest ``quiet_runs`` innovations of its response is back within the
    allowance, that is, until the optimizer has learned the change or the change is gone.
    """

    def __init__(self, options: DriftWatch, responses: Iterable[str]) -> None:
        self._options = options
        self._responses = tuple(responses)
        self._detectors: dict[str, dict[str, monitor.DriftDetector]] = {}
        self._latest: dict[str, deque[float]] = {}
        self._standing: dict[str, DriftAlarm] = {}
        for name in self._responses:
            self._detectors[name] = self._calibrated(name)
            self._latest[name] = deque(maxlen=options.quiet_runs)

    @property
    def drift(self) -> bool:
        """Whether an alarm stands."""
        return bool(self._standing)

    @property
    def standing(self) -> list[DriftAlarm]:
        """The alarms that stand."""
        return list(self._standing.values())

    def follow(self, innovations: Iterable[Innovation]) -> list[DriftAlarm]:
        """Take new innovations in. Returns the alarms that are new."""
        new = []
        for one in innovations:
            if one.response not in self._detectors or math.isnan(one.standardised):
                continue
            alarm = self._update(one)
            if alarm is not None:
                new.append(alarm)
        return new

    def acknowledge(self) -> None:
        """Begin the watch anew, for a person who has seen the alarms."""
        for name in list(self._standing):
            self._begin_anew(name)

    def record(self) -> dict[str, Any]:
        """Return the statistics as plain values."""
        return {
            name: {kind: detector.statistic / detector.threshold for kind, detector in detectors.items()}
            for name, detectors in self._detectors.items()
        }

    def _update(self, one: Innovation) -> DriftAlarm | None:
        name, value = one.response, max(min(one.standardised, _MOST), -_MOST)
        self._latest[name].append(value)
        alarm = None
        for kind, detector in self._detectors[name].items():
            before = detector.state
            detector.update(value)
            risen = detector.state is monitor.DriftState.drift and before is not monitor.DriftState.drift
            if risen and name not in self._standing:
                alarm = DriftAlarm(name, kind, detector.direction.name, one.run_id)
                self._standing[name] = alarm
                self._latest[name].clear()
        if alarm is None and name in self._standing and self._is_quiet(name):
            self._begin_anew(name)
        return alarm

    def _is_quiet(self, name: str) -> bool:
        latest = self._latest[name]
        full = len(latest) == self._options.quiet_runs
        return full and abs(sum(latest) / len(latest)) <= max(self._options.allowance, 1.0 / math.sqrt(len(latest)))

    def _begin_anew(self, name: str) -> None:
        self._standing.pop(name, None)
        for detector in self._detectors[name].values():
            detector.reset()

    def _calibrated(self, name: str) -> dict[str, monitor.DriftDetector]:
        options = self._options
        residuals = [value for value in options.residuals.get(name, ()) if not math.isnan(value)]
        series = residuals if len(residuals) >= _LEAST_RESIDUALS else None
        out = {}
        for kind, detector in _detectors(options.allowance).items():
            threshold = (
                _normal_threshold(kind, options.allowance, options.run_length, options.seed)
                if series is None
                else _calibrated(detector, series, options)
            )
            out[kind] = detector.with_threshold(threshold)
        return out


def _detectors(allowance: float) -> dict[str, monitor.DriftDetector]:
    return {"CUSUM": monitor.Cusum(allowance=allowance), "Page-Hinkley": monitor.PageHinkley(allowance=allowance)}


def _calibrated(detector: monitor.DriftDetector, series: list[float], options: DriftWatch) -> float:
    return monitor.calibrated(detector, series, run_length=options.run_length, seed=options.seed)[0].threshold


@cache
def _normal_threshold(kind: str, allowance: float, run_length: float, seed: int) -> float:
    """Half a second of simulation, the same for every response."""
    return monitor.calibrated(_detectors(allowance)[kind], run_length=run_length, seed=seed)[0].threshold
