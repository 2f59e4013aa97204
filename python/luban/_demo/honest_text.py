"""The honest check in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from luban._demo.honest_choice import RULES
from luban._demo.honest_worlds import KINDS

if TYPE_CHECKING:
    from luban._demo.honest import HonestCheck, Mean, WorldResult

__all__ = ["check_text"]

_HEADINGS = {"choice": "Luban", "raw_cells": "raw cell means", "best_single": "best single", "centre": "centre"}
_STANDING = {"below": "below", "above": "ABOVE", "level": "no different"}


def check_text(check: HonestCheck) -> str:
    """Return the whole check as lines of at most 110 characters."""
    return "\n".join([*_plan(check), "", *_left_out(check), "", *_worlds(check), "", *_verdict(check)])


def _plan(check: HonestCheck) -> Iterator[str]:
    cells = " x ".join(check.cell_variables)
    yield f"The honest check: choosing among the {check.settings} measured settings per cell ({cells})"
    if check.quick:
        yield "QUICK: few worlds and repeats, so the numbers are rough; the full check has 200 worlds of each kind."
    yield (
        f"    The {check.readings_per_run} readings of a setting in a cell come from one shaft: these are {check.runs} "
        f"runs with repeated readings,"
    )
    yield (
        f"    not {check.readings:,} runs. Only the centre was turned {check.centre_runs} times; its shafts differ by "
        f"{check.centre_sd:.2f} {check.unit} (standard"
    )
    yield f"    deviation, gross entry errors left out: {check.gross_errors})."


def _left_out(check: HonestCheck) -> Iterator[str]:
    yield (
        f"(a) Readings left out when choosing from a random half of each shaft's readings "
        f"({check.left_out.repeats} times), mean over"
    )
    yield f"    the {check.cells} cells, {check.unit}, all readings as recorded:"
    yield from _table([("", [f"{check.left_out.readings[rule]:.3f}" for rule in RULES])], list(_HEADINGS.values()))
    yield "    Left-out readings share their shafts with those used: this says how well the noise within a shaft was"
    yield "    averaged, not how the next shaft turned at these settings will come out."


def _worlds(check: HonestCheck) -> Iterator[str]:
    count = check.worlds[0].worlds
    yield f"(b) Worlds where the truth is known, {count} of each kind; in each all readings are simulated and the"
    yield f"    model is fitted anew. True expected {check.response} of the choices, mean over the cells, {check.unit}:"
    headings = [*_HEADINGS.values(), "best possible"]
    yield from _table([(r.kind, _expected_row(r)) for r in check.worlds], headings)
    for result in check.worlds:
        yield f"    {result.kind + ':':<12}{KINDS[result.kind]}"
    yield ""
    yield "    Luban's choice less that of raw cell means, and the gain over the centre that Luban promises, with"
    yield "    standard errors:"
    headings = ["Luban - raw", "promised", "true gain", "promised - true", ""]
    yield from _table([(r.kind, _gain_row(r)) for r in check.worlds], headings)
    errors = ", ".join(f"{r.kind} {r.raw_gain_error.value:+.3f}" for r in check.worlds)
    yield f"    For comparison, raw cell means promise too much by: {errors}."
    yield from _ceiling(check)


def _ceiling(check: HonestCheck) -> Iterator[str]:
    for result in check.worlds:
        if result.averaged is not None:
            text = (
                f"With less chance, each {result.kind} world averaged over all surfaces that could have given the same "
                f"readings: Luban - raw {_with_error(result.averaged.against_raw)}, promised - true gain "
                f"{_with_error(result.averaged.gain_error)}. Who knew the model that made these worlds, "
                "hyperparameters and all, would stand against raw cell means at "
                f"{_with_error(result.averaged.informed_against_raw)}: no rule does better there on average, so what "
                "is below that is luck."
            )
            yield from textwrap.wrap(text, 108, initial_indent=4 * " ", subsequent_indent=4 * " ")


def _with_error(mean: Mean) -> str:
    return f"{mean.value:+.4f} ± {mean.standard_error:.4f}"


def _expected_row(result: WorldResult) -> list[str]:
    return [*(f"{result.expected[rule].value:.4f}" for rule in RULES), f"{result.best.value:.4f}"]


def _gain_row(result: WorldResult) -> list[str]:
    difference, error = result.against_raw, result.gain_error
    return [
        _with_error(difference),
        f"{result.promised_gain.value:.4f}",
        f"{result.true_gain.value:.4f}",
        _with_error(error),
        f"{100 * result.relative_gain_error:+.1f} %",
    ]


def _verdict(check: HonestCheck) -> Iterator[str]:
    if check.quick:
        yield "    Too few worlds for a verdict; the full check gives one."
        return
    reach = check.reach()
    standings = ", ".join(f"{r.kind} {_STANDING[r.standing]}" for r in check.worlds)
    yield f"    Luban's choice against that of raw cell means: {standings}"
    yield "    (a difference of at most two standard errors is none)."
    yield f"    Below in at least two kinds and above in none: {'met' if reach.below_raw else 'NOT met'}."
    for result in check.worlds:
        averaged = result.averaged
        if result.standing == "below" and averaged is not None and averaged.against_raw.standing != "below":
            yield f"    (In {result.kind} worlds that is luck of these {result.worlds}, by the sharper estimate above.)"
    failing = [result.kind for result in check.worlds if not result.gain_is_true]
    answer = "met" if reach.gain_is_true else f"NOT met in {', '.join(failing)}"
    yield f"    Promised gain within two standard errors (fitted) or 10 % (others) of the true one: {answer}."


def _table(rows: Sequence[tuple[str, Sequence[str]]], headings: Sequence[str]) -> Iterator[str]:
    widths = [max(len(heading), *(len(row[k]) for _, row in rows)) for k, heading in enumerate(headings)]
    first = max(len(name) for name, _ in rows)
    for name, row in [("", headings), *rows]:
        cells = "   ".join(value.rjust(width) for value, width in zip(row, widths, strict=True))
        yield f"      {name:<{first}}   {cells}".rstrip()
