"""How people reach a running loop: who they are, what they may, and those who only want to be in the way."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luban.control import ControlMode, PersonRole, PlantKind
from luban.errors import IoError, LifecycleError
from luban.service import Ending, People, ask_loop, run
from luban.service.wire import framed

from .support import Line

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def door() -> Iterator[Path]:
    """A short path in a folder that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="lb") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder / "loop.sock"


@pytest.fixture
def open_door(make_line: Callable[..., Line], door: Path) -> Iterator[Callable[..., tuple[Line, People]]]:
    """Loops that people can reach."""
    made: list[People] = []

    def make(**changes: Any) -> tuple[Line, People]:
        line = make_line(**changes)
        made.append(People(line.loop, door))
        return line, made[-1]

    yield make
    for people in made:
        people.close()


class Attended:
    """A thread that lets people in all the time, as a loop does between its cycles."""

    def __init__(self, people: People) -> None:
        self._people, self._stop = people, False
        self._thread = threading.Thread(target=self._attend)
        self._thread.start()

    def _attend(self) -> None:
        while not self._stop:
            self._people.attend(0.05)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        self._stop = True
        self._thread.join()


def test_who_asks_is_what_the_kernel_says(open_door: Callable[..., Any], door: Path) -> None:
    line, people = open_door(plant_kind=PlantKind.real, roles={ME: PersonRole.operator})
    line.cycles(3)
    with Attended(people):
        shown = ask_loop(door, {"do": "show"})
        assert shown["accepted"]
        assert shown["loop"]["achieved"] == "shadow"
        assert ask_loop(door, {"do": "raise", "mode": "advisory", "person": "anna", "role": "engineer"})["accepted"]
        line.loop.cycle()
        refused = ask_loop(door, {"do": "raise", "mode": "closed"})
        assert "role_missing" in refused["reasons"]
        assert not refused["accepted"]
        assert all(isinstance(text, str) and text for text in refused["sentences"])
        assert ask_loop(door, {"do": "stop"})["accepted"]
        assert ask_loop(door, {"do": "reset"})["reasons"] == ["role_missing"]
    assert line.mode == "tripped"
    people_told = {record.payload["person"] for record in line.records("request") if record.payload.get("person")}
    assert people_told == {ME}


