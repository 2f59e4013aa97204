"""Time of a loop's cycle, of a stop, of a lost optimizer, of its jitter, and of a confirmed write over OPC UA.

``python tests/bench/loop.py [--quick] [--json PATH] [--folder PATH]``; the folder names the disk of the journals. What
a busy machine does to the numbers is not taken out: the load while measuring stands in the last row.
"""

import argparse
import asyncio
import os
import pwd
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from _rows import Row, make_row, write_rows

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.service.support import START, Around, Line, Script, plan_of  # noqa: E402

from luban.control import ControlMode, PersonRole, PlantKind, RaiseRequest  # noqa: E402
from luban.plant import LatheMachine, SystemClock  # noqa: E402
from luban.plant.machine import AppliedWrite  # noqa: E402
from luban.process import Process  # noqa: E402
from luban.service import (  # noqa: E402
    CycleTimes,
    Ending,
    InProcess,
    OptimizerProcess,
    People,
    Supervisor,
    ask_loop,
    run,
)

COMMAND = "make bench-loop"
ROLES = {pwd.getpwuid(os.getuid()).pw_name: PersonRole.supervisor}
STAND_IN = REPOSITORY / "tests/service/stand_in.py"
STOP_REACH_MS, KILL_REACH_MS, JITTER_REACH_MS = 50.0, 250.0, 5.0
SHARE_REACH_MS = {50: 1.5, 99: 6.0}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of them lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def row(name: str, what: str, values: Sequence[float], share: float, **more: Any) -> Row:
    """A row of a percentile, in milliseconds."""
    spread = percentile(values, 0.75) - percentile(values, 0.25)
    return make_row(name, what, percentile(values, share), spread, "ms", COMMAND, **more)


def restless(seed: int = 0) -> Script:
    """An advisor that wants something else, near by, in every cycle: so there is always something to write."""
    draw = random.Random(seed)
    return Script(
        lambda context, running: {
            **START, "feed": draw.uniform(0.09, 0.11), "depth_of_cut": draw.uniform(0.8, 1.1)
        }
    )  # fmt: skip


def fast_line(process: Process, journal: Path, **changes: Any) -> Line:
    """A loop in real time on the simulated lathe."""
    machine = LatheMachine(clock=SystemClock(), shaft_s=3600.0)
    return Line(process, journal, restless(), machine=machine, dwell_s=0.0, golden=[], roles=ROLES, **changes)


def cycles(process: Process, folder: Path, number: int) -> list[Row]:
    """Cycles one after another: read, ask, judge, decide, record on the disk, write and confirm, record."""
    line = fast_line(process, folder / "cycles.sqlite", times=CycleTimes(period_s=1.0, deadline_s=1.0))
    try:
        for _ in range(20):
            line.loop.cycle()
        took: list[float] = []
        steps: dict[str, list[float]] = {}
        written = 0
        for _ in range(number):
            began = time.perf_counter()
            report = line.loop.cycle()
            took.append(1e3 * (time.perf_counter() - began))
            written += report.result is not None and report.result.ok
            for name, nanoseconds in report.steps_ns.items():
                steps.setdefault(name, []).append(nanoseconds / 1e6)
    finally:
        line.close()
    what = f"whole cycle with a confirmed write in {written} of {number}, journal and state synced"
    rows = [row(f"loop_cycle_p{share}", what, took, share / 100) for share in (50, 99)]
    rows += [
        row(f"loop_{name}_p{share}", f"its step '{name}'", values, share / 100)
        for name, values in steps.items()
        for share in (50, 99)
    ]
    return rows


