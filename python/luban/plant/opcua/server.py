"""A server to try things out with: the simulated lathe over OPC UA, encrypted, with certificates made on first use."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from luban import _document
from luban.errors import ConfigurationError, IoError
from luban.plant.binding import read_binding
from luban.plant.clock import SystemClock
from luban.plant.machine import LATHE_RESPONSES, LatheMachine
from luban.plant.opcua.address_space import URI, LatheNodes, add_lathe, browse_name
from luban.plant.opcua.asyncua_access import asyncua_module
from luban.plant.opcua.certificates import make_certificate, trusted_certificates, write_secret

__all__ = ["ServerInfo", "simulate_server"]

_CLIENT_URI, _SERVER_URI = "urn:luban:client", "urn:luban:simulated-server"
_TICK_S = 0.05


@dataclass(frozen=True)
class ServerInfo:
    """Where a server listens, and the files a client needs."""

    endpoint: str
    folder: Path
    binding: Path
    user: str
    password_file: Path


def simulate_server(
    folder: str | Path,
    *,
    machine: LatheMachine | None = None,
    host: str = "127.0.0.1",
    port: int = 4840,
    user: str = "luban",
    security: Literal["encrypted", "none"] = "encrypted",
    accepted_by: str | None = None,
    units: Mapping[str, str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    lease_s: float = 10.0,
    started: Callable[[ServerInfo], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve a simulated lathe until ``stop`` is set (or Ctrl-C).

    ``folder`` gets what is missing: certificates and keys of server and client, ``trusted/`` (the clients that are let
    in), a password and ``binding.yaml``, with which ``OpcuaPlant`` connects. ``started`` is called when it listens.
    ``machine``: a lathe on the system's clock, with its ``faults``. ``security="none"`` (with ``accepted_by``) listens
    without encryption, still with the password. ``lease_s``: a loop that shows no heartbeat for so long may lose the
    lease to another one. ``units`` and ``ranges`` make it state other ones than it has.

    Raises: ConfigurationError for options that do not fit; IoError when files or the port cannot be had; NotBuiltError
    without asyncua.
    """
    if (security == "none") != (accepted_by is not None):
        raise ConfigurationError(
            where="plant.simulate_server",
            expected='accepted_by with security="none", and only with it',
            received=repr(accepted_by),
        )
    asyncua_module()
    lathe = LatheMachine(clock=SystemClock()) if machine is None else machine
    site = _Site(Path(folder), host, port, user, accepted_by)
    site.prepare()
    server = _Server(lathe, site, dict(units or {}), dict(ranges or {}), lease_s)
    asyncio.run(server.serve(started, threading.Event() if stop is None else stop))


class _Site:
    """The folder of a server."""

    def __init__(self, folder: Path, host: str, port: int, user: str, accepted_by: str | None) -> None:
        self.folder, self.host, self.user, self.accepted_by = folder, host, user, accepted_by
        self.endpoint = f"opc.tcp://{host}:{port}/luban"
        self.password_file = folder / "password"
        self.trusted = folder / "trusted"
        self.binding = folder / "binding.yaml"

    def prepare(self) -> None:
        """Make what is missing. Raises: IoError."""
        make_certificate(self.folder, "server", _SERVER_URI, self.host)
        client, _ = make_certificate(self.folder, "client", _CLIENT_URI, self.host)
        try:
            if not self.trusted.is_dir():  # later on, whoever takes a certificate out of it means it
                self.trusted.mkdir()
                (self.trusted / "client.der").write_bytes(client.read_bytes())
            if not self.password_file.exists():
                write_secret(self.password_file, secrets.token_urlsafe(24).encode())
            if not self.binding.exists() or read_binding(self.binding).endpoint != self.endpoint:
                self.binding.write_text(_document.dump_yaml(self._binding()), encoding="utf-8")
        except OSError as error:
            raise IoError(
                where="plant.simulate_server",
                expected="a folder that can be written",
                received=str(error.strerror),
                place=str(self.folder),
            ) from error

    @property
    def info(self) -> ServerInfo:
        return ServerInfo(self.endpoint, self.folder, self.binding, self.user, self.password_file)

    def password(self) -> str:
        return self.password_file.read_text(encoding="utf-8").strip()

    def _binding(self) -> dict[str, Any]:
        encrypted = {
            "policy": "Basic256Sha256", "certificate": "./client.der", "private_key": "./client.pem",
            "server_certificate": "./server.der", "application_uri": _CLIENT_URI,
        }  # fmt: skip
        open_to_all = {"security": "none", "unencrypted_accepted_by": self.accepted_by}
        machine = LatheMachine()

        def path(*names: str) -> list[str]:
            return ["Lathe", *names]

        def tags(role: str) -> dict[str, Any]:
            return {
                name: {"path": path(browse_name(name)), **({"unit": variable.unit} if variable.unit else {})}
                for name, variable in machine.variables.items()
                if variable.role.value == role
            }

        responses = {
            name: {"path": path("Run", browse_name(name)), "unit": unit} for name, unit in LATHE_RESPONSES.items()
        }
        return {
            "luban": 1,
            "endpoint": self.endpoint,
            "namespace": URI,
            **({"security": encrypted} if self.accepted_by is None else open_to_all),
            "user": {"name": self.user, "password_file": "./password"},
            "outputs": tags("output"),
            "inputs": tags("input"),
            "context": tags("context"),
            "heartbeat": {"plant": path("Heartbeat"), "loop": path("LoopHeartbeat"), "period_s": machine.heartbeat_s},
            "lease": path("Lease"),
            "command": {"id": path("CommandId"), "valid_until": path("CommandValidUntil")},
            "run": {
                "count": path("Run", "RunCount"),
                "settings": {name: path("Run", browse_name(name)) for name in tags("output")},
                "context": {name: {"path": path("Run", browse_name(name))} for name in tags("context")},
                "readings": {"position": {"path": path("Run", "Position")}, **responses},
            },
        }


