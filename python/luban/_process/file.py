"""The process file: pydantic models of its YAML, and its translation into the plain definition that C++ validates.

What is wrong with single values, keys and units is found here, with file and line; what contradicts within the whole
is found by the C++ value types, which everything else builds on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from luban import _core, units
from luban._document import ContradictionError
from luban._times import zone_of
from luban.errors import ConfigurationError, UnitError

__all__ = ["ProcessFile", "json_schema", "source_entries"]

#: Keys that are validated and kept, but that nothing acts on yet.
NOT_USED_YET = ("cost",)


def _unit(text: str) -> str:
    try:
        units.commensurable(text, "")
    except UnitError as error:
        raise ContradictionError(error.expected, error.received, error.hint) from None
    return text


def _category(value: object) -> object:
    """Numbers are legal names of categories; true and false are more likely a slip."""
    if isinstance(value, bool):
        raise ContradictionError("categories that are names", str(value).lower(), "put it in quotes")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)  # as an import writes it
    return str(value) if isinstance(value, int) else value


def _version(value: object) -> object:
    if value != 1 or isinstance(value, bool):
        raise ContradictionError("version 1 of the process file", repr(value), "a newer luban may read it")
    return value


def _timezone(name: str) -> str:
    try:
        zone_of(name, "", "")
    except ConfigurationError as error:
        raise ContradictionError(error.expected, error.received, error.hint) from None
    return name


Unit = Annotated[str, pydantic.AfterValidator(_unit)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Category = Annotated[str, BeforeValidator(_category)]
Name = Annotated[str, Field(min_length=1)]
Timezone = Annotated[str, pydantic.AfterValidator(_timezone)]
RunStatus = Literal["completed", "running", "failed", "abandoned"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRef(_Entry):
    """Column of a source: its name alone, or name and unit when the unit differs from the process's."""

    name: Name
    unit: Unit | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @pydantic.model_serializer(mode="wrap")
    def _to_name(self, handler: pydantic.SerializerFunctionWrapHandler) -> Any:
        return self.name if self.unit is None else handler(self)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: pydantic.GetJsonSchemaHandler) -> dict[str, Any]:
        full = handler(schema)
        return {"anyOf": [{"type": "string", "minLength": 1}, full]}


class Rate(_Entry):
    """Largest change of a setpoint per time."""

    value: Annotated[Number, Field(gt=0)]
    per: Unit = Field(description="unit of time, such as s, min or h")

    @pydantic.field_validator("per")
    @classmethod
    def _is_time(cls, per: str) -> str:
        if not units.commensurable(per, "s"):
            raise ContradictionError("a unit of time", repr(per))
        return per


class Limits(_Entry):
    """Hard bounds on a setpoint; the search range must lie within."""

    low: Number | None = None
    high: Number | None = None
    max_rate: Rate | None = None


class VariableEntry(_Entry):
    """A context or noise variable: categories, or a number (whose range may be left to the data)."""

    unit: Unit = ""
    low: Number | None = None
    high: Number | None = None
    categories: list[Category] | None = None
    ordered: bool = Field(default=False, description="the categories stand in their order")
    integer: bool = False
    column: ColumnRef | None = Field(default=None, description="column of the source; default: the name itself")

    @pydantic.model_validator(mode="after")
    def _kind_is_clear(self) -> VariableEntry:
        if self.ordered and self.categories is None:
            raise ContradictionError("categories for `ordered`", "none")
        if self.integer and self.categories is not None:
            raise ContradictionError("either `integer` or categories", "both")
        return self

    @property
    def kind(self) -> str:
        """continuous, integer, categorical or ordinal."""
        if self.categories is not None:
            return "ordinal" if self.ordered else "categorical"
        return "integer" if self.integer else "continuous"


class AchievedEntry(_Entry):
    """Where a source says what the machine reached beside what it was told."""

    column: ColumnRef


class ParameterEntry(VariableEntry):
    """An adjustable quantity: low and high are the range in which settings may be proposed."""

    limits: Limits | None = None
    achieved: AchievedEntry | None = Field(default=None, description="what the machine reached, not what it was told")


class IdentifierEntry(_Entry):
    """A column that names something; kept, never learned from."""

    column: ColumnRef | None = None