class Turned:
    """A loop that a thread turns, ten cycles a second, and that people can reach."""

    def __init__(self, line: Line, door: Path) -> None:
        self.line, self.ending = line, Ending()
        self.people = People(line.loop, door)
        self._thread = threading.Thread(target=lambda: run(line.loop, people=self.people, ending=self.ending))
        self._thread.start()

    def until(self, mode: str, seconds: float = 20.0) -> float:
        """Wait for a mode. Returns when it was there."""
        end = time.monotonic() + seconds
        while self.line.mode != mode:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.line.mode} in place of {mode}")
            time.sleep(0.0005)
        return time.monotonic()

    def close(self) -> None:
        """End the loop."""
        self.ending.ask("measured")
        self._thread.join()
        self.people.close()
        self.line.close()


TENTH = CycleTimes(period_s=0.1, deadline_s=0.08)


def stops(process: Process, folder: Path, number: int) -> list[Row]:
    """Stop at a random moment of a loop that writes ten times a second; then reset it, and again."""
    draw = random.Random(7)
    turned = Turned(fast_line(process, folder / "stops.sqlite", times=TENTH), folder / "s")
    answered: list[float] = []
    last: list[float] = []
    try:
        for _ in range(number):
            turned.until("closed")
            time.sleep(0.3 + draw.uniform(0.0, 0.1))
            pressed = time.monotonic_ns()
            ask_loop(turned.people.path, {"do": "stop"})
            answered.append((time.monotonic_ns() - pressed) / 1e6)
            time.sleep(0.25)
            newest: AppliedWrite = turned.line.machine.log[-1]
            last.append(max(newest.at_ns - pressed, 0) / 1e6)
            _raise_again(turned)
    finally:
        turned.close()
    what = "stop pressed to"
    return [
        row("loop_stop_last_write", f"{what} the last setpoint that came into force, worst of {number}", last, 1.0,
            reach=STOP_REACH_MS),
        row("loop_stop_answer_p50", f"{what} its answer, kept and journaled", answered, 0.5),
        row("loop_stop_answer_worst", f"{what} its answer, worst of {number}", answered, 1.0),
    ]  # fmt: skip


def _raise_again(turned: Turned) -> None:
    """Reset, and raise step by step; we are a supervisor there."""
    ask_loop(turned.people.path, {"do": "reset"})
    for mode in ("shadow", "advisory", "closed"):
        end = time.monotonic() + 20.0
        while not ask_loop(turned.people.path, {"do": "raise", "mode": mode})["accepted"]:
            if turned.line.mode in (mode, "closed") or time.monotonic() > end:
                break
            time.sleep(0.05)


def kills(process: Process, folder: Path, number: int) -> list[Row]:
    """Kill the optimizer of a loop that writes ten times a second, at random moments."""
    draw = random.Random(3)
    took: list[float] = []
    late = 0
    for turn in range(number):
        place = folder / f"kill{turn}"
        place.mkdir()
        (place / "behaviour.json").write_text("{}", encoding="utf-8")
        optimizer = OptimizerProcess([sys.executable, str(STAND_IN), "--fd", "{fd}", str(place)], log=place / "log")
        optimizer.wait_ready(30.0)
        turned = Turned(fast_line(process, place / "k.sqlite", times=TENTH, optimizer=optimizer), place / "s")
        try:
            turned.until("closed")
            time.sleep(0.3 + draw.uniform(0.0, 0.1))
            pid = optimizer.pid
            killed = time.monotonic()
            os.kill(int(pid or 0), signal.SIGKILL)
            took.append(1e3 * (turned.until("hold") - killed))
            time.sleep(0.3)
            late += sum(entry.at_ns > (killed + 0.25) * 1e9 for entry in turned.line.machine.log)
        finally:
            turned.close()
    what = f"optimizer killed to outputs held, worst of {number}; {late} setpoints later than that"
    return [
        row("loop_kill_to_hold_p50", "the same, median", took, 0.5),
        row("loop_kill_to_hold", what, took, 1.0, reach=KILL_REACH_MS),
    ]


class Timed(Around):
    """A plant that notes when it was read."""

    def __init__(self, plant: Any) -> None:
        super().__init__(plant)
        self.at: list[int] = []

    def read(self) -> Any:
        self.at.append(time.monotonic_ns())
        return self.inner.read()


