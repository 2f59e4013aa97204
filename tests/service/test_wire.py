"""Messages over a socket: whatever is sent comes whole or not at all, and nothing else is taken for a message."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban.errors import DataError, IoError
from luban.service.wire import LARGEST, Channel, framed

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
messages = st.dictionaries(texts, values, max_size=5)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    yield here, there
    here.close()
    there.close()


def received(content: bytes) -> list[dict[str, Any]]:
    """What a channel makes of bytes after which the peer has closed."""
    here, there = socket.socketpair()
    channel = Channel(there)
    try:
        here.sendall(content)
        here.close()
        out = []
        while not channel.ended:
            message = channel.receive()
            if message is not None:
                out.append(message)
        return out
    finally:
        channel.close()


@given(st.lists(messages, max_size=4))
def test_what_is_sent_comes(sent: list[dict[str, Any]]) -> None:
    assert received(b"".join(framed(message) for message in sent)) == sent


@given(messages)
def test_no_truncation_is_a_message(message: dict[str, Any]) -> None:
    frame = framed(message)
    for end in range(len(frame)):
        assert received(framed({"first": 1}) + frame[:end]) == [{"first": 1}]


@given(messages, st.integers(1, 7))
def test_pieces_make_a_whole(message: dict[str, Any], size: int) -> None:
    here, there = socket.socketpair()
    channel, frame = Channel(there), framed(message)
    try:
        for at in range(0, len(frame), size):
            assert channel.receive() is None
            here.sendall(frame[at : at + size])
        assert channel.receive() == message
        assert channel.receive() is None
        assert not channel.ended
    finally:
        channel.close()
        here.close()


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_incomplete(content: bytes) -> None:
    try:
        found = received(content)
    except DataError:
        return
    assert all(isinstance(message, dict) for message in found)


def nest(depth: int) -> str:
    return '{"a":' + "[" * depth + "]" * depth + "}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[1]", "a JSON object"),
        (b"null", "a JSON object"),
        (b'{"a":NaN}', "NaN is no JSON"),
        (b'{"a":-Infinity}', "no JSON"),
        (b'{"a":1e999}', "finite numbers"),
        (b'{"a":' + b"9" * 400 + b"}", "at most 64 bits"),
        (b'{"a":' + b"9" * 5000 + b"}", "JSON"),
        (b'{"a":"\\ud800"}', "whole characters"),
        (b'{"\\udfff":1}', "whole characters"),
        (b'{"a":"\xff"}', "JSON"),
        ('{"a":1}'.encode("utf-16"), "JSON"),
        (b"\xef\xbb\xbf{}", "JSON"),
        (nest(32).encode(), "at most 32 levels"),
        (nest(100_000).encode(), "JSON"),
        (b'{"a":1} {"b":2}', "JSON"),
    ],
)
def test_what_is_no_message(body: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        received(struct.pack(">I", len(body)) + body)


def test_deep_enough() -> None:
    body = nest(31).encode()
    assert received(struct.pack(">I", len(body)) + body)


@pytest.mark.parametrize("length", [LARGEST + 1, 2**31, 2**32 - 1])
def test_a_frame_that_is_too_long_is_refused_by_its_head(length: int) -> None:
    with pytest.raises(DataError, match=f"at most {LARGEST} bytes, received a frame of {length}"):
        received(struct.pack(">I", length))


def test_the_longest_message_goes_and_a_longer_one_does_not() -> None:
    longest = {"a": "x" * (LARGEST - len('{"a":""}'))}
    assert len(framed(longest)) == LARGEST + 4
    with pytest.raises(DataError, match="at most"):
        framed({"a": longest["a"] + "x"})


@pytest.mark.parametrize("message", [{"a": float("nan")}, {"a": float("inf")}, {"a": b"x"}, {"a": "\ud800"}, {1j: 2}])
def test_what_cannot_be_sent(message: Any, pair: tuple[socket.socket, socket.socket]) -> None:
    channel = Channel(pair[0])
    for send in (channel.send, channel.offer):
        with pytest.raises(DataError):
            send(message)
    channel.send({"a": 1})  # nothing of the others went out
    assert Channel(pair[1]).receive() == {"a": 1}


def test_what_follows_garbage_is_not_read(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(struct.pack(">I", 3) + b"abc" + framed({"do": "raise"}))
    channel = Channel(pair[1])
    with pytest.raises(DataError):
        channel.receive()
    assert channel.receive() is None
    assert channel.ended


def test_a_peer_that_does_not_read_is_not_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    channel = Channel(pair[0], patience_s=0.2)
    big = {"a": "x" * 100_000}
    began = time.monotonic()
    taken = 0
    while channel.offer(big):
        taken += 1
    assert channel.unsent
    assert 0 < taken < 100
    assert time.monotonic() - began < 1.0
    with pytest.raises(IoError, match=r"does not read for 0\.2 s"):
        channel.send(big)


def test_an_offer_that_was_taken_arrives_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = Channel(pair[0]), Channel(pair[1])
    sent = []
    while here.offer({"n": len(sent), "a": "x" * 50_000}):
        sent.append(len(sent))
    found = []
    while len(found) < len(sent):
        message = there.receive()
        if message is None:
            here.flush()
        else:
            found.append(message["n"])
    assert found == sent
    assert here.offer({"n": "again"})
    assert there.receive() == {"n": "again"}


def test_a_peer_that_has_closed(pair: tuple[socket.socket, socket.socket]) -> None:
    channel = Channel(pair[0])
    pair[1].close()
    assert channel.wait(5.0)
    assert channel.receive() is None
    assert channel.ended
    with pytest.raises(IoError, match="Broken pipe"):
        channel.send({"a": 1})
    with pytest.raises(IoError):
        channel.offer({"a": 1})


def test_a_peer_that_was_reset(pair: tuple[socket.socket, socket.socket]) -> None:
    """Closed with bytes of ours unread: the kernel says so once."""
    channel = Channel(pair[0])
    channel.send({"a": 1})
    pair[1].close()
    with pytest.raises(IoError, match="Connection reset"):
        channel.receive()
    assert channel.ended
    assert channel.receive() is None


def test_a_channel_that_was_closed(pair: tuple[socket.socket, socket.socket]) -> None:
    channel = Channel(pair[0])
    channel.close()
    channel.close()
    assert channel.receive() is None
    assert channel.ended
    for send in (channel.send, channel.offer):
        with pytest.raises(IoError, match="one that was closed"):
            send({"a": 1})


def test_waiting_takes_as_long_as_it_was_told(pair: tuple[socket.socket, socket.socket]) -> None:
    channel = Channel(pair[0])
    began = time.monotonic()
    assert not channel.wait(0.1)
    assert time.monotonic() - began >= 0.099
    pair[1].sendall(framed({"a": 1}) + framed({"b": 2}))
    assert channel.wait(5.0)
    assert channel.receive() == {"a": 1}
    assert channel.pending
    assert channel.wait(0.0)


@given(messages)
@settings(max_examples=20)
def test_the_frame_is_what_the_page_says(message: dict[str, Any]) -> None:
    frame = framed(message)
    assert struct.unpack(">I", frame[:4]) == (len(frame) - 4,)
    assert json.loads(frame[4:].decode("utf-8")) == message
