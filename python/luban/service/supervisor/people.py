"""How people reach a running loop: a Unix socket beside the journal. Who asks is what the kernel says.

A request is one message, ``{"do": "raise", "mode": "closed"}``; its answer says whether it was accepted, why not, and
what the loop looks like. Anybody who can open the socket may look, lower and stop; the rest wants a role.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import socket
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

__all__ = ["People", "ask_loop"]

_PEER = struct.Struct("3i")
#: How long a first person's wish to close waits for the second person.
_SECOND_PERSON_S = 120.0
_LONGEST_PATH = 107  # of a Unix socket, Linux
_MOST = 16  # connections at once
_IDLE_S = 30.0


@dataclass
class _Guest:
    channel: Channel
    person: str
    since: float


class People:
    """Answers people while the supervisor has time. ``wake``: ends :meth:`attend` early, from any thread.

    Raises: LifecycleError when another loop answers at this path, IoError when the socket cannot be made.
    """

    def __init__(self, loop: Supervisor, path: Path) -> None:
        self._loop, self.path = loop, path
        self._guests: list[_Guest] = []
        self._wish: tuple[str, ControlMode, float] | None = None
        self._listener = _listening(path)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        self.own: list[dict[str, Any]] = []  # requests of this process, by :meth:`request_own`

    def request_own(self, request: Mapping[str, Any]) -> None:
        """Hand over a request of the user who runs the loop; from any thread. It is answered on the board."""
        self.own.append(dict(request))
        self.wake()

    def wake(self) -> None:
        """End :meth:`attend` early; from any thread and from a signal handler."""
        os.write(self._wake_write, b"x")

    def attend(self, seconds: float) -> None:
        """Answer people for at most ``seconds``; returns early when the optimizer has something to say."""
        end = time.monotonic() + seconds
        while True:
            left = max(end - time.monotonic(), 0.0)
            optimizer = self._loop.optimizer.descriptor()
            sources: list[Any] = [self._listener, self._wake_read, *(guest.channel for guest in self._guests)]
            if optimizer is not None:
                sources.append(optimizer)
            ready = select.select(sources, [], [], left)[0]
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

    def _serve(self, ready: list[Any]) -> None:
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        while self.own:
            self.answer(self.own.pop(0), _user_name(os.getuid()))
        if self._listener in ready:
            self._welcome()
        for guest in list(self._guests):
            if guest.channel in ready:
                self._hear(guest)
            elif time.monotonic() - guest.since > _IDLE_S:
                self._dismiss(guest)

    def _welcome(self) -> None:
        connection, _ = self._listener.accept()
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        _, user, _ = _PEER.unpack(peer)
        if len(self._guests) >= _MOST:
            self._dismiss(self._guests[0])  # the one that has been here longest
        self._guests.append(_Guest(Channel(connection, patience_s=0.2), _user_name(user), time.monotonic()))

    def _hear(self, guest: _Guest) -> None:
        try:
            while (request := guest.channel.receive()) is not None:
                guest.channel.send(self.answer(request, guest.person))
        except (DataError, IoError):
            self._dismiss(guest)
            return
        if guest.channel.ended:
            self._dismiss(guest)

    def _dismiss(self, guest: _Guest) -> None:
        guest.channel.close()
        self._guests.remove(guest)

    def answer(self, request: Mapping[str, Any], person: str) -> dict[str, Any]:
        """Do what a person asks for. Returns the answer; a request that makes no sense is refused in words."""
        if request.get("do") == "show":
            return self._answered(True, [])
        if request.get("do") == "acknowledge":
            return self._acknowledged(person)
        try:
            event = self._event(request, person)
            wished = ControlMode[str(request["mode"])] if request.get("do") == "raise" else None
        except (ValueError, KeyError, TypeError) as error:
            return {**self._answered(False, []), "sentences": [f"The request cannot be understood: {error}."]}
        decision = self._loop.step(event).decision
        reasons = list(decision.refusal_reasons)
        waiting = control.ControlReason.second_person_missing in reasons
        self._wish = (person, wished, time.monotonic()) if waiting and wished is not None else None
        return self._answered(decision.accepted, reasons)

    def _acknowledged(self, person: str) -> dict[str, Any]:
        """Begin the watch anew for a person who says that the drift is known, and may raise the mode."""
        reasons = [] if control.permitted(self._role(person), control.Privilege.raise_to_shadow) else [
            control.ControlReason.role_missing
        ]  # fmt: skip
        standing = [alarm.sentence for alarm in self._loop.watch.standing]
        content = {"event": "drift acknowledged", "person": person, "accepted": not reasons, "alarms": standing}
        if self._loop.record.write([("request", content)]) and not reasons:
            self._loop.watch.acknowledge()
        return self._answered(not reasons, reasons)

    def _event(self, request: Mapping[str, Any], person: str) -> control.Event:
        what, role = request.get("do"), self._role(person)
        if what == "raise":
            mode = ControlMode[str(request["mode"])]
            first = self._first_person(person, mode)
            if first is not None:
                return control.RaiseRequest(
                    mode=mode, person=first, role=self._role(first), second_person=person, second_role=role
                )
            return control.RaiseRequest(mode=mode, person=person, role=role)
        if what == "lower":
            return control.LowerRequest(mode=ControlMode[str(request["mode"])], person=person)
        if what == "stop":
            return control.TripRequest(person=person)
        if what == "reset":
            return control.ResetRequest(person=person, role=role)
        if what == "approve":
            return control.ApproveRequest(recommendation_id=str(request["recommendation"]), person=person, role=role)
        if what == "engage":
            return control.EngageRequest(variable=str(request["variable"]), person=person, role=role)
        raise ValueError("known are show, raise, lower, stop, reset, approve, engage, acknowledge")

    def _first_person(self, person: str, mode: ControlMode) -> str | None:
        """Return who asked for the same a moment ago, when that was somebody else."""
        if self._wish is None:
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
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    channel = Channel(connection, patience_s=patience_s)
    try:
        try:
            connection.connect(str(_short(path)))
        except OSError as error:
            raise LifecycleError(
                where="service.ask",
                expected="a running loop",
                received=str(error.strerror),
                place=str(path),
                hint="luban run LOOP.yaml starts it",
            ) from error
        channel.send(dict(request))
        end = time.monotonic() + patience_s
        while (answer := channel.receive()) is None:
            left = end - time.monotonic()
            if left <= 0 or channel.ended:
                raise IoError(where="service.ask", expected="an answer", received="none", place=str(path))
            channel.wait(left)
        return answer
    finally:
        channel.close()


def _listening(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place = _short(path)
    try:
        try:
            listener.bind(str(place))
        except OSError:
            if _is_answered(place):
                raise LifecycleError(
                    where="service.people",
                    expected="a loop of its own",
                    received="another one that runs",
                    place=str(path),
                ) from None
            place.unlink(missing_ok=True)  # left by a loop that was killed
            listener.bind(str(place))
        place.chmod(0o666)  # anybody of this machine may stop the line; the folder says who gets as far
        listener.listen(_MOST)
    except OSError as error:
        listener.close()
        raise IoError(
            where="service.people", expected="a socket", received=str(error.strerror), place=str(path)
        ) from error
    except BaseException:
        listener.close()
        raise
    return listener


def _is_answered(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(place)) == 0


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


def _user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
