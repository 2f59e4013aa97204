"""How much of a history a model has learned from: by run, by what its readings say, by point and by group.

Run ids alone do not tell: without ids of its own a file gives each row the digest of the file, so that the same rows
in another file are other runs by name.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from luban import _core
from luban._intake.repeats import rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Overlap", "find_overlap", "recoded"]


@dataclass(frozen=True)
class Overlap:
    """Of a history: how many there are, and how many (``_seen``) the model learned from.

    A run or reading was seen when its run id was, or the same inputs with the same values; a point (parameters and
    context) when it was run in training, whatever came of it; a group when a point of it was.
    """

    runs: int
    runs_seen: int
    readings: int
    readings_seen: int
    points: int
    points_seen: int
    groups: int
    groups_seen: int

    def to_dict(self) -> dict[str, int]:
        """Plain values, for JSON."""
        return asdict(self)

    def notes(self) -> list[str]:
        """Say in words what the scores on this history are worth; nothing when all of it is new."""
        known = f"{self.points_seen:,} of {self.points:,} points, in {self.groups_seen:,} of {self.groups:,} groups"
        if self.runs_seen:
            return [
                f"{self.runs_seen:,} of {self.runs:,} runs were learned from ({self.readings_seen:,} of "
                f"{self.readings:,} readings, by run id or by equal inputs and values; {known}): their scores say how "
                "well the model fits, not how well it predicts; model.skill() is the honest table."
            ]
        if self.points_seen:
            return [
                f"These readings are new, but {known}, were learned from: the scores say how well known points are "
                "predicted; model.skill() says it of new ones."
            ]
        return []


def recoded(encoder: _core.Encoder, data: _core.Dataset) -> NDArray[np.float64]:
    """Code the inputs of another dataset by this encoder: ranges that were taken from data may differ."""
    X: NDArray[np.float64] = encoder.encode(data.encoder.decode(data.X))
    return X


def find_overlap(training: _core.Dataset, data: _core.Dataset) -> Overlap:
    """Compare a dataset with the one that a model learned from; the latter has all of its responses."""
    X, known_X = rounded(recoded(training.encoder, data)), rounded(recoded(training.encoder, training))
    of_run = [
        column for role in (_core.Role.parameter, _core.Role.context) for column in training.encoder.columns_of(role)
    ]
    point, point_known = _known(X[:, of_run], known_X[:, of_run])
    run = np.asarray(data.run)
    group = np.asarray(data.group)[run]
    known_ids = set(training.run_ids)
    names = np.array([run_id in known_ids for run_id in data.run_ids], dtype=bool)
    seen = _seen_readings(training, data, X, known_X) | names[run]
    return Overlap(
        runs=len(data.run_ids),
        runs_seen=len(np.unique(run[seen])),
        readings=data.n,
        readings_seen=int(seen.sum()),
        points=len(np.unique(point)),
        points_seen=len(np.unique(point[point_known])),
        groups=len(data.group_labels),
        groups_seen=len(np.unique(group[point_known])),
    )


def _seen_readings(
    training: _core.Dataset, data: _core.Dataset, X: NDArray[np.float64], known_X: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which readings (n) have the inputs of a training reading and all of their values that are there."""
    Y = rounded(data.Y)
    known_Y = rounded(training.Y[:, [training.response_index(column.name) for column in data.responses]])
    there = ~np.isnan(Y)
    seen = np.zeros(data.n, dtype=bool)
    for pattern in np.unique(there, axis=0):
        if not pattern.any():
            continue
        rows = np.flatnonzero((there == pattern).all(axis=1))
        usable = ~np.isnan(known_Y[:, pattern]).any(axis=1)
        seen[rows] = _known(
            np.column_stack([X[rows], Y[rows][:, pattern]]), np.column_stack([known_X, known_Y[:, pattern]])[usable]
        )[1]
    return seen


def _known(rows: NDArray[np.float64], among: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a number for each distinct row, and whether it stands ``among`` others."""
    number = np.unique(np.concatenate([rows, among]), axis=0, return_inverse=True)[1].ravel()
    own, others = number[: len(rows)], number[len(rows) :]
    return own.astype(np.int64), np.isin(own, others)
