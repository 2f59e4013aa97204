"""Quality: evaluations until a target is reached on eight problems, ours and random beside the peers' kept traces.

``python tests/bench/regret.py [--quick] [--json PATH]`` runs ours and random where their traces are not yet in
``--folder``, reads the peers' traces from ``tests/bench/regret/peers`` and prints the table; the rules of the
comparison are in ``regret/evaluate.py``. ``--peers`` runs the peers instead (hours; an interrupted run goes on) where
BoTorch and Optuna can be imported. ``--quick``: 3 seeds.
"""

import argparse
import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from regret import evaluate, loops
from regret.problems import Problem, problems
from regret.traces import PEERS, Store, solve

OURS = "luban"
SEEDS, QUICK_SEEDS = 10, 3
VERSIONS = {
    "botorch": ("botorch", "gpytorch", "torch"),
    "optuna": ("optuna", "torch"),
    "luban": ("luban",),
    "random": (),
}
Traces = dict[str, dict[int, evaluate.Trace]]


def revision() -> str:
    """The commit that the installed Luban was built from: traces of ours are kept apart by it."""
    import luban

    return str(luban.build_info()["revision"])


def about(method: str) -> dict[str, Any]:
    """What made a trace."""
    versions = {name: importlib.metadata.version(name) for name in (*VERSIONS[method], "numpy", "scipy")}
    if method == OURS:
        versions["luban"] += f" at {revision()}"
    option = " --peers" if method in loops.PEERS else ""
    return {"versions": versions, "command": f"python tests/bench/regret.py{option}"}


def missing(store: Store, chosen: list[Problem], methods: list[str], seeds: int) -> Iterator[tuple[Problem, str, int]]:
    """Traces that are not there yet, seed by seed, so that an interrupted run compares what it has."""
    for seed in range(seeds):
        for problem in chosen:
            for method in methods:
                if store.get(problem.name, method, seed, problem.budget) is None:
                    yield problem, method, seed


def run(store: Store, chosen: list[Problem], methods: dict[str, loops.Method], seeds: int) -> None:
    """Run what is missing, each trace kept as soon as it is made."""
    todo = list(missing(store, chosen, list(methods), seeds))
    for done, (problem, method, seed) in enumerate(todo):
        sys.stderr.write(f"[{done + 1}/{len(todo)}] {problem.name}, {method}, seed {seed} … ")
        sys.stderr.flush()
        trace = solve(problem, methods[method], seed, problem.budget)
        store.put(problem.name, method, seed, trace, about(method))
        sys.stderr.write(f"{trace.best[-1]} in {trace.seconds:.1f} s\n")


def read(stores: dict[str, Store], problem: Problem, seeds: int) -> Traces:
    """The traces there are of one problem."""
    kept: Traces = {}
    for method, store in stores.items():
        traces = {seed: store.get(problem.name, method, seed, problem.budget) for seed in range(seeds)}
        kept[method] = {seed: trace for seed, trace in traces.items() if trace is not None}
    return kept


def row(compared: evaluate.Comparison, corrected: float) -> dict[str, Any]:
    """One problem for the JSON."""
    return {
        "problem": compared.problem,
        "target": compared.target,
        "best_peer": compared.peer,
        "seeds": compared.seeds,
        "evaluations": compared.typical,
        "reached": compared.reached,
        "ratio": compared.ratio,
        "low": compared.low,
        "high": compared.high,
        "p": compared.p,
        "p_holm": corrected,
        "loses": corrected <= evaluate.LEVEL,
        "ranks": {name: float(ranks.mean()) for name, ranks in compared.ranks.items()},
    }


def table(rows: list[dict[str, Any]], methods: list[str]) -> str:
    """The table for people."""
    lines = [
        f"{'problem':26} {'target':>11} {'seeds':>5}  {'  '.join(f'{m:>12}' for m in methods)}  {'best peer':>9} "
        f"{'ours/peer':>9} {'95 % interval':>15} {'p Holm':>7}"
    ]
    for entry in rows:
        cells = (f"{entry['evaluations'][m]:6.1f} ({entry['reached'][m]:>2})" for m in methods)
        ranges = f"{entry['low']:.2f} – {entry['high']:.2f}"
        shown = "  ".join(f"{cell:>12}" for cell in cells)
        lines.append(
            f"{entry['problem']:26} {entry['target']:11.5g} {entry['seeds']:5}  {shown}  {entry['best_peer']:>9} "
            f"{entry['ratio']:9.2f} {ranges:>15} {entry['p_holm']:7.3f}"
            f"{'  loses' if entry['loses'] else ''}"
        )
    means = "  ".join(f"{np.mean([entry['ranks'][m] for entry in rows]):12.2f}" for m in methods)
    lines.append(f"{'mean rank':26} {'':11} {'':5}  {means}")
    lines.append("Evaluations to the target: geometric mean over seeds, in brackets the seeds that reached it.")
    return "\n".join(lines) + "\n"


def report(stores: dict[str, Store], chosen: list[Problem], seeds: int, path: Path | None) -> int:
    """Compare what there is, print it, write it; the exit code is 0 when we lose nowhere and nothing is missing."""
    compared, absent = [], []
    for problem in chosen:
        traces = read(stores, problem, seeds)
        absent += [f"{problem.name}, {m}: {seeds - len(t)} seeds" for m, t in traces.items() if len(t) < seeds]
        with_some = {method: of for method, of in traces.items() if of}
        peers = [name for name in loops.PEERS if name in with_some]
        if peers and OURS in with_some:
            compared.append(evaluate.compare(problem, with_some, OURS, peers))
    corrected = evaluate.holm([c.p for c in compared])
    rows = [row(c, p) for c, p in zip(compared, corrected, strict=True)]
    shown = [m for m in stores if all(m in entry["evaluations"] for entry in rows)]
    if rows:
        sys.stdout.write(table(rows, shown))
        other, gap, low, high = evaluate.rank_gap(compared, OURS)
        sys.stdout.write(f"mean rank, ours less {other}'s: {gap:+.2f} ({low:+.2f} to {high:+.2f})\n")
    for line in absent:
        sys.stdout.write(f"missing: {line}\n")
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"rows": rows, "missing": absent}, indent=2) + "\n", encoding="utf-8")
    return 1 if absent or any(entry["loses"] for entry in rows) else 0


def main() -> int:
    """Read the command line, run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} seeds instead of {SEEDS}")
    parser.add_argument("--seeds", type=int, help="number of seeds")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--folder", type=Path, default=Path("build/bench/regret"), help="where our traces are kept")
    parser.add_argument("--peers", action="store_true", help="run the peers, into the repository")
    parser.add_argument("--only", help="names of problems, with commas between")
    options = parser.parse_args()
    known = problems()
    names = options.only.split(",") if options.only else list(known)
    unknown = sorted(set(names) - set(known))
    if unknown:
        parser.error(f"no problem {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in names]
    seeds = options.seeds or (QUICK_SEEDS if options.quick else SEEDS)
    peers = Store(PEERS)
    if options.peers:
        run(peers, chosen, loops.PEERS, seeds)
        return 0
    ours = Store(options.folder / revision())
    run(ours, chosen, loops.OURS, seeds)
    return report({**dict.fromkeys(loops.OURS, ours), **dict.fromkeys(loops.PEERS, peers)}, chosen, seeds, options.json)


if __name__ == "__main__":
    sys.exit(main())
