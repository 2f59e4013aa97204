"""The mode machine written a second time, as a table in which the first row that fits decides.

It shares no code with the C++ machine; ``test_table.py`` compares the two over all states and events, and the rows are
the table of ``docs/modes.md``: ``python tests/control/reference.py`` writes it there.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECOND = 1_000_000_000
PAGE = Path(__file__).resolve().parents[2] / "docs/modes.md"
OWNING = ("closed", "hold", "fallback")
CRITICAL, ORDINARY = "speed", "feed"


@dataclass(frozen=True)
class Rules:
    """What the compared machine was given."""

    real: bool = True
    dwell: int = 1 * SECOND
    cycle: int = 1 * SECOND
    missed: int = 3
    troubled: int = 2
    hold: int = 2
    failed_to_hold: int = 1
    failed_to_trip: int = 2
    shadow: int = 1


@dataclass(frozen=True)
class Facts:
    """A cycle by plain words."""

    inputs: str = "good"
    recommendation: str = "fresh"
    recommendation_id: str = "r1"
    guard: str = "accept"
    write: str = "none"
    optimizer: str = "alive"
    golden: str = "available"
    journal_writable: bool = True
    plant_connected: bool = True
    plant_trip: bool = False
    drift: bool = False
    moved: tuple[str, ...] = ()


@dataclass
class Look:
    """A state and a cycle, and the questions that rows ask of them."""

    state: dict[str, Any]
    facts: Facts
    elapsed: int
    rules: Rules
    released: set[str] = field(init=False)

    def __post_init__(self) -> None:
        moved = self.facts.moved if self.state["achieved"] in OWNING else ()
        self.released = {*self.state["released"], *moved}

    @property
    def wish(self) -> str:
        return str(self.state["requested"])

    @property
    def reachable(self) -> bool:
        on_time = 0 <= self.elapsed <= self.rules.missed * self.rules.cycle
        return self.facts.journal_writable and self.facts.plant_connected and on_time

    @property
    def offered(self) -> bool:
        return self.facts.inputs == "good" and self.facts.recommendation == "fresh"

    @property
    def fed(self) -> bool:
        return self.offered and self.facts.optimizer == "alive"

    @property
    def guarded(self) -> bool:
        return self.facts.guard in ("accept", "clamp", "stay")

    @property
    def lost(self) -> bool:
        return self.facts.write in ("unconfirmed", "partial", "rejected")

    def lost_at_least(self, count: int) -> bool:
        return self.lost and self.state["failed_writes"] + 1 >= count

    def long(self, key: str, now: bool) -> bool:
        """Whether something holds now and has held for the dwell time."""
        before = self.state[key]
        held = 0 if before < 0 else min(before + self.elapsed, self.rules.dwell)
        return now and held >= self.rules.dwell

    @property
    def readable_long(self) -> bool:
        return self.long("readable_for", self.reachable and not self.facts.plant_trip)

    @property
    def ready_long(self) -> bool:
        calm = not self.facts.plant_trip and not self.facts.drift
        return self.long("ready_for", self.reachable and calm and self.fed and self.guarded)

    @property
    def taken(self) -> bool:
        return bool(self.released - {ORDINARY}) or self.released >= {CRITICAL, ORDINARY}

    @property
    def troubled(self) -> bool:
        return not (self.fed and self.guarded) and self.state["troubled_cycles"] + 1 >= self.rules.troubled

    @property
    def held_long(self) -> bool:
        return not self.fed and self.state["hold_cycles"] + 1 >= self.rules.hold

    @property
    def may_ramp(self) -> bool:
        return self.reachable and self.facts.golden != "none"


@dataclass(frozen=True)
class Row:
    """In one of these modes, when this holds, the mode becomes ``to``."""

    modes: str
    to: str
    when: Callable[[Look], bool]
    words: str


CYCLE_ROWS = (
    Row("shadow advisory closed hold fallback", "tripped", lambda x: x.facts.plant_trip, "the plant asks to let go"),
    Row("shadow advisory closed hold fallback", "tripped", lambda x: x.lost_at_least(x.rules.failed_to_trip),
        "`failed_writes_to_trip` writes in a row were not confirmed"),
    Row("closed hold fallback", "advisory", lambda x: x.taken,
        "the operator has taken a critical variable, or all of them"),
    Row("closed", "advisory", lambda x: x.facts.drift, "drift"),
    Row("closed", "hold", lambda x: not x.reachable, "journal not writable, plant disconnected, or cycles missed"),
    Row("closed", "hold", lambda x: x.facts.optimizer == "dead", "the optimizer does not answer"),
    Row("closed", "hold", lambda x: x.facts.write == "partial" or x.lost_at_least(x.rules.failed_to_hold),
        "a partial write, or `failed_writes_to_hold` in a row not confirmed"),
    Row("closed", "hold", lambda x: x.troubled,
        "`troubled_cycles` in a row with bad inputs, nothing fresh, or refused by the guard"),
    Row("hold", "fallback", lambda x: x.wish == "fallback" and x.may_ramp, "a person asked for the golden set"),
    Row("hold", "fallback", lambda x: x.wish == "closed" and x.held_long and x.may_ramp,
        "`hold_cycles` in a row with the same trouble, and a golden set, journal and plant are there"),
    Row("hold", "advisory", lambda x: x.wish == "closed" and x.fed and x.reachable, "the trouble is over"),
    Row("fallback", "hold", lambda x: not x.may_ramp, "no golden set, journal or plant any more"),
    Row("fallback", "advisory", lambda x: x.wish == "closed" and x.facts.golden == "reached" and x.fed,
        "the golden set is reached and the trouble is over"),
    Row("off", "shadow", lambda x: x.wish not in ("off",) and x.readable_long and not x.facts.drift,
        "a file asks for a mode, plant and journal within reach for `dwell`"),
    Row("shadow", "advisory",
        lambda x: not x.rules.real and x.wish in ("advisory", "closed") and x.readable_long and not x.facts.drift,
        "not a real plant: asked for, plant and journal within reach for `dwell`"),
    Row("advisory", "closed",
        lambda x: not x.rules.real and x.wish == "closed" and x.ready_long and not x.taken,
        "not a real plant: asked for, every permissive met for `dwell`"),
)  # fmt: skip

REQUEST_ROWS = (
    ("off", "shadow", "an operator raises; plant and journal within reach for `dwell`"),
    ("shadow", "advisory", "an operator raises; plant and journal within reach for `dwell`"),
    ("advisory", "closed", "an engineer raises with a second person; every permissive met for `dwell`, "
                           "`shadow_cycles` recorded, no critical variable released"),
    ("closed", "hold, advisory, shadow, off", "anybody lowers (to fallback: hold at once, the ramp in the next cycle)"),
    ("hold", "advisory, shadow, off", "anybody lowers"),
    ("fallback", "hold, advisory, shadow, off", "anybody lowers"),
    ("advisory", "shadow, off", "anybody lowers"),
    ("shadow", "off", "anybody lowers"),
    ("any", "tripped", "anybody stops the loop; the kept state is missing or altered"),
    ("tripped", "shadow, off", "an engineer resets and the cause is gone (a supervisor after a damaged state)"),
    ("closed, hold, fallback", "advisory", "the process was restarted"),
)  # fmt: skip

LOWERS = {
    "closed": {"hold", "fallback", "advisory", "shadow", "off"},
    "hold": {"fallback", "advisory", "shadow", "off"},
    "fallback": {"hold", "advisory", "shadow", "off"},
    "advisory": {"shadow", "off"},
    "shadow": {"off"},
    "off": set(),
    "tripped": set(),
}
RAISES = {("off", "shadow"), ("shadow", "advisory"), ("advisory", "closed")}


@dataclass(frozen=True)
class Answer:
    """What the machine should do: modes, what may be written, whether a request is taken."""

    requested: str
    achieved: str
    write: str = "none"
    accepted: bool = True


def cycle(look: Look) -> Answer:
    """Answer to a cycle."""
    mode = look.state["achieved"]
    rows = (row for row in CYCLE_ROWS if mode in row.modes.split() and row.when(look))
    after = next((row.to for row in rows), mode)
    wish = "advisory" if after == "advisory" and look.wish in ("hold", "fallback") else look.wish
    if after != mode or not look.reachable or look.lost or look.facts.plant_trip or not look.guarded:
        return Answer(wish, after)
    if look.facts.guard == "stay":
        return Answer(wish, after)
    if mode == "closed" and look.fed:
        return Answer(wish, after, "recommendation")
    if mode == "fallback" and look.facts.golden == "available":
        return Answer(wish, after, "golden")
    approved = look.state["approved"] not in ("",) and look.state["approved"] == look.facts.recommendation_id
    if mode == "advisory" and approved and look.offered and look.facts.guard == "accept":
        return Answer(wish, after, "approved")
    return Answer(wish, after)


def lower(state: dict[str, Any], to: str) -> Answer:
    """Answer to a person who lowers."""
    mode, wish = state["achieved"], state["requested"]
    if mode == "tripped":
        taken = to == "off" or to in LOWERS[wish]
        return Answer(to if taken else wish, mode, accepted=taken)
    if to == mode and mode != "closed":
        return Answer(to, mode)
    if to in LOWERS[mode]:
        return Answer(to, "hold" if to == "fallback" else to)
    return Answer(wish, mode, accepted=False)


def raise_(state: dict[str, Any], to: str, rules: Rules, *, engineer: bool, second: bool) -> Answer:
    """Answer to an operator or engineer who raises, with a second person or without."""
    mode = state["achieved"]
    refused = Answer(state["requested"], mode, accepted=False)
    if (mode, to) not in RAISES:
        return refused
    if to != "closed":
        return Answer(to, to) if state["readable_for"] >= rules.dwell else refused
    people = engineer and (second or not rules.real)
    record = not rules.real or state["shadow_cycles"] >= rules.shadow
    released = set(state["released"])
    free = not released - {ORDINARY} and not released >= {CRITICAL, ORDINARY}
    return Answer(to, to) if people and record and free and state["ready_for"] >= rules.dwell else refused


def reset(state: dict[str, Any], role: str) -> Answer:
    """Answer to a person who acknowledges a trip."""
    causes = state["trip_causes"]
    damaged = any(cause["reason"] == "state_damaged" for cause in causes)
    allowed = role == "supervisor" or (role == "engineer" and not damaged)
    if state["achieved"] != "tripped" or not allowed or any(cause["present"] for cause in causes):
        return Answer(state["requested"], state["achieved"], accepted=False)
    after = "off" if state["requested"] == "off" else "shadow"
    return Answer(after, after)


def wish_of_file(state: dict[str, Any], to: str) -> Answer:
    """Answer to a loop file."""
    spoken = {"lowered_by_person", "reset_by_person"} & set(state["requested_reasons"])
    known = to in ("off", "shadow", "advisory", "closed")
    taken = known and state["achieved"] == "off" and not spoken
    return Answer(to if taken else state["requested"], state["achieved"], accepted=taken)


def restart(state: dict[str, Any]) -> Answer:
    """Answer to a restart of the process."""
    if state["achieved"] not in OWNING:
        return Answer(state["requested"], state["achieved"])
    return Answer("closed" if state["requested"] == "closed" else "advisory", "advisory")


def markdown() -> Iterator[str]:
    """Lines of the table in the page."""
    yield "| from | to | when |"
    yield "| --- | --- | --- |"
    for row in CYCLE_ROWS:
        yield f"| {', '.join(row.modes.split())} | {row.to} | {row.words} |"
    for modes, to, words in REQUEST_ROWS:
        yield f"| {modes} | {to} | {words} |"


def page_with_table(text: str) -> str:
    """Return the page with the table between its two marks."""
    table = "\n".join(markdown())
    return re.sub(
        r"(<!-- TRANSITIONS -->\n\n).*?(\n\n<!-- END -->)", lambda m: m[1] + table + m[2], text, flags=re.DOTALL
    )


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE}: written\n")
