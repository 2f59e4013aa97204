"""Time of one judgement: 10 outputs, 100 inputs, 20 constraints between the outputs, as a caller in Python sees it.

``python tests/bench/guard.py [--quick] [--json PATH]``.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from _rows import Row, make_row, write_rows

from luban.guard import (
    ConfirmedOutput,
    Guard,
    GuardOptions,
    GuardRequest,
    InputRule,
    JudgedInput,
    Verdict,
    envelope_digest,
    make_guard,
)
from luban.process import (
    NamedValue,
    OperatingLimits,
    Parameter,
    ParameterConstraint,
    Process,
    Recipe,
    Response,
    TrainingEnvelope,
)

COMMAND = "make bench-guard"
OUTPUTS, INPUTS, CONSTRAINTS = 10, 100, 20
S = 1_000_000_000


def names() -> list[str]:
    """Return the names of the parameters."""
    return [f"TIC-{i}.SP" for i in range(OUTPUTS)]


def guard_of(random: np.random.Generator) -> Guard:
    """Return a guard with dense constraints that hold at the middle of the ranges."""
    limits = OperatingLimits(0, 100, max_rate=30, max_rate_per_s=60)
    constraints = []
    for _ in range(CONSTRAINTS):
        weights = random.standard_normal(OUTPUTS)
        room = 40 * np.linalg.norm(weights) * random.random()
        total = dict(zip(names(), weights.tolist(), strict=True))
        constraints.append(ParameterConstraint(total, upper=float(50 * weights.sum() + room)))
    process = Process(
        "line",
        parameters=[Parameter(name, unit="K", low=0, high=100, limits=limits) for name in names()],
        responses=[Response("quality", unit="um")],
        parameter_constraints=constraints,
    )
    content = {
        "names": names(), "mean": [50.0] * OUTPUTS, "scale": [30.0] * OUTPUTS,
        "inverse_covariance": np.eye(OUTPUTS).ravel().tolist(), "quantile_levels": [0.5, 0.99],
        "distance_quantiles": [50.0, 100.0], "category_names": [], "combinations": [],
    }  # fmt: skip
    envelope = TrainingEnvelope.from_json(json.dumps(content))
    rules = [InputRule(f"PI-{i}", unit="bar", low=0, high=10, stuck_after_s=60) for i in range(INPUTS)]
    return make_guard(process, envelope, envelope_digest(envelope), GuardOptions(inputs=rules))


def request_of(random: np.random.Generator, spread: float) -> GuardRequest:
    """Return a request whose proposal lies ``spread`` around the middle."""
    values = 50 + spread * random.standard_normal(OUTPUTS)
    return GuardRequest(
        cycle=1, now_ns=1000 * S, deadline_ns=1001 * S, sequence=1, last_sequence=0, last_move_ns=900 * S,
        proposal=Recipe([NamedValue(name, float(v), "K") for name, v in zip(names(), values, strict=True)]),
        inputs=[JudgedInput(f"PI-{i}", 5.0, "bar", age_ns=S // 5) for i in range(INPUTS)],
        outputs=[ConfirmedOutput(name, 50.0, "K", age_ns=S // 5) for name in names()],
    )  # fmt: skip


def measure(guard: Guard, requests: list[GuardRequest]) -> tuple[list[float], list[Verdict]]:
    """Return seconds of each judgement, and the verdicts."""
    times, verdicts = [], []
    for request in requests:
        began = time.perf_counter_ns()
        judgement = guard.judge(request)
        times.append(1e-9 * (time.perf_counter_ns() - began))
        verdicts.append(judgement.verdict)
    return times, verdicts


def rows_of(guard: Guard, name: str, spread: float, repetitions: int) -> list[Row]:
    """Median and 99th percentile of many judgements."""
    random = np.random.default_rng(2)
    requests = [request_of(random, spread) for _ in range(repetitions)]
    measure(guard, requests[:100])
    times, verdicts = measure(guard, requests)
    share = {
        d: sum(v.decision.name == d for v in verdicts) / len(verdicts) for d in ("accept", "clamp", "hold", "reject")
    }
    said = ", ".join(f"{100 * part:.0f} % {d}" for d, part in share.items() if part > 0)
    what = f"{OUTPUTS} outputs, {INPUTS} inputs, {CONSTRAINTS} constraints; {said}"
    p50, p99, worst = (1e3 * float(np.quantile(times, q)) for q in (0.5, 0.99, 1.0))
    return [
        make_row(f"guard_{name}_p50", what, p50, worst - p50, "ms", COMMAND),
        make_row(f"guard_{name}_p99", what, p99, worst - p99, "ms", COMMAND, reach=0.2),
    ]


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 judgements instead of 20,000")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    options = parser.parse_args()
    repetitions = 2_000 if options.quick else 20_000
    guard = guard_of(np.random.default_rng(1))
    rows = [*rows_of(guard, "near", 3.0, repetitions), *rows_of(guard, "far", 60.0, repetitions)]
    for entry in rows:
        sys.stdout.write(f"{entry['name']:20} {entry['ours']:8.4f} {entry['unit']}  ({entry['what']})\n")
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