def jitter(process: Process, folder: Path, seconds: float) -> list[Row]:
    """Ten cycles a second beside a process that computes all the time."""
    line = fast_line(process, folder / "jitter.sqlite", times=TENTH, wrap=Timed)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        run(line.loop, cycles=int(10 * seconds))
    finally:
        busy.kill()
        busy.wait()
        line.close()
    at = line.plant.at
    first = at[0]
    due = [first + round((moment - first) / 1e8) * 10**8 for moment in at]
    late = [abs(moment - planned) / 1e6 for moment, planned in zip(at, due, strict=True)]
    missed = round((at[-1] - first) / 1e8) + 1 - len(set(due))
    what = f"distance of {len(at)} cycles from their times at 10 Hz beside a busy process"
    return [
        row("loop_jitter_p50", what, late, 0.5),
        row("loop_jitter_p99", what, late, 0.99),
        row("loop_jitter_p999", what, late, 0.999, reach=JITTER_REACH_MS),
        make_row("loop_missed_cycles", "cycles that were missed in that time", missed, 0.0, "1", COMMAND, reach=0.0),
    ]


def confirmed_writes(process: Process, folder: Path, rounds: int) -> list[Row]:
    """A closed loop on an OPC UA server with SignAndEncrypt, and between its cycles the bare calls that it makes."""
    from tests.plant.servers import LatheServer

    from luban.plant import OpcuaPlant

    server = LatheServer(folder / "server")
    try:
        plant = OpcuaPlant(process, server.binding, leases=folder / "leases")
        plan = plan_of(process, folder / "opcua.sqlite", plant_kind=PlantKind.real, dwell_s=0.0, golden=[],
                       modes={"shadow_cycles": 2}, times=CycleTimes(period_s=1.0, deadline_s=1.0))  # fmt: skip
        loop = Supervisor(plan, plant, InProcess(restless()))
        loop.start()
        try:
            _close(loop)
            whole, bare, written = _in_turns(loop, plant, server.binding, rounds)
        finally:
            loop.close()
    finally:
        server.close()
    variables, outputs = len(plant.variables), len(process.parameters)
    what = f"sample to confirmed write over OPC UA SignAndEncrypt ({variables} variables, {outputs} written)"
    rows = []
    for share in (50, 99):
        peer = percentile(bare, share / 100)
        rows.append(row(f"loop_opcua_p{share}", f"{what}, {written} writes", whole, share / 100, peer=peer,
                        peer_name="bare asyncua calls"))  # fmt: skip
        ours = percentile(whole, share / 100) - peer
        rows.append(make_row(f"loop_opcua_share_p{share}", "of it beyond the bare calls, journal and state included",
                             ours, 0.0, "ms", COMMAND, reach=SHARE_REACH_MS[share]))  # fmt: skip
    return rows


def _close(loop: Supervisor) -> None:
    for mode in (ControlMode.advisory, ControlMode.closed):
        for _ in range(3):
            loop.cycle()
        loop.step(RaiseRequest(mode=mode, person="anna", role=PersonRole.engineer, second_person="otto",
                               second_role=PersonRole.operator))  # fmt: skip
    if loop.controller.state.achieved is not ControlMode.closed:
        raise RuntimeError(f"not closed: {loop.board.shown}")


def _in_turns(loop: Supervisor, plant: Any, binding: Path, rounds: int) -> tuple[list[float], list[float], int]:
    """Five cycles, five times the bare calls, and so on: both meet the same neighbours."""
    whole: list[float] = []
    bare: list[float] = []
    written = 0
    calls = Bare(plant, binding)
    try:
        for turn in range(rounds + 2):
            for _ in range(5):
                began = time.perf_counter()
                report = loop.cycle()
                took = 1e3 * (time.perf_counter() - began)
                if turn >= 2 and report.result is not None and report.result.ok:
                    whole.append(took)
                    written += 1
            for _ in range(5):
                took = calls.once()
                if turn >= 2:
                    bare.append(took)
    finally:
        calls.close()
    return whole, bare, written


