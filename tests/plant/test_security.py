"""Who gets in, and whom we let in: certificates, users, policies, and a line without encryption."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from luban.errors import ConfigurationError, IoError, LifecycleError
from luban.plant import OpcuaPlant
from luban.plant.lease import FileLease, ObjectLease
from luban.plant.opcua.certificates import make_certificate
from luban.process import Process

from .servers import LatheServer

asyncua = pytest.importorskip("asyncua", reason="the optional package asyncua is not installed")

QUICK = {"connect_s": 2.0, "request_s": 1.0}


def security(server: LatheServer, **changes: str) -> dict[str, Any]:
    content = yaml.safe_load(server.binding.read_text(encoding="utf-8"))["security"]
    return {**content, **changes}


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss"])
def test_both_policies(server: LatheServer, connected: Callable[..., OpcuaPlant], policy: str) -> None:
    plant = connected(server.binding_with(security=security(server, policy=policy)))
    assert plant.read().connection == 1
    assert plant.notes == []
    used = plant._connection.client.security_policy if plant._connection else None
    assert used.Mode.name == "SignAndEncrypt"


def test_an_untrusted_certificate_is_refused(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    make_certificate(server.folder, "stranger", "urn:luban:client", "127.0.0.1")
    stranger = security(server, certificate="./stranger.der", private_key="./stranger.pem")
    with pytest.raises(IoError) as caught:
        connected(server.binding_with(security=stranger, timeouts=QUICK))
    assert "certificate" in f"{caught.value.received} {caught.value.hint}".lower()


def test_another_server_than_the_pinned_one_is_refused(
    server: LatheServer, connected: Callable[..., OpcuaPlant]
) -> None:
    make_certificate(server.folder, "impostor", "urn:luban:simulated-server", "127.0.0.1")
    with pytest.raises(IoError):
        connected(server.binding_with(security=security(server, server_certificate="./impostor.der"), timeouts=QUICK))


def test_a_key_that_is_not_the_certificates(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    make_certificate(server.folder, "stranger", "urn:luban:client", "127.0.0.1")
    with pytest.raises(IoError):
        connected(server.binding_with(security=security(server, private_key="./stranger.pem"), timeouts=QUICK))


@pytest.mark.parametrize("content", [b"", b"no certificate", None])
def test_a_certificate_that_cannot_be_read(
    server: LatheServer, connected: Callable[..., OpcuaPlant], content: bytes | None
) -> None:
    if content is not None:
        (server.folder / "broken.der").write_bytes(content)
    name = "./broken.der" if content is not None else "./missing.der"
    with pytest.raises(IoError):
        connected(server.binding_with(security=security(server, certificate=name), timeouts=QUICK))


def test_a_wrong_password(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    binding = server.binding_with(user={"name": "luban", "password_variable": "LUBAN_TEST"}, timeouts=QUICK)
    with pytest.raises(IoError, match=r"BadUserAccessDenied.*the password is wrong"):
        connected(binding, environment={"LUBAN_TEST": "wrong"}.get)
    password = (server.folder / "password").read_text(encoding="utf-8")
    assert connected(binding, environment={"LUBAN_TEST": password}.get).read().connection == 1


def test_a_password_that_is_not_there(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    with pytest.raises(ConfigurationError, match="LUBAN_NONE"):
        connected(server.binding_with(user={"name": "luban", "password_variable": "LUBAN_NONE"}), environment={}.get)
    with pytest.raises(IoError, match="password file"):
        connected(server.binding_with(user={"name": "luban", "password_file": "./none"}))


@pytest.mark.parametrize(
    "user", [None, {"certificate": "./client.der", "private_key": "./client.pem"}], ids=["anonymous", "certificate"]
)
def test_other_kinds_of_users_are_refused_by_this_server(
    server: LatheServer, connected: Callable[..., OpcuaPlant], user: Any
) -> None:
    with pytest.raises(IoError, match=r"BadIdentityTokenRejected|BadUserAccessDenied"):
        connected(server.binding_with(user=user, timeouts=QUICK))


def test_no_encryption_where_the_server_wants_it(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    with pytest.raises(IoError):
        connected(server.binding_with(security="none", unencrypted_accepted_by="A. Person", timeouts=QUICK))


@pytest.mark.slow
def test_no_encryption_is_written_down(make_server: Callable[..., LatheServer], connected: Any) -> None:
    server = make_server(security="none", accepted_by="A. Person")
    plant = connected(server.binding)
    assert plant.read().severity == "good"
    assert plant.notes == ["connection without encryption, accepted by A. Person"]


def test_a_refused_connection_leaves_nothing_behind(
    process: Process, server: LatheServer, tmp_path: Path, connected: Callable[..., OpcuaPlant]
) -> None:
    wrong = server.binding_with(user={"name": "luban", "password_variable": "X"}, timeouts=QUICK)
    plant = OpcuaPlant(process, wrong, leases=tmp_path / "leases", environment={"X": "wrong"}.get)
    with pytest.raises(IoError):
        plant.connect()
    plant.close()
    assert connected(server.binding).read().connection == 1  # the lease is free again


def test_secrets_are_for_this_user_alone(server: LatheServer) -> None:
    for name in ("client.pem", "server.pem", "password"):
        assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600
    assert "password" in server.binding.read_text(encoding="utf-8")
    assert (server.folder / "password").read_text(encoding="utf-8") not in server.binding.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_second_start_keeps_what_people_changed(
    make_server: Callable[..., LatheServer], connected: Callable[..., OpcuaPlant]
) -> None:
    server = make_server()
    plant = connected(server.binding)
    assert plant.read().connection == 1
    plant.close()
    server.kill()
    text = "# ours\n" + server.binding.read_text(encoding="utf-8")
    server.binding.write_text(text, encoding="utf-8")
    (server.folder / "trusted/client.der").unlink()
    server.start()
    assert server.binding.read_text(encoding="utf-8") == text
    with pytest.raises(IoError):  # no longer trusted, also not after a restart
        connected(server.binding_with(timeouts=QUICK))


def test_certificates_are_made_once_and_as_opc_ua_wants_them(tmp_path: Path) -> None:
    from cryptography import x509

    path, key = make_certificate(tmp_path, "client", "urn:here", "lathe-1")
    content = path.read_bytes()
    assert make_certificate(tmp_path, "client", "urn:here", "lathe-1") == (path, key)
    assert path.read_bytes() == content
    made = x509.load_der_x509_certificate(content)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:here"]
    assert set(names.get_values_for_type(x509.DNSName)) == {"lathe-1", socket.gethostname()}
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment


def test_file_leases(tmp_path: Path) -> None:
    first, second, other = (
        FileLease("opc.tcp://a", tmp_path),
        FileLease("opc.tcp://a", tmp_path),
        FileLease("b", tmp_path),
    )
    first.take()
    other.take()
    with pytest.raises(LifecycleError, match=r"opc\.tcp://a"):
        second.take()
    second.give_back()
    with pytest.raises(LifecycleError):
        second.take()
    first.give_back()
    first.give_back()
    second.take()
    for lease in (second, other):
        lease.give_back()


def test_a_lease_ends_with_its_process(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        FileLease("a", tmp_path).take()
        os._exit(0)
    os.waitpid(child, 0)
    lease = FileLease("a", tmp_path)
    lease.take()
    lease.give_back()


def test_a_folder_of_leases_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(IoError, match="folder for leases"):
        FileLease("a", tmp_path / "file" / "x").take()


def test_object_leases() -> None:
    lease = ObjectLease("machine")
    lease.take()
    with pytest.raises(LifecycleError, match="machine"):
        lease.take()
    lease.give_back()
    lease.give_back()
    lease.take()