def as_user(user: str, door: Path, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask as another user of this system."""
    code = (
        "import json, socket, struct, sys\n"
        "for text in sys.argv[2:]:\n"
        "    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); b = text.encode()\n"
        "    s.sendall(struct.pack('>I', len(b)) + b)\n"
        "    f = s.makefile('rb'); n = struct.unpack('>I', f.read(4))[0]; print(f.read(n).decode())\n"
    )
    texts = [json.dumps(request) for request in requests]
    numbers = pwd.getpwnam(user)
    command = ["setpriv", f"--reuid={numbers.pw_uid}", f"--regid={numbers.pw_gid}", "--clear-groups", "--"]
    python = ["/usr/bin/python3"] if Path("/usr/bin/python3").exists() else [sys.executable]
    done = subprocess.run(
        [*command, *python, "-c", code, str(door), *texts], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def two_users() -> tuple[str, str]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("asking as another user takes root and setpriv")
    return "nobody", "daemon"


@pytest.mark.parametrize("operator_first", [False, True])
def test_two_users_of_the_system_close_a_real_plant(
    open_door: Callable[..., Any], door: Path, two_users: tuple[str, str], operator_first: bool
) -> None:
    engineer, operator = two_users
    roles = {engineer: PersonRole.engineer, operator: PersonRole.operator}
    line, people = open_door(plant_kind=PlantKind.real, roles=roles, modes={"shadow_cycles": 1})
    line.cycles(3)
    close = {"do": "raise", "mode": "closed"}
    with Attended(people):
        assert as_user(operator, door, {"do": "raise", "mode": "advisory"})[0]["accepted"]
        line.loop.cycle()
        first, second = (operator, engineer) if operator_first else (engineer, operator)
        assert not as_user(first, door, close)[0]["accepted"]
        assert not as_user(first, door, close)[0]["accepted"]
        assert line.mode == "advisory"
        assert not ask_loop(door, close)["accepted"]  # we have no role here, and are in nobody's way
        (answer,) = as_user(second, door, close)
        assert answer["accepted"], answer["sentences"]
        assert line.mode == "closed"
        (lowered,) = as_user("bin", door, {"do": "lower", "mode": "shadow"})  # anybody may
        assert lowered["accepted"]
    told = [record.payload for record in line.records("request") if record.payload.get("second_person")]
    assert (told[-1]["person"], told[-1]["second_person"]) == (engineer, operator)


def test_a_wish_does_not_wait_for_ever(open_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    line, people = open_door(plant_kind=PlantKind.real, modes={"shadow_cycles": 1})
    line.cycles(3)
    assert people.answer({"do": "raise", "mode": "advisory"}, "otto")["accepted"]
    line.cycles(2)
    close = {"do": "raise", "mode": "closed"}
    assert not people.answer(close, "anna")["accepted"]
    now = time.monotonic()
    monkeypatch.setattr("luban.service.supervisor.people.time.monotonic", lambda: now + 121.0)
    assert not people.answer(close, "otto")["accepted"]
    monkeypatch.undo()
    assert not people.answer(close, "otto")["accepted"]
    people.answer({"do": "lower", "mode": "advisory"}, "mallory")
    assert not people.answer(close, "anna")["accepted"]  # somebody has lowered in between: from the beginning
    assert people.answer(close, "otto")["accepted"]


@pytest.mark.parametrize(
    "request_",
    [
        {}, {"do": None}, {"do": "close"}, {"do": ["raise"]}, {"do": "raise"}, {"do": "raise", "mode": "open"},
        {"do": "raise", "mode": None}, {"do": "raise", "mode": {"closed": 1}}, {"do": "lower", "mode": 3},
        {"do": "approve"}, {"do": "approve", "recommendation": "R" * 300}, {"do": "approve", "recommendation": ["R1"]},
        {"do": "engage"}, {"do": "engage", "variable": 7}, {"do": "raise", "mode": "__class__"},
    ],
    ids=lambda request_: json.dumps(request_)[:40],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused_in_words(open_door: Callable[..., Any], request_: Any) -> None:
    line, people = open_door()
    line.cycles(2)
    before = len(line.records("request"))
    answer = people.answer(request_, "anna")
    assert not answer["accepted"]
    assert answer["sentences"][0].startswith("The request cannot be understood")
    assert len(line.records("request")) == before
    framed(answer)


@pytest.mark.parametrize("mode", ["tripped", "fallback", "hold", "off"])
def test_a_mode_that_nobody_raises_to(open_door: Callable[..., Any], mode: str) -> None:
    line, people = open_door(mode=ControlMode.shadow)
    line.cycles(2)
    assert people.answer({"do": "raise", "mode": mode}, "sue")["reasons"] == ["not_a_step_up"]


def connected(door: Path) -> socket.socket:
    guest = socket.socket(socket.AF_UNIX)
    guest.settimeout(5.0)
    guest.connect(str(door))
    return guest


GARBAGE = [
    b"\xff" * 100,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00\x00\x00\x02[]",
    b"\x00\x00\x00\x05{nope",
    b"\x00\x00\x20\x00",
]


@pytest.mark.parametrize("said", GARBAGE)
def test_garbage_ends_the_connection_and_nothing_else(open_door: Callable[..., Any], door: Path, said: bytes) -> None:
    line, people = open_door()
    line.cycles(2)
    with Attended(people), connected(door) as guest:
        guest.sendall(said)
        assert guest.recv(100) == b""
        assert ask_loop(door, {"do": "show"})["accepted"]
    assert people._guests == []


def test_fifty_who_say_nothing_do_not_keep_anybody_out(open_door: Callable[..., Any], door: Path) -> None:
    line, people = open_door()
    line.cycles(3)
    with Attended(people):
        silent = [connected(door) for _ in range(50)]
        began = time.monotonic()
        assert ask_loop(door, {"do": "stop"})["accepted"]
        took = time.monotonic() - began
        assert line.mode == "tripped"
        assert len(people._guests) <= 17
    for guest in silent:
        guest.close()
    assert took < 1.0


def test_those_who_do_not_read_hold_nobody_up(open_door: Callable[..., Any], door: Path) -> None:
    """Ten guests ask and ask, and never read an answer."""
    line, people = open_door()
    line.cycles(3)
    guests = [connected(door) for _ in range(10)]
    request = framed({"do": "show"})
    for guest in guests:
        guest.setblocking(False)
        for _ in range(2000):
            try:
                guest.send(request)
            except BlockingIOError:
                break
    slowest = 0.0
    for _ in range(30):
        began = time.monotonic()
        people.attend(0.02)
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 0.5
    with Attended(people):
        assert ask_loop(door, {"do": "show"})["accepted"]
    for guest in guests:
        guest.close()


def test_several_requests_over_one_connection_are_answered_in_turn(open_door: Callable[..., Any], door: Path) -> None:
    from luban.service.wire import Channel

    line, people = open_door()
    line.cycles(3)
    with Attended(people):
        channel = Channel(connected(door))
        for _ in range(20):
            channel.send({"do": "show"})
        channel.send({"do": "stop"})
        answers: list[Any] = []
        end = time.monotonic() + 5.0
        while len(answers) < 21 and time.monotonic() < end:
            channel.wait(0.1)
            while (answer := channel.receive()) is not None:
                answers.append(answer["loop"]["achieved"])
        channel.close()
    assert answers == ["closed"] * 20 + ["tripped"]


def test_a_number_that_is_none_on_the_board_still_answers(open_door: Callable[..., Any], door: Path) -> None:
    line, people = open_door()
    line.cycles(3)
    line.plant.faults.nan.add("feed")
    line.cycle()
    with Attended(people):
        answer = ask_loop(door, {"do": "stop"})
    assert answer["accepted"]
    assert {row["name"]: row["value"] for row in answer["loop"]["parameters"]}["feed"] is None


def test_nobody_there(door: Path) -> None:
    with pytest.raises(LifecycleError, match="a running loop"):
        ask_loop(door, {"do": "show"})


def test_a_loop_that_does_not_answer(open_door: Callable[..., Any], door: Path) -> None:
    open_door()
    began = time.monotonic()
    with pytest.raises(IoError, match="an answer"):
        ask_loop(door, {"do": "show"}, patience_s=0.3)
    assert time.monotonic() - began < 2.0


def test_a_path_that_is_too_long(
    make_line: Callable[..., Line], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = make_line()
    deep = tmp_path / ("x" * 100) / ("y" * 60)
    deep.mkdir(parents=True)
    with pytest.raises(IoError, match="a path of at most 107 bytes"):
        People(line.loop, deep / "loop.sock")
    monkeypatch.chdir(deep)
    people = People(line.loop, deep / "loop.sock")  # it is near to where we stand
    with Attended(people):
        assert ask_loop(deep / "loop.sock", {"do": "show"})["accepted"]
    people.close()
    assert not (deep / "loop.sock").exists()


def test_a_socket_that_a_killed_loop_left_is_taken_over(make_line: Callable[..., Line], door: Path) -> None:
    code = f"import os, signal, socket; s = socket.socket(socket.AF_UNIX); s.bind({str(door)!r}); s.listen(1); " \
           "os.kill(os.getpid(), signal.SIGKILL)"  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=False)
    assert door.is_socket()
    line = make_line()
    people = People(line.loop, door)
    with Attended(people):
        assert ask_loop(door, {"do": "show"})["accepted"]
    with pytest.raises(LifecycleError, match="a loop of its own"):
        People(line.loop, door)
    people.close()


def test_a_loop_that_hangs_is_not_taken_for_a_dead_one(make_line: Callable[..., Line], door: Path) -> None:
    """Its door is full: nobody lets anybody in, and still somebody has it."""
    line = make_line()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(door))
        other.listen(0)
        waiting = []
        while True:
            guest = socket.socket(socket.AF_UNIX)
            guest.setblocking(False)
            waiting.append(guest)
            try:
                guest.connect(str(door))
            except BlockingIOError:
                break
        with pytest.raises(LifecycleError, match="another one that runs"):
            People(line.loop, door)
        with pytest.raises(IoError, match="lets nobody in"):
            ask_loop(door, {"do": "show"}, patience_s=0.2)
        for guest in waiting:
            guest.close()


def test_another_file_of_that_name_is_not_removed(make_line: Callable[..., Line], door: Path) -> None:
    door.write_text("precious", encoding="ascii")
    with pytest.raises(IoError, match="a socket"):
        People(make_line().loop, door)
    assert door.read_text(encoding="ascii") == "precious"


def test_a_process_without_descriptors_goes_on(open_door: Callable[..., Any], door: Path) -> None:
    import resource

    line, people = open_door()
    line.cycles(2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with connected(door) as guest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            people.attend(0.05)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        guest.sendall(framed({"do": "show"}))
        people.attend(0.05)
        assert len(guest.recv(100)) > 4


def test_waking_up_is_never_waited_for(open_door: Callable[..., Any]) -> None:
    _, people = open_door()
    for _ in range(70_000):
        people.wake()
    people.attend(0.0)


def test_the_user_who_runs_it_asks_with_keys(open_door: Callable[..., Any]) -> None:
    line, people = open_door(roles={ME: PersonRole.supervisor})
    line.until("closed")
    people.request_own({"do": "lower", "mode": "advisory"})
    people.attend(0.0)
    assert line.mode == "advisory"


@pytest.mark.parametrize("at", ["wait", "plant"])
def test_stop_during_a_cycle_keeps_its_write_from_going_out(
    make_line: Callable[..., Line], door: Path, at: str
) -> None:
    """Pressed while the optimizer thinks, or while the plant is read: the decision of this cycle is not sent."""
    from luban.plant import LatheMachine, SystemClock
    from luban.service import CycleTimes, Question

    from .support import BETTER, Around

    pressed = threading.Event()

    class Slow(Around):
        def read(self) -> Any:
            state = self.inner.read()
            if at == "plant" and line_ and line_[0].mode == "closed":
                pressed.set()
                time.sleep(0.3)
            return state

    from luban.service import InProcess

    class Thinks(InProcess):
        def ask(self, question: Question) -> bool:
            asked = super().ask(question)
            if at == "wait" and line_[0].mode == "closed":
                self._held = self._answers.popleft()
                pressed.set()
                self._until = time.monotonic() + 0.3
            return asked

        def collect(self) -> Any:
            held = getattr(self, "_held", None)
            if held is not None and time.monotonic() > self._until:
                self._held = None
                return held
            return super().collect()

    line_: list[Line] = []
    from .support import Script

    advisor = Script(dict(BETTER))
    line_.append(
        make_line(
            advisor, machine=LatheMachine(clock=SystemClock(), shaft_s=3600.0), wrap=Slow, optimizer=Thinks(advisor),
            dwell_s=0.0, times=CycleTimes(period_s=2.0, deadline_s=2.0, reread_s=5.0),
        )
    )  # fmt: skip
    line = line_[0]
    people = People(line.loop, door)
    ending = Ending()
    thread = threading.Thread(target=lambda: run(line.loop, people=people, ending=ending))
    try:
        for _ in range(3):
            line.loop.cycle()
        assert line.mode == "closed"
        thread.start()
        assert pressed.wait(10.0)
        answer = ask_loop(door, {"do": "stop"})
        assert answer["accepted"]
        time.sleep(0.5)
        assert list(line.machine.log) == []
        assert line.mode == "tripped"
    finally:
        ending.ask("over")
        thread.join()
        people.close()
