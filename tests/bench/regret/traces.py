"""Traces: the best value after each evaluation, one small file per problem, method and seed."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .loops import Method, Proposer, Seen
from .problems import Problem

DIGITS = 6
PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Trace:
    """``best`` per evaluation (smaller is better; None before anything is feasible), seconds of all proposals."""

    best: tuple[float | None, ...]
    seconds: float


def rounded(value: float | None) -> float | None:
    """A value to six significant digits."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


def solve(problem: Problem, method: Method, seed: int, budget: int) -> Trace:
    """Run one method on one problem from the common initial design of a seed."""
    propose: Proposer = method(problem, seed)
    X = np.empty((0, problem.d))
    seen: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    design = problem.design(problem.initial, seed)
    seconds = 0.0
    while len(X) < budget:
        if len(X) < problem.initial:
            x = design[len(X)]
        else:
            began = time.perf_counter()
            x = propose(Seen(X, np.array([s[0] for s in seen]), np.array([s[1] for s in seen])))
            seconds += time.perf_counter() - began
        x = problem.realise(np.array(x), X)
        seen.append(problem.observe(x, seed, len(X)))
        X = np.vstack([X, x])
    best = problem.best_so_far(np.array([s[2] for s in seen]), np.array([s[1] for s in seen]))
    return Trace(tuple(rounded(value) for value in best), round(seconds, 3))


class Store:
    """A folder with ``method/problem-seed.json``: what is there is not run again."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made where it is missing."""
        self.folder = folder

    def path(self, problem: str, method: str, seed: int) -> Path:
        """Where a trace lies."""
        return self.folder / method / f"{problem}-{seed}.json"

    def get(self, problem: str, method: str, seed: int, budget: int) -> Trace | None:
        """The trace of at least ``budget`` evaluations, cut there; None where there is none."""
        path = self.path(problem, method, seed)
        if not path.exists():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Trace(tuple(kept["best"][:budget]), kept["seconds"]) if len(kept["best"]) >= budget else None

    def put(self, problem: str, method: str, seed: int, trace: Trace, about: dict[str, Any]) -> None:
        """Keep a trace; a reader never sees half of it."""
        path = self.path(problem, method, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        entry = {"problem": problem, "method": method, "seed": seed, **about}
        entry |= {"seconds": trace.seconds, "best": list(trace.best)}
        half = path.with_suffix(".half")
        half.write_text(json.dumps(entry) + "\n", encoding="utf-8")
        half.replace(path)