class Valid(_Entry):
    """Outside these bounds a value is an entry error: it is quarantined at import."""

    low: Number | None = None
    high: Number | None = None


class QualityEntry(_Entry):
    """How a source says whether a value can be trusted; without words of its own those and the codes of OPC UA."""

    column: ColumnRef
    good: list[Category] = []
    uncertain: list[Category] = []
    bad: list[Category] = Field(default=[], description="such a value is kept, and never used")

    @pydantic.model_validator(mode="after")
    def _words_are_clear(self) -> QualityEntry:
        words = [*self.good, *self.uncertain, *self.bad]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ContradictionError("each word for one quality", f"{twice[0]!r} twice")
        if self.column.unit is not None:
            raise ContradictionError("a column of words or codes", f"the unit {self.column.unit!r}")
        return self


class ResponseEntry(_Entry):
    """A measured result."""

    unit: Unit = ""
    column: ColumnRef | None = None
    valid: Valid | None = None
    optional: bool = Field(default=False, description="a run without it is complete")
    late: bool = Field(default=False, description="may arrive long after the run")
    quality: QualityEntry | None = None


#: Exponent by parameter, or parameters alone, whose exponents are 1.
Product = Annotated[dict[Name, Number], Field(min_length=1)] | Annotated[list[Name], Field(min_length=1)]


class MonomialEntry(_Entry):
    """One term of a sum: powers of parameters times a factor; without parameters a constant."""

    product: Product | None = Field(default=None, description="exponent by parameter, or parameters alone")
    factor: Number | None = Field(
        default=None, description="of the numbers in the parameters' units; when left out, converts their units"
    )

    @pydantic.model_validator(mode="after")
    def _says_something(self) -> MonomialEntry:
        if self.product is None and self.factor is None:
            raise ContradictionError("a product or a factor", "neither")
        return self


class DerivedEntry(_Entry):
    """A product of powers of parameters, or a sum of such, in a unit of its own."""

    unit: Unit = ""
    product: Product | None = Field(default=None, description="exponent by parameter, or parameters alone")
    factor: Number | None = Field(
        default=None, description="of the numbers in the parameters' units; when left out, converts their units"
    )
    sum: Annotated[list[MonomialEntry], Field(min_length=1)] | None = None

    @pydantic.model_validator(mode="after")
    def _is_one_form(self) -> DerivedEntry:
        if (self.product is None) == (self.sum is None):
            raise ContradictionError("either `product` or `sum`", "neither" if self.sum is None else "both")
        if self.sum is not None and self.factor is not None:
            raise ContradictionError("each factor beside its product in `sum`", "one beside `sum`")
        return self

    @property
    def terms(self) -> list[MonomialEntry]:
        """The terms of the sum; of the short form its only one."""
        return self.sum or [MonomialEntry(product=self.product, factor=self.factor)]


class RiskEntry(_Entry):
    """What is judged over the tolerances instead of the expectation: the level of one of the two measures."""

    value_at_risk: Number | None = Field(
        default=None, description="the value that only a share of 1 - level comes out worse than"
    )
    conditional_value_at_risk: Number | None = Field(default=None, description="the mean of the worst 1 - level")

    @pydantic.model_validator(mode="after")
    def _is_one(self) -> RiskEntry:
        given = [value for value in (self.value_at_risk, self.conditional_value_at_risk) if value is not None]
        if len(given) != 1:
            raise ContradictionError(
                "one of value_at_risk and conditional_value_at_risk", "both" if given else "neither"
            )
        return self


class ObjectiveEntry(_Entry):
    """What to improve; `target` is the value to hit, for the goal of that name."""

    response: Name
    goal: Literal["minimize", "maximize", "target"]
    target: Number | None = None
    risk: RiskEntry | None = Field(default=None, description="needs `tolerances`; default: the expectation over them")


class OutcomeConstraintEntry(_Entry):
    """Bound that the mean of the next run must keep with a probability."""

    response: Name
    lower: Number | None = None
    upper: Number | None = None
    probability: Number = _core.OutcomeConstraint.default_probability


class ParameterConstraintEntry(_Entry):
    """lower ≤ Σ coefficient · parameter ≤ upper, in the parameters' units."""

    sum: Annotated[dict[Name, Number], Field(min_length=1)]
    lower: Number | None = None
    upper: Number | None = None


