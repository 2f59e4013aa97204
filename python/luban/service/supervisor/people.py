"""How people reach a running loop: a Unix socket beside the journal. Who asks is what the kernel says.

A request is one message, ``{"do": "raise", "mode": "closed"}``; its answer says whether it was accepted, why not, and
what the loop looks like. Anybody who can open the socket may look, lower and stop; the rest wants a role.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import select
import socket
import stat
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luban import control
from luban.control import ControlMode, PersonRole
from luban.errors import DataError, IoError, LifecycleError
from luban.service.supervisor.supervisor import Supervisor
from luban.service.wire import Channel

__all__ = ["People", "ask_loop", "user_name"]

_PEER = struct.Struct("3i")
#: How long a first person's wish to close waits for the second person.
_SECOND_PERSON_S = 120.0
_LONGEST_PATH = 107  # of a Unix socket, Linux
_MOST = 16  # connections at once
_BACKLOG = 64  # and so many that wait
_IDLE_S = 30.0
_LONGEST_REQUEST = 4096
_LONGEST_NAME = 200


@dataclass
class _Guest:
    channel: Channel
    person: str
    since: float  # of the latest request


class People:
    """Answers people while the supervisor has time. ``wake``: ends :meth:`attend` early, from any thread.

    Nobody is waited for: a guest who sends nothing, or does not read, holds nobody up, and leaves when others come.

    Raises: LifecycleError when another loop answers at this path, IoError when the socket cannot be made.
    """

    def __init__(self, loop: Supervisor, path: Path) -> None:
        self._loop, self.path = loop, path
        self._guests: list[_Guest] = []
        self._wish: tuple[str, ControlMode, float] | None = None
        self._listener = _listening(path)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self.own: list[dict[str, Any]] = []  # requests of this process, by :meth:`request_own`

    def request_own(self, request: Mapping[str, Any]) -> None:
        """Hand over a request of the user who runs the loop; from any thread. It is answered on the board."""
        self.own.append(dict(request))
        self.wake()

    def wake(self) -> None:
        """End :meth:`attend` early; from any thread and from a signal handler."""
        with contextlib.suppress(BlockingIOError):  # it is full: awake already
            os.write(self._wake_write, b"x")

    def attend(self, seconds: float) -> None:
        """Answer people for at most ``seconds``; returns early when the optimizer has something to say."""
        end = time.monotonic() + seconds
        while True:
            left = max(end - time.monotonic(), 0.0)
            optimizer = self._loop.optimizer.descriptor()
            ready = self._polled(optimizer, left)
            self._serve(ready)
            if optimizer in ready or left <= 0 or not ready:
                return

    def close(self) -> None:
        """Close the socket and remove its file."""
        for guest in self._guests:
            guest.channel.close()
        self._guests.clear()
        self._listener.close()
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _polled(self, optimizer: int | None, seconds: float) -> set[int]:
        """Wait for something to do. Returns the descriptors at which there is."""
        poll = select.poll()
        for descriptor in (self._listener.fileno(), self._wake_read, optimizer):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        for guest in self._guests:
            poll.register(guest.channel, select.POLLOUT if guest.channel.unsent else select.POLLIN)
        pending = {guest.channel.fileno() for guest in self._guests if guest.channel.pending}
        return pending | {descriptor for descriptor, _ in poll.poll(0 if pending else seconds * 1e3)}

    def _serve(self, ready: set[int]) -> None:
        if self._wake_read in ready:
            os.read(self._wake_read, 1 << 16)
        while self.own:
            said = self.answer(self.own.pop(0), user_name(os.getuid()))
            if not said["accepted"]:  # nobody waits for this answer: it is shown
                self._loop.board.refused(" ".join(said["sentences"]), self._loop.clock.utc_ns())
        for guest in [guest for guest in self._guests if guest.channel.fileno() in ready]:
            self._hear(guest)
        if self._listener.fileno() in ready:
            for guest in self._welcomed():
                self._hear(guest)
        now = time.monotonic()
        for guest in [guest for guest in self._guests if now - guest.since > _IDLE_S]:
            self._dismiss(guest)

    def _welcomed(self) -> list[_Guest]:
        """Let everybody in who waits; whoever was silent for the longest leaves when there are too many."""
        new: list[_Guest] = []
        while len(new) < _MOST:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # nobody waits any more, has gone again, or this process has no descriptor left
                break
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            _, user, _ = _PEER.unpack(peer)
            channel = Channel(connection, largest=_LONGEST_REQUEST)
            new.append(_Guest(channel, user_name(user), time.monotonic()))
        self._guests += new
        for guest in sorted(self._guests, key=lambda one: one.since)[: max(len(self._guests) - _MOST, 0)]:
            if guest not in new:
                self._dismiss(guest)
        return new

    def _hear(self, guest: _Guest) -> None:
        """Answer one request, the next one in the next round: so everybody has a turn."""
        try:
            if not guest.channel.flush():
                return
            request = guest.channel.receive()
            if request is not None:
                guest.since = time.monotonic()
                guest.channel.offer(self.answer(request, guest.person))
        except (DataError, IoError):
            self._dismiss(guest)
            return
        if guest.channel.ended:
            self._dismiss(guest)

    def _dismiss(self, guest: _Guest) -> None:
        guest.channel.close()
        if guest in self._guests:
            self._guests.remove(guest)

    def answer(self, request: Mapping[str, Any], person: str) -> dict[str, Any]:
        """Do what a person asks for. Returns the answer; a request that makes no sense is refused in words."""
        if request.get("do") == "show":
            return self._answered(True, [])
        if request.get("do") == "acknowledge":
            return self._acknowledged(person)
        try:
            event = self._event(request, person)
        except (ValueError, KeyError, TypeError) as error:
            return {**self._answered(False, []), "sentences": [f"The request cannot be understood: {error}."]}
        decision = self._loop.step(event).decision
        reasons = list(decision.refusal_reasons)
        if isinstance(event, control.RaiseRequest):
            wished = ControlMode[str(request["mode"])]
            self._keep_wish(person, wished, reasons)
            if not decision.accepted and self._wish is not None and self._wish[:2] == (person, wished):
                return self._noted(person, wished, reasons)
        elif not isinstance(event, control.ApproveRequest | control.EngageRequest):
            self._wish = None  # whoever lowers or stops speaks last
        return self._answered(decision.accepted, reasons)

    def _noted(self, person: str, wished: ControlMode, reasons: list[control.ControlReason]) -> dict[str, Any]:
        """Record that a person agrees to close and waits for another one; that is no refusal."""
        self._loop.note("agrees to raise", person=person, mode=wished.name, waits_s=_SECOND_PERSON_S)
        words = f"Noted: another person has {_SECOND_PERSON_S:.0f} s to ask for the same; one of the two an engineer."
        return {**self._answered(False, reasons), "noted": True, "sentences": [words]}

    def _keep_wish(self, person: str, wished: ControlMode, reasons: list[control.ControlReason]) -> None:
        """Remember who wants to close the loop and may agree to it, until a second person does."""
        if wished is not ControlMode.closed or not self._may_agree(person):
            return
        waits = control.ControlReason.second_person_missing in reasons
        self._wish = (person, wished, time.monotonic()) if waits else None

    def _may_agree(self, person: str) -> bool:
        return control.permitted(self._role(person), control.Privilege.second_raise_to_closed)

    def _acknowledged(self, person: str) -> dict[str, Any]:
        """Begin the watch anew for a person who says that the drift is known, and may raise the mode."""
        reasons = [] if control.permitted(self._role(person), control.Privilege.raise_to_shadow) else [
            control.ControlReason.role_missing
        ]  # fmt: skip
        standing = [alarm.sentence for alarm in self._loop.watch.standing]
        content = {"event": "drift acknowledged", "person": person, "accepted": not reasons, "alarms": standing}
        recorded = self._loop.record.writable and self._loop.record.write([("request", content)])
        if not recorded:
            reasons = [*reasons, control.ControlReason.journal_not_writable]
        if not reasons:
            self._loop.watch.acknowledge()
        return self._answered(not reasons, reasons)

    def _event(self, request: Mapping[str, Any], person: str) -> control.Event:
        what, role = request.get("do"), self._role(person)
        if what == "raise":
            return self._raise(ControlMode[_name(request, "mode")], person, role)
        if what == "lower":
            return control.LowerRequest(mode=ControlMode[_name(request, "mode")], person=person)
        if what == "stop":
            return control.TripRequest(person=person)
        if what == "reset":
            return control.ResetRequest(person=person, role=role)
        if what == "approve":
            return control.ApproveRequest(recommendation_id=_name(request, "recommendation"), person=person, role=role)
        if what == "engage":
            return control.EngageRequest(variable=_name(request, "variable"), person=person, role=role)
        raise ValueError("known are show, raise, lower, stop, reset, approve, engage, acknowledge")

    def _raise(self, mode: ControlMode, person: str, role: PersonRole) -> control.RaiseRequest:
        """Return the wish of one person, or of two: the one who may close the loop, and the one who agrees."""
        first = self._first_person(person, mode)
        if first is None:
            return control.RaiseRequest(mode=mode, person=person, role=role)
        if not control.permitted(self._role(first), control.Privilege.raise_to_closed):
            first, person = person, first
        return control.RaiseRequest(
            mode=mode, person=first, role=self._role(first), second_person=person, second_role=self._role(person)
        )

    def _first_person(self, person: str, mode: ControlMode) -> str | None:
        """Return who asked for the same a moment ago, when that was somebody else."""
        if self._wish is None or not self._may_agree(person):
            return None
        first, wished, at = self._wish
        fresh = time.monotonic() - at <= _SECOND_PERSON_S
        return first if fresh and wished is mode and first != person else None

    def _role(self, person: str) -> PersonRole:
        return self._loop.plan.roles.get(person, PersonRole.none)

    def _answered(self, accepted: bool, reasons: list[control.ControlReason]) -> dict[str, Any]:
        return {
            "accepted": accepted,
            "reasons": [reason.name for reason in reasons],
            "sentences": control.sentences(reasons),
            "loop": self._loop.board.shown,
        }


def ask_loop(path: Path, request: Mapping[str, Any], *, patience_s: float = 5.0) -> dict[str, Any]:
    """Ask the loop that answers at ``path``, and return its answer.

    Raises: LifecycleError when none runs there, IoError when it does not answer in time.
    """
    end = time.monotonic() + patience_s
    channel = Channel(_connected(path, end), patience_s=patience_s)
    try:
        channel.send(dict(request))
        while (answer := channel.receive()) is None:
            left = end - time.monotonic()
            if left <= 0 or channel.ended:
                raise IoError(where="service.ask", expected="an answer", received="none", place=str(path))
            channel.wait(left)
        return answer
    finally:
        channel.close()


def _connected(path: Path, end: float) -> socket.socket:
    """Connect, and try again while too many others wait at the same door."""
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(str(_short(path)))
        except BlockingIOError as error:
            connection.close()
            if time.monotonic() > end:
                raise IoError(
                    where="service.ask", expected="an answer", received="a loop that lets nobody in", place=str(path)
                ) from error
            time.sleep(0.01)
        except OSError as error:
            connection.close()
            raise LifecycleError(
                where="service.ask",
                expected="a running loop",
                received=str(error.strerror),
                place=str(path),
                hint="luban run LOOP.yaml starts it",
            ) from error
        except IoError:
            connection.close()
            raise
        else:
            return connection


def _listening(path: Path) -> socket.socket:
    place = _short(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            listener.bind(str(place))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            _clear(place, path)
            listener.bind(str(place))
        place.chmod(0o666)  # anybody of this machine may stop the line; the folder says who gets as far
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise IoError(
            where="service.people", expected="a socket", received=str(error.strerror), place=str(path)
        ) from error
    except BaseException:
        listener.close()
        raise
    return listener


def _clear(place: Path, path: Path) -> None:
    """Remove the socket that a killed loop left. Raises: LifecycleError when somebody answers there; OSError."""
    if not stat.S_ISSOCK(place.lstat().st_mode):
        raise FileExistsError(errno.EEXIST, "another file of that name")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(str(place)) != errno.ECONNREFUSED:  # also when too many wait there
            raise LifecycleError(
                where="service.people", expected="a loop of its own", received="another one that runs", place=str(path)
            )
    place.unlink()


def _short(path: Path) -> Path:
    """Return a path that fits into a socket's address: as given, or relative to the working directory."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    relative = Path(os.path.relpath(path))
    if len(os.fsencode(relative)) > _LONGEST_PATH:
        raise IoError(
            where="service.people",
            expected=f"a path of at most {_LONGEST_PATH} bytes for the socket",
            received=str(len(os.fsencode(path))),
            place=str(path),
            hint="put the journal into a folder with a shorter path",
        )
    return relative


def _name(request: Mapping[str, Any], key: str) -> str:
    """Return a text of a request. Raises: KeyError, ValueError."""
    text = request[key]
    if not isinstance(text, str) or len(text) > _LONGEST_NAME:
        raise ValueError(f"{key} must be a text of at most {_LONGEST_NAME} characters")
    return text


def user_name(user: int) -> str:
    """Return what the system calls a user; its number where it has no name."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
