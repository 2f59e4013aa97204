"""One connection to an OPC UA server: its own thread and event loop behind blocking calls, and our own state machine.

asyncua does the protocol; when to connect, how long to wait, when to drop a connection and when to try again is
decided here. Nothing is queued: a request goes out at once or is refused, and a request that is not answered in time
takes its connection with it. The socket is closed by reset (SO_LINGER 0), so that the kernel sends nothing later, not
even when this process dies.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from luban.errors import ConfigurationError, Error, IoError, LifecycleError
from luban.plant.binding import BindingFile, SecurityEntry
from luban.plant.clock import Clock
from luban.plant.opcua.asyncua_access import asyncua_module
from luban.plant.opcua.refusals import as_error

__all__ = ["Connection", "ConnectionState", "Credentials", "credentials_of", "drop_client", "open_client"]

Result = TypeVar("Result")

_SESSION_MS = 600_000
_CHANNEL_MS = 3_600_000
_FIRST_RETRY_S = 0.1


class ConnectionState(StrEnum):
    """Where a connection is: new → connected ⇄ lost → closed."""

    new = "new"
    connected = "connected"
    lost = "lost"  # being made again in the background
    closed = "closed"


@dataclass(frozen=True)
class Credentials:
    """Who we are to the server; the password is read when it is needed and kept out of every text."""

    name: str | None = None
    password: str | None = None
    certificate: str | None = None
    private_key: str | None = None

    def __repr__(self) -> str:
        return f"<Credentials {self.name or self.certificate or 'anonymous'}>"


async def open_client(binding: BindingFile, credentials: Credentials, channel_ms: int = _CHANNEL_MS) -> Any:
    """Open socket, channel and session, each step within the connect time-out. Raises what asyncua raises."""
    asyncua = asyncua_module()
    client = asyncua.Client(binding.endpoint, timeout=binding.timeouts.request_s)
    client.name = client.description = "Luban"
    client.session_timeout, client.secure_channel_timeout = _SESSION_MS, channel_ms
    if isinstance(binding.security, SecurityEntry):
        await _secure(client, binding.security)
    if credentials.certificate is not None:
        await client.load_client_certificate(credentials.certificate)
        await client.load_private_key(Path(str(credentials.private_key)))
    try:
        async with asyncio.timeout(binding.timeouts.connect_s):
            await client.connect_socket()
            _close_by_reset(client, binding.timeouts.request_s)
            await client.send_hello()
            await client.open_secure_channel()
            await client.create_session()
            await client.activate_session(credentials.name, credentials.password, client.user_certificate)
    except BaseException:
        drop_client(client)
        raise
    return client


async def _secure(client: Any, security: SecurityEntry) -> None:
    policies = asyncua_module("asyncua.crypto.security_policies")
    client.application_uri = security.application_uri
    await client.set_security(
        getattr(policies, f"SecurityPolicy{security.policy}"),
        certificate=security.certificate,
        private_key=security.private_key,
        server_certificate=security.server_certificate,
    )


def _transport(client: Any) -> Any:
    protocol = client.uaclient.protocol
    return None if protocol is None else protocol.transport


def _close_by_reset(client: Any, request_s: float) -> None:
    raw = _transport(client).get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(request_s * 1000)))


def drop_client(client: Any) -> None:
    """Close the socket by reset; what lies in its buffers is gone."""
    transport = _transport(client)
    if transport is not None:
        transport.abort()


class Connection:
    """A connection that is made again by itself once it was up. ``bind`` is awaited after every connect."""

    def __init__(
        self,
        binding: BindingFile,
        credentials: Credentials,
        clock: Clock,
        bind: Callable[[Any], Awaitable[None]],
        channel_ms: int = _CHANNEL_MS,
    ) -> None:
        self._binding, self._credentials, self._clock, self._bind = binding, credentials, clock, bind
        self._channel_ms = channel_ms
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="luban-opcua", daemon=True)
        self._client: Any = None
        self._keeper: asyncio.Task[None] | None = None
        self._fault: Error | None = None
        self.state = ConnectionState.new
        self.count = 0
        self.renewals = 0

    @property
    def client(self) -> Any:
        """The live client of asyncua. Raises: IoError while the line is down."""
        if self.state is not ConnectionState.connected:
            raise self._down("request")
        return self._client

    def open(self) -> None:
        """Start the thread and connect once. Raises: IoError, and what binding raises."""
        self._thread.start()
        patience = self._binding.timeouts.connect_s + 5 * self._binding.timeouts.request_s
        try:
            self.call("connect", lambda _: self._connect(), patience, needs_line=False)
        except Error:
            self.close()
            raise
        asyncio.run_coroutine_threadsafe(self._start_keeper(), self._loop).result()

    async def _connect(self) -> None:
        client = await open_client(self._binding, self._credentials, self._channel_ms)
        try:
            await self._bind(client)
        except BaseException:
            drop_client(client)
            raise
        if self.state is ConnectionState.closed:
            drop_client(client)
            return
        self._client, self._fault = client, None
        self.count += 1
        self.state = ConnectionState.connected

    async def _start_keeper(self) -> None:
        self._keeper = asyncio.ensure_future(self._keep())

    async def _keep(self) -> None:
        """Renew the channel while it is up; connect again, with growing pauses, when it is lost."""
        pause, renew_at = _FIRST_RETRY_S, self._renewal_time()
        while self.state is not ConnectionState.closed:
            if self.state is ConnectionState.connected and _transport(self._client) is None:
                self.lose("the server closed the connection")
            if self.state is ConnectionState.lost:
                fault = await self._attempt()
                if fault is None:
                    pause, renew_at = _FIRST_RETRY_S, self._renewal_time()
                    continue
                self._fault = as_error(fault, "connect", self._binding.endpoint)
                await asyncio.sleep(pause)
                pause = min(2 * pause, self._binding.timeouts.retry_s)
            elif self._loop.time() >= renew_at:
                await self._renew()
                renew_at = self._renewal_time()
            else:
                await asyncio.sleep(min(0.05, max(0.0, renew_at - self._loop.time())))

    async def _attempt(self) -> BaseException | None:
        """Connect once more; return what went wrong."""
        attempt = asyncio.ensure_future(self._connect())
        try:
            await asyncio.wait([attempt])
        finally:
            attempt.cancel()  # nothing when it is done
        return attempt.exception()

    def _renewal_time(self) -> float:
        """Three quarters of the channel's life, as OPC UA Part 4 §5.5.2 asks."""
        life_ms = self._channel_ms if self._client is None else self._client.secure_channel_timeout
        return self._loop.time() + 0.75 * float(life_ms) / 1000.0

    async def _renew(self) -> None:
        renewal = asyncio.ensure_future(self._client.open_secure_channel(renew=True))
        await asyncio.wait([renewal], timeout=self._binding.timeouts.request_s)
        if not renewal.done() or renewal.exception() is not None:
            renewal.cancel()
            self.lose("the channel could not be renewed")
        else:
            self.renewals += 1

    def call(
        self,
        what: str,
        request: Callable[[Any], Coroutine[Any, Any, Result]],
        timeout_s: float,
        *,
        needs_line: bool = True,
    ) -> Result:
        """Do one request on the thread of the connection and wait for it.

        Raises: IoError when the line is down, when there is no answer in ``timeout_s`` (the connection is dropped at
        once), or when the server refuses the request as a whole; errors of ours as they are.
        """
        if self.state is ConnectionState.closed:
            raise LifecycleError(where=f"plant.{what}", expected="an open connection", received="a closed one")
        client = self.client if needs_line else None
        future = asyncio.run_coroutine_threadsafe(self._in_time(request, client, timeout_s), self._loop)
        try:
            fault = future.exception(timeout=timeout_s + 1.0)
        except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError) as error:
            future.cancel()
            self._loop.call_soon_threadsafe(self.lose, "its thread did not answer")
            raise as_error(TimeoutError(), what, self._binding.endpoint) from error
        if fault is None:
            return future.result()
        if isinstance(fault, Error):
            raise fault
        raise as_error(fault, what, self._binding.endpoint) from fault

    async def _in_time(
        self, request: Callable[[Any], Coroutine[Any, Any, Result]], client: Any, timeout_s: float
    ) -> Result:
        try:
            async with asyncio.timeout(timeout_s):
                return await request(client)
        except Error:
            raise
        except BaseException as error:  # no answer, no line, no session: what is on its way must not arrive later
            if client is not None:
                self.lose(as_error(error, "request", self._binding.endpoint).received)
            raise

    def lose(self, why: str) -> None:
        """Drop the connection now; it is made again in the background. On the connection's thread only."""
        if self.state is not ConnectionState.connected:
            return
        self.state = ConnectionState.lost
        self._fault = IoError(
            where="plant.connection", expected="answers in time", received=why, place=self._binding.endpoint
        )
        drop_client(self._client)

    def _down(self, what: str) -> IoError:
        fault = self._fault
        return IoError(
            where=f"plant.{what}",
            expected="a line to the plant",
            received=f"none ({self.state.value}): {fault.received if fault is not None else 'not connected'}",
            place=self._binding.endpoint,
            hint="" if fault is None else fault.hint,
        )

    def close(self) -> None:
        """End session and thread; again is nothing."""
        if self.state is ConnectionState.closed:
            return
        was_up = self.state is ConnectionState.connected
        self.state = ConnectionState.closed
        if not self._thread.is_alive():
            self._loop.close()
            return
        future = asyncio.run_coroutine_threadsafe(self._shut(was_up), self._loop)
        concurrent.futures.wait([future], timeout=self._binding.timeouts.request_s + 1.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=2.0)
        if not self._thread.is_alive():
            self._loop.close()

    async def _shut(self, was_up: bool) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._client is None:
            return
        if was_up and _transport(self._client) is not None:
            goodbye = asyncio.ensure_future(self._client.uaclient.close_session(True))
            await asyncio.wait([goodbye], timeout=self._binding.timeouts.request_s)
            goodbye.cancel()
            await asyncio.wait([goodbye])
            if not goodbye.cancelled():
                goodbye.exception()  # whatever it was: we are leaving
        drop_client(self._client)
        await asyncio.sleep(0)


def credentials_of(binding: BindingFile, environment: Callable[[str], str | None]) -> Credentials:
    """Read the credentials that a binding names. Raises: IoError, ConfigurationError when they cannot be had."""
    user = binding.user
    if user is None:
        return Credentials()
    if user.certificate is not None:
        return Credentials(certificate=user.certificate, private_key=user.private_key)
    if user.password_variable is not None:
        password = environment(user.password_variable)
        if password is None:
            raise ConfigurationError(
                where="plant.connect",
                expected=f"a password in the environment variable {user.password_variable}",
                received="no such variable",
            )
        return Credentials(user.name, password)
    path = Path(str(user.password_file))
    try:
        return Credentials(user.name, path.read_text(encoding="utf-8").rstrip("\r\n"))
    except OSError as error:
        raise IoError(
            where="plant.connect", expected="a password file", received=str(error.strerror), place=str(path)
        ) from error