class ToleranceEntry(_Entry):
    """Standard deviation with which the applied value scatters around the setpoint."""

    sd: Number


class TraceEntry(_Entry):
    """A channel recorded during a run."""

    unit: Unit = ""
    period_ms: Annotated[Number, Field(gt=0)]
    column: ColumnRef | None = None


class StatusEntry(_Entry):
    """Column that says how a run ended; without `values` it holds the words that a history keeps."""

    column: ColumnRef | None = None
    values: dict[Category, RunStatus] = Field(default={}, description="what the words of the source mean")

    @pydantic.model_validator(mode="after")
    def _are_words(self) -> StatusEntry:
        if self.column is not None and self.column.unit is not None:
            raise ContradictionError("a column of words or codes", f"the unit {self.column.unit!r}")
        return self


class RunsEntry(_Entry):
    """Which rows of a source belong together: one row is one reading, a run has one or more."""

    id: list[Name] = Field(
        default=[], description="names whose values together name a run; when left out, each row is a run"
    )
    repeat: IdentifierEntry | None = Field(default=None, description="column that numbers the readings of a run")
    start_time: IdentifierEntry | None = None
    end_time: IdentifierEntry | None = None
    timezone: Timezone | None = Field(
        default=None, description="where times without a zone were written, such as Europe/Berlin (IANA)"
    )
    status: StatusEntry | None = Field(default=None, description="how the run ended")

    @pydantic.model_validator(mode="after")
    def _repeats_are_of_runs(self) -> RunsEntry:
        if self.repeat is not None and not self.id:
            raise ContradictionError("`id` beside `repeat`", "none", "without it each row is a run of one reading")
        return self


class CostEntry(BaseModel):
    """Money per unit of a response (negative: a return), and the currency."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Number] = Field(init=False)
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class EquipmentEntry(_Entry):
    """Where it happens, by the equipment hierarchy of ISA-95."""

    site: str = ""
    area: str = ""
    work_center: str = ""
    work_unit: str = ""


class ProcessFile(_Entry):
    """A process file, version 1."""

    luban: Annotated[Literal[1], BeforeValidator(_version)] = Field(description="version of the file format")
    process: Name = Field(description="name of the process")
    equipment: EquipmentEntry = EquipmentEntry()
    parameters: dict[Name, ParameterEntry] = {}
    context: dict[Name, VariableEntry] = {}
    noise: dict[Name, VariableEntry] = {}
    identifiers: dict[Name, IdentifierEntry] = {}
    responses: dict[Name, ResponseEntry]
    derived: dict[Name, DerivedEntry] = {}
    objectives: list[ObjectiveEntry] = []
    outcome_constraints: list[OutcomeConstraintEntry] = []
    parameter_constraints: list[ParameterConstraintEntry] = []
    tolerances: dict[Name, ToleranceEntry] = {}
    traces: dict[Name, TraceEntry] = {}
    runs: RunsEntry | None = None
    groups: list[Name] = Field(
        default=[],
        description="names that must not be split between training and test; or run, lot, source; "
        "when left out, runs with the same parameters and categories of context",
    )
    cost: CostEntry | None = None

    @pydantic.field_validator("groups", mode="before")
    @classmethod
    def _one_group(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    def plain(self) -> dict[str, Any]:
        """Return the file as plain values; what stands at its default is left out."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return {"luban": self.luban, **content}


def source_entries(file: ProcessFile) -> Iterator[tuple[str, str, ColumnRef, str]]:
    """Yield role, name, column and unit of everything that is read from a source."""
    sections: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("parameter", file.parameters),
        ("context", file.context),
        ("noise", file.noise),
        ("identifier", file.identifiers),
        ("response", file.responses),
        ("trace", file.traces),
    )
    for role, entries in sections:
        for name, entry in entries.items():
            yield role, name, entry.column or ColumnRef(name=name), getattr(entry, "unit", "")
    if file.runs is not None:
        for name in ("repeat", "start_time", "end_time", "status"):
            entry = getattr(file.runs, name)
            if entry is not None:
                yield "run", name, entry.column or ColumnRef(name=name), ""


def json_schema() -> dict[str, Any]:
    """JSON Schema of the process file (draft 2020-12)."""
    schema = ProcessFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Luban process file"}


if __name__ == "__main__":  # python -m luban._process.file > configs/schema/process.schema.json
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
