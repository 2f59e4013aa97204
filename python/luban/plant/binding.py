"""The binding file: which variable of the process is which node of an OPC UA server, and how to get there.

YAML like all files of this package. A node is named by the list of browse names that lead to it from the server's
``Objects`` folder; no name is ever parsed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from luban import _document
from luban._document import ContradictionError
from luban._process.file import Category, Name, Number, Unit

__all__ = [
    "BindingFile",
    "HeartbeatEntry",
    "RunEntry",
    "SecurityEntry",
    "TagEntry",
    "UserEntry",
    "json_schema",
    "read_binding",
]


def _version(value: object) -> object:
    if value != 1 or isinstance(value, bool):
        raise ContradictionError("version 1 of the binding file", repr(value), "a newer luban may read it")
    return value


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Seconds = Annotated[Number, Field(gt=0)]


class BrowseName(_Entry):
    """A browse name in a namespace of its own (a namespace URI)."""

    namespace: Name
    name: Name


BrowsePath = Annotated[list[Name | BrowseName], Field(min_length=1, description="browse names from Objects on")]


class SecurityEntry(_Entry):
    """An encrypted and signed channel; the server's certificate is pinned, not trusted on first sight."""

    policy: Literal["Basic256Sha256", "Aes256Sha256RsaPss"] = "Basic256Sha256"
    certificate: Name = Field(description="our certificate (DER or PEM)")
    private_key: Name
    server_certificate: Name = Field(description="the one certificate that is accepted")
    application_uri: Name = Field(default="urn:luban:client", description="as in our certificate")


class UserEntry(_Entry):
    """Who we are to the server: a name with a password (from a file or an environment variable), or a certificate."""

    name: Name | None = None
    password_file: Name | None = None
    password_variable: Name | None = None
    certificate: Name | None = None
    private_key: Name | None = None

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> UserEntry:
        by_password = self.name is not None and (self.password_file is None) != (self.password_variable is None)
        by_certificate = self.certificate is not None and self.private_key is not None
        mixed = self.name is not None and self.certificate is not None
        if mixed or not (by_password or by_certificate):
            raise ContradictionError(
                "`name` with `password_file` or `password_variable`, or `certificate` with `private_key`",
                ", ".join(key for key, value in self.model_dump().items() if value is not None) or "nothing",
            )
        return self


class Timeouts(_Entry):
    """How long we wait."""

    connect_s: Seconds = 5.0
    request_s: Seconds = Field(default=1.0, description="for one answer; after it the connection is dropped")
    confirm_s: Seconds = Field(default=0.5, description="until a written value must read back")
    retry_s: Seconds = Field(default=2.0, description="longest pause between attempts to connect again")


class TagEntry(_Entry):
    """One variable: where it is, and what the server must say of it."""

    path: BrowsePath
    unit: Unit | None = Field(default=None, description="must be the server's and the process's")
    unit_assumed: bool = Field(default=False, description="the server states no unit; take `unit` on our word")
    tolerance: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="how far a read-back may be from what was written"
    )
    categories: list[Category] | None = Field(
        default=None, description="for a node that holds the number of one, from 0"
    )

    @pydantic.model_validator(mode="after")
    def _unit_is_known(self) -> TagEntry:
        if self.unit_assumed and self.unit is None:
            raise ContradictionError("`unit` beside `unit_assumed`", "none")
        return self


class HeartbeatEntry(_Entry):
    """Counters that show who is alive: the plant's, which we read, and ours, which we write."""

    plant: BrowsePath | None = None
    loop: BrowsePath | None = None
    period_s: Seconds | None = Field(default=None, description="of the plant's counter; needed by `command`")


class CommandEntry(_Entry):
    """Nodes that a plant checks before it takes setpoints of the same request."""

    id: BrowsePath
    valid_until: BrowsePath = Field(description="the last count of the plant's heartbeat at which the command holds")


class RunEntry(_Entry):
    """Where the plant shows the run that has finished last."""

    count: BrowsePath = Field(description="number of finished runs")
    settings: dict[Name, BrowsePath] = {}
    context: dict[Name, TagEntry] = {}
    readings: dict[Name, TagEntry] = Field(description="arrays of equal length: noise variables and responses")


class BindingFile(_Entry):
    """A binding file, version 1."""

    luban: Annotated[Literal[1], BeforeValidator(_version)] = Field(description="version of the file format")
    endpoint: Annotated[str, Field(pattern=r"^opc\.tcp://[^/@\s]+(/\S*)?$")]
    namespace: Name = Field(description="namespace URI of the browse names that name none")
    security: SecurityEntry | Literal["none"]
    unencrypted_accepted_by: Name | None = Field(
        default=None, description="who answers for `security: none`; goes into the audit trail"
    )
    user: UserEntry | None = None
    timeouts: Timeouts = Timeouts()
    outputs: dict[Name, TagEntry] = {}
    inputs: dict[Name, TagEntry] = {}
    context: dict[Name, TagEntry] = {}
    heartbeat: HeartbeatEntry = HeartbeatEntry()
    lease: BrowsePath | None = Field(default=None, description="text node: the name of the loop that holds the plant")
    command: CommandEntry | None = None
    run: RunEntry | None = None

    @pydantic.model_validator(mode="after")
    def _is_consistent(self) -> BindingFile:
        if (self.security == "none") != (self.unencrypted_accepted_by is not None):
            raise ContradictionError(
                "`unencrypted_accepted_by` with `security: none`, and only with it",
                "none" if self.unencrypted_accepted_by is None else repr(self.unencrypted_accepted_by),
                "name the person who accepts that everybody on the network can read and write",
            )
        names = [*self.outputs, *self.inputs, *self.context]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ContradictionError("each name once, as output, input or context", f"{double[0]!r} twice")
        if self.command is not None and (self.heartbeat.plant is None or self.heartbeat.period_s is None):
            raise ContradictionError("`heartbeat` with `plant` and `period_s` beside `command`", "none")
        return self


def read_binding(path: str | Path) -> BindingFile:
    """Read a binding file; the paths of files in it are resolved.

    Raises: IoError when it cannot be read; ConfigurationError with file and line.
    """
    document = _document.read_yaml(path)
    binding = _document.validated(BindingFile, document, "plant.read_binding")
    return _resolved(binding, path)


def _resolved(binding: BindingFile, path: str | Path) -> BindingFile:
    def beside(name: str | None) -> str | None:
        return None if name is None else str(_document.resolve_path(name, path))

    changes: dict[str, Any] = {}
    if isinstance(binding.security, SecurityEntry):
        files = ("certificate", "private_key", "server_certificate")
        changes["security"] = binding.security.model_copy(
            update={key: beside(getattr(binding.security, key)) for key in files}
        )
    if binding.user is not None:
        files = ("password_file", "certificate", "private_key")
        changes["user"] = binding.user.model_copy(update={key: beside(getattr(binding.user, key)) for key in files})
    return binding.model_copy(update=changes)


def json_schema() -> dict[str, Any]:
    """JSON Schema of the binding file (draft 2020-12)."""
    schema = BindingFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Luban binding file"}


if __name__ == "__main__":  # python -m luban.plant.binding > configs/schema/binding.schema.json
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