class Bare:
    """What a cycle asks of the server, by asyncua alone: read all, beat, read outputs, write them, read them back."""

    def __init__(self, plant: Any, binding: Path) -> None:
        from asyncua import ua

        from luban.plant.binding import read_binding
        from luban.plant.opcua.connection import credentials_of, open_client

        nodes, found = plant._nodes, read_binding(binding)
        self._ua, self._loop = ua, asyncio.new_event_loop()
        self._client = self._loop.run_until_complete(open_client(found, credentials_of(found, os.environ.get)))
        inputs = [node.node_id for node in nodes.all.values()]
        self._outputs = [node.node_id for node in nodes.outputs.values()]
        extra = nodes.extra
        self._all = [*inputs, extra["plant"]]
        self._beat = extra["loop"]
        self._before = [*self._outputs, extra["plant"], extra["lease"]]

    def once(self) -> float:
        """Do the calls of a cycle. Returns how long they took, ms."""
        began = time.perf_counter()
        self._loop.run_until_complete(self._calls())
        return 1e3 * (time.perf_counter() - began)

    async def _calls(self) -> None:
        await self._read(self._all)
        await self._write({self._beat: self._ua.Variant(0, self._ua.VariantType.UInt32)})
        now = await self._read(self._before)
        values = [value.Value for value in now[: len(self._outputs)]]
        await self._write(dict(zip(self._outputs, values, strict=True)))
        await self._read(self._before)

    async def _read(self, nodes: Sequence[Any]) -> Any:
        ua = self._ua
        items = [ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value) for node in nodes]
        request = ua.ReadParameters(MaxAge=0, TimestampsToReturn=ua.TimestampsToReturn.Server, NodesToRead=items)
        return await self._client.uaclient.read(request)

    async def _write(self, values: dict[Any, Any]) -> None:
        ua = self._ua
        items = [
            ua.WriteValue(NodeId=node, AttributeId=ua.AttributeIds.Value, Value=ua.DataValue(variant))
            for node, variant in values.items()
        ]
        await self._client.uaclient.write(ua.WriteParameters(NodesToWrite=items))

    def close(self) -> None:
        """Disconnect."""
        self._loop.run_until_complete(self._client.disconnect())
        self._loop.close()


def measured(quick: bool, folder: Path | None) -> list[Row]:
    """Measure everything."""
    process = Process.from_yaml(REPOSITORY / "configs/process/turning.yaml")
    parts: list[Callable[[Path], list[Row]]] = [
        lambda place: cycles(process, place, 300 if quick else 3000),
        lambda place: stops(process, place, 20 if quick else 100),
        lambda place: kills(process, place, 5 if quick else 20),
        lambda place: jitter(process, place, 20.0 if quick else 600.0),
        lambda place: confirmed_writes(process, place, 20 if quick else 200),
    ]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="lb") as name:
        for number, part in enumerate(parts):
            place = Path(name) / str(number)
            place.mkdir()
            rows += part(place)
    rows.append(make_row("loop_load", "load of the machine after measuring (one minute)", os.getloadavg()[0], 0.0, "1",
                         COMMAND))  # fmt: skip
    return rows


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer of everything, 20 s of jitter in place of 600")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--folder", type=Path, help="where the journals are made. Default: the temporary folder")
    options = parser.parse_args()
    rows = measured(options.quick, options.folder)
    for entry in rows:
        peer = "" if entry["peer"] is None else f"  ({entry['peer_name']}: {entry['peer']:.3f})"
        reach = "" if entry["reach"] is None else f"  (reach {entry['reach']:g}: {'yes' if entry['ok'] else 'no'})"
        sys.stdout.write(f"{entry['name']:24} {entry['ours']:10.3f} {entry['unit']}{peer}{reach}\n")
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