class _Server:
    def __init__(
        self,
        machine: LatheMachine,
        site: _Site,
        units: dict[str, str],
        ranges: dict[str, tuple[float, float]],
        lease_s: float,
    ) -> None:
        self._machine, self._site, self._units, self._ranges, self._lease_s = machine, site, units, ranges, lease_s

    async def serve(self, started: Callable[[ServerInfo], None] | None, stop: threading.Event) -> None:
        asyncua = asyncua_module()
        ua, site = asyncua.ua, self._site
        server = asyncua.Server(user_manager=_Users(site))
        await server.init()
        server.set_endpoint(site.endpoint)
        server.set_server_name("Luban simulated lathe")
        await server.set_application_uri(_SERVER_URI)
        await server.load_certificate(str(site.folder / "server.der"))
        await server.load_private_key(str(site.folder / "server.pem"))
        types = ua.SecurityPolicyType
        encrypted = [types.Basic256Sha256_SignAndEncrypt, types.Aes256Sha256RsaPss_SignAndEncrypt]
        server.set_security_policy(encrypted if site.accepted_by is None else [types.NoSecurity, *encrypted])
        server.set_identity_tokens([ua.UserNameIdentityToken])
        server.iserver.certificate_validator = _validator(site)
        nodes = await add_lathe(server, self._machine, self._units, self._ranges, self._lease_s)
        server.iserver.attribute_service = _attributes(server.iserver.attribute_service, nodes)
        try:
            await server.start()
        except OSError as error:
            raise IoError(
                where="plant.simulate_server",
                expected="a port that is free",
                received=str(error.strerror or error),
                place=site.endpoint,
            ) from error
        try:
            if started is not None:
                started(site.info)
            await self._until(stop, server, nodes)
        finally:
            await server.stop()

    async def _until(self, stop: threading.Event, server: Any, nodes: LatheNodes) -> None:
        while not stop.is_set():
            await asyncio.sleep(_TICK_S)
            self._machine.advance()
            if self._machine.faults.disconnected:
                for client in list(server.bserver.clients):
                    client.transport.abort()
                continue
            for node_id, value in nodes.snapshot().items():  # for those who subscribe
                await server.iserver.write_attribute_value(node_id, value)


class _Users:
    """Lets in who knows the password."""

    def __init__(self, site: _Site) -> None:
        self._site = site

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> Any:
        rules = asyncua_module("asyncua.crypto.permission_rules")
        known = hmac.compare_digest(str(username).encode(), self._site.user.encode())
        right = hmac.compare_digest(str(password).encode(), self._site.password().encode())
        return rules.User(role=rules.UserRole.User, name=self._site.user) if known and right else None


def _validator(site: _Site) -> Callable[[Any, Any], Any]:
    async def validate(certificate: Any, _description: Any) -> None:
        serialization: Any = asyncua_module("cryptography.hazmat.primitives.serialization")
        if certificate.public_bytes(serialization.Encoding.DER) not in trusted_certificates(site.trusted):
            raise asyncua_module("asyncua.common.utils").ServiceError(
                asyncua_module().ua.StatusCodes.BadCertificateUntrusted
            )

    return validate


def _attributes(original: Any, nodes: LatheNodes) -> Any:
    """Return the server's attribute service with the lathe in it: one snapshot per read, and a say in every write."""
    ua = asyncua_module().ua

    class Attributes:
        def read(self, params: Any) -> list[Any]:
            results: list[Any] = original.read(params)
            if any(item.AttributeId == ua.AttributeIds.Value for item in params.NodesToRead):
                now = nodes.snapshot()
                for at, item in enumerate(params.NodesToRead):
                    if item.AttributeId == ua.AttributeIds.Value and item.NodeId in now:
                        results[at] = now[item.NodeId]
            return results

        async def write(self, params: Any, user: Any) -> list[Any]:
            nodes.command_id, nodes.valid_until = "", None
            results = []
            for item in params.NodesToWrite:
                ours = item.NodeId in nodes.values or item.NodeId in nodes.computed
                if not ours or item.AttributeId != ua.AttributeIds.Value:
                    results += await original.write(ua.WriteParameters(NodesToWrite=[item]), user)
                    continue
                results.append(ua.StatusCode(nodes.write(item.NodeId, item.Value.Value)))
            return results

    return Attributes()
