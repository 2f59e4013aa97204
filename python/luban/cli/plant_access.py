"""How a verb reaches an OPC UA server: the options, and what they mean together."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luban.errors import ConfigurationError

if TYPE_CHECKING:
    from luban.plant.binding import BindingFile

__all__ = [
    "AcceptedOption",
    "AccessOptions",
    "CertificateOption",
    "EndpointArgument",
    "KeyOption",
    "PasswordOption",
    "PolicyOption",
    "ServerOption",
    "UriOption",
    "UserCertificateOption",
    "UserKeyOption",
    "UserOption",
    "VariableOption",
    "access_to",
]

EndpointArgument = Annotated[
    str,
    typer.Argument(
        metavar="ENDPOINT|BINDING", help="opc.tcp://HOST:PORT/PATH with the options below, or a binding file alone."
    ),
]
CertificateOption = Annotated[Path | None, typer.Option("--certificate", help="Our certificate (DER or PEM).")]
KeyOption = Annotated[Path | None, typer.Option("--private-key", help="Our private key (PEM).")]
ServerOption = Annotated[
    Path | None, typer.Option("--server-certificate", help="The one certificate of a server that is accepted.")
]
PolicyOption = Annotated[
    str | None, typer.Option("--policy", help="Basic256Sha256 or Aes256Sha256RsaPss. Default: Basic256Sha256")
]
UriOption = Annotated[
    str | None, typer.Option("--application-uri", help="As in our certificate. Default: urn:luban:client")
]
UserOption = Annotated[str | None, typer.Option("--user", help="Name at the server.")]
PasswordOption = Annotated[Path | None, typer.Option("--password-file", help="File with the user's password.")]
VariableOption = Annotated[
    str | None, typer.Option("--password-variable", help="Or the variable of the environment that holds it.")
]
UserCertificateOption = Annotated[
    Path | None, typer.Option("--user-certificate", help="Instead of a name: the user's certificate.")
]
UserKeyOption = Annotated[Path | None, typer.Option("--user-key", help="And its private key.")]
AcceptedOption = Annotated[
    str | None,
    typer.Option("--unencrypted-accepted-by", metavar="PERSON", help="No encryption: the person who answers for it."),
]


@dataclass(frozen=True)
class AccessOptions:
    """How the server is reached, as the options say."""

    certificate: Path | None
    private_key: Path | None
    server_certificate: Path | None
    policy: str | None
    application_uri: str | None
    user: str | None
    password_file: Path | None
    password_variable: str | None
    user_certificate: Path | None
    user_key: Path | None
    accepted_by: str | None

    def given(self) -> dict[str, Any]:
        """Return the options that were given."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in values.items()
            if value is not None
        }


def access_to(endpoint: str, options: AccessOptions, name: str) -> BindingFile:
    """Return how a server is reached: from a binding file, or an endpoint and options."""
    from luban import _document
    from luban.plant import SecurityEntry, UserEntry, read_binding
    from luban.plant.opcua.asyncua_access import asyncua_module
    from luban.plant.opcua.browse import access_of

    given = options.given()
    asyncua_module()  # nothing else matters without it
    if not endpoint.startswith("opc.tcp://"):
        if "://" in endpoint:
            raise ConfigurationError(
                where=f"cli.{name}", expected="opc.tcp://HOST:PORT/PATH or a binding file", received=repr(endpoint)
            )
        if given:
            raise ConfigurationError(
                where=f"cli.{name}",
                expected="a binding file alone: it says how its server is reached",
                received=f"{endpoint} with --{next(iter(given)).replace('_', '-')}",
            )
        return read_binding(endpoint)
    named = {"user": "name", "user_certificate": "certificate", "user_key": "private_key"}
    login = {named.get(key, key): given.pop(key) for key in list(given) if key.startswith(("user", "password"))}
    accepted_by = given.pop("accepted_by", None)
    if not given and accepted_by is None:
        raise ConfigurationError(
            where=f"cli.{name}",
            expected="--certificate, --private-key and --server-certificate",
            received="none of them",
            hint="--unencrypted-accepted-by PERSON goes without encryption; a binding file instead of the endpoint "
            "says it all",
        )
    security: Any = "none"
    if given:
        security = _document.validated(SecurityEntry, _document.Document(given, "the options"), f"cli.{name}")
    user = _document.validated(UserEntry, _document.Document(login, "the options"), f"cli.{name}") if login else None
    return access_of(endpoint, security, user, accepted_by)
