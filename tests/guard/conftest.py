"""A small line with a guard, and requests that are in order."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from luban.guard import ConfirmedOutput, Guard, GuardOptions, GuardRequest, JudgedInput, envelope_digest, make_guard
from luban.process import (
    ContextVariable,
    NamedValue,
    OperatingLimits,
    Parameter,
    ParameterConstraint,
    Process,
    Recipe,
    Response,
    TrainingEnvelope,
)

S = 1_000_000_000
NOW = 5_000 * S


@pytest.fixture(scope="session")
def process() -> Process:
    return Process(
        "turning",
        parameters=[
            Parameter(
                "speed", unit="m/min", low=100, high=300,
                limits=OperatingLimits(80, 320, max_rate=20, max_rate_per_s=60),
            ),
            Parameter("feed", unit="mm/rev", low=0.05, high=0.15),
        ],
        context=[ContextVariable("wear", categories=["New", "Worn"])],
        responses=[Response("roughness", unit="um")],
        parameter_constraints=[ParameterConstraint({"speed": 1.0, "feed": 1000.0}, upper=400.0)],
    )  # fmt: skip


@pytest.fixture(scope="session")
def envelope() -> TrainingEnvelope:
    content = {
        "names": ["speed", "feed"],
        "mean": [200.0, 0.1],
        "scale": [50.0, 0.025],
        "inverse_covariance": [1, 0, 0, 1],
        "quantile_levels": [0.5, 0.99, 0.999],
        "distance_quantiles": [1.5, 3.0, 4.0],
        "category_names": ["wear"],
        "combinations": [["New"]],
    }
    return TrainingEnvelope.from_json(json.dumps(content))


@pytest.fixture(scope="session")
def guard(process: Process, envelope: TrainingEnvelope) -> Guard:
    return make_guard(process, envelope, envelope_digest(envelope))


@pytest.fixture(scope="session")
def strict_guard(process: Process, envelope: TrainingEnvelope) -> Callable[..., Guard]:
    """A guard with other options."""
    return lambda **options: make_guard(process, envelope, envelope_digest(envelope), GuardOptions(**options))


@pytest.fixture
def request_of() -> Callable[..., GuardRequest]:
    """A request that is in order; keyword arguments replace its parts."""

    def make(speed: float = 210.0, feed: float = 0.11, **parts: Any) -> GuardRequest:
        ready: dict[str, Any] = {
            "cycle": 7,
            "now_ns": NOW,
            "deadline_ns": NOW + 2 * S,
            "sequence": 41,
            "last_sequence": 40,
            "last_move_ns": NOW - 60 * S,
            "proposal": Recipe([NamedValue("speed", speed, "m/min"), NamedValue("feed", feed, "mm/rev")]),
            "inputs": [JudgedInput("roughness", 1.8, "um", age_ns=S // 10)],
            "outputs": [
                ConfirmedOutput("speed", 200.0, "m/min", age_ns=S // 10),
                ConfirmedOutput("feed", 0.1, "mm/rev", age_ns=S // 10),
            ],
            "context": [NamedValue("wear", "New")],
        }
        return GuardRequest(**{**ready, **parts})

    return make
