"""Messages between the processes of a loop: one JSON object each, behind its length, over a connected socket.

A frame is four bytes (length, big-endian) and so many bytes of JSON in UTF-8, at most 1 MiB. Whatever else comes is an
error that ends the connection: nothing is skipped, guessed or read twice.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import time
from collections import deque
from typing import Any

from luban.errors import DataError, IoError

__all__ = ["LARGEST", "Channel", "framed"]

#: Bytes of the longest message.
LARGEST = 1 << 20

_HEAD = struct.Struct(">I")
_DEEPEST = 32
_LARGEST_INTEGER = 1 << 64


class Channel:
    """One end of a connection. Not for several threads.

    ``receive`` and ``offer`` never wait; ``send`` waits at most ``patience_s`` for a peer that does not read.
    ``largest``: bytes of the longest message that is taken from the other side.
    """

    def __init__(self, connection: socket.socket, *, patience_s: float = 1.0, largest: int = LARGEST) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._patience_s, self._largest = patience_s, largest
        self._bytes = bytearray()
        self._unsent = memoryview(b"")
        self._waiting: deque[dict[str, Any]] = deque()
        self._ended = self._closed = False

    def fileno(self) -> int:
        """File descriptor, for a selector."""
        return self._socket.fileno()

    @property
    def ended(self) -> bool:
        """Whether the other side has closed, and everything whole that it sent was received."""
        return self._ended and not self._waiting

    @property
    def unsent(self) -> bool:
        """Whether something of an offered message has still to go out."""
        return len(self._unsent) > 0

    @property
    def pending(self) -> bool:
        """Whether a whole message was read already and waits for :meth:`receive`."""
        return bool(self._waiting)

    def send(self, message: dict[str, Any]) -> None:
        """Send one message, after what is still unsent.

        Raises: DataError when it is longer than 1 MiB or no JSON; IoError when the peer is gone or does not read.
        """
        frame = framed(message)
        end = time.monotonic() + self._patience_s
        self._unsent = memoryview(bytes(self._unsent) + frame)
        while not self.flush():
            left = end - time.monotonic()
            if left <= 0 or not _ready(self._socket, select.POLLOUT, left):
                raise _refused("send", f"a peer that does not read for {self._patience_s:g} s")

    def offer(self, message: dict[str, Any]) -> bool:
        """Send one message as far as the connection takes it now; the rest is kept for :meth:`flush`.

        Returns False, and takes nothing, while something of an earlier one is unsent: nothing piles up.

        Raises: as :meth:`send`.
        """
        frame = framed(message)
        if not self.flush():
            return False
        self._unsent = memoryview(frame)
        self.flush()
        return True

    def flush(self) -> bool:
        """Send what is unsent, without waiting. Returns whether nothing is left. Raises: IoError."""
        if self._closed:
            raise _refused("send", "one that was closed")
        while self._unsent:
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except BlockingIOError:
                return False
            except OSError as error:
                raise _refused("send", str(error.strerror)) from error
        return True

    def receive(self) -> dict[str, Any] | None:
        """Return the next message, or None when none is complete yet.

        Raises: DataError when what came is no message; the connection is of no use then. IoError when it broke.
        """
        if not self._waiting:
            self._read()
        return self._waiting.popleft() if self._waiting else None

    def wait(self, seconds: float) -> bool:
        """Wait until something may be there. Returns whether it is worth calling :meth:`receive`."""
        if self._waiting or self._ended:
            return True
        return _ready(self._socket, select.POLLIN, seconds)

    def close(self) -> None:
        """Close this end; again is nothing."""
        self._ended = self._closed = True
        self._waiting.clear()
        self._socket.close()

    def _read(self) -> None:
        while not self._ended:
            try:
                chunk = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:
                self._ended = True
                raise _refused("receive", str(error.strerror)) from error
            if not chunk:
                self._ended = True
                break
            self._bytes += chunk
            if len(self._bytes) > self._largest:
                break
        self._split()

    def _split(self) -> None:
        while len(self._bytes) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._bytes)
            if length > self._largest:
                self._give_up()
                raise _unfit("receive", f"at most {self._largest} bytes", f"a frame of {length}")
            if len(self._bytes) < _HEAD.size + length:
                return
            body = bytes(self._bytes[_HEAD.size : _HEAD.size + length])
            del self._bytes[: _HEAD.size + length]
            try:
                self._waiting.append(_parsed(body))
            except DataError:
                self._give_up()
                raise

    def _give_up(self) -> None:
        """Read nothing any more: what follows bytes that are no message may be anything."""
        self._ended = True
        self._bytes.clear()


def _ready(connection: socket.socket, event: int, seconds: float) -> bool:
    """Wait for a socket; poll(2), which takes descriptors of any number."""
    poll = select.poll()
    poll.register(connection, event)
    return bool(poll.poll(max(seconds, 0.0) * 1e3))


def framed(message: dict[str, Any]) -> bytes:
    """Return the bytes of a message. Raises: DataError when it is longer than 1 MiB or no JSON."""
    try:
        body = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:  # a lone surrogate is a ValueError too
        raise _unfit("send", "an object of finite numbers, texts and lists", str(error)) from error
    if len(body) > LARGEST:
        raise _unfit("send", f"at most {LARGEST} bytes", f"a message of {len(body)}")
    return _HEAD.pack(len(body)) + body


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _unfit("receive", "JSON", str(error)) from error
    if not isinstance(message, dict):
        raise _unfit("receive", "a JSON object", f"a {type(message).__name__}")
    _require_sane(message, _DEEPEST)
    return message


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _require_sane(value: Any, depth: int) -> None:
    """Refuse what no honest peer sends: numbers beyond 64 bits, half characters, nests without end."""
    if depth == 0:
        raise _unfit("receive", f"at most {_DEEPEST} levels", "more")
    if isinstance(value, dict):
        for name, item in value.items():
            _require_sane(name, depth)
            _require_sane(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _require_sane(item, depth - 1)
    elif isinstance(value, float) and not math.isfinite(value):  # 1e999 parses as infinity
        raise _unfit("receive", "finite numbers", str(value))
    elif isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
        raise _unfit("receive", "integers of at most 64 bits", f"one of {value.bit_length()}")
    elif isinstance(value, str) and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _unfit("receive", "whole characters", "a lone surrogate")


def _unfit(call: str, expected: str, received: str) -> DataError:
    return DataError(where=f"service.wire.{call}", expected=expected, received=received)


def _refused(call: str, received: str) -> IoError:
    return IoError(where=f"service.wire.{call}", expected="a connection", received=received)
