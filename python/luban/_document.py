"""Reading YAML documents: YAML 1.2 scalars, no key twice, every error with file, line and dotted path.

PyYAML reads YAML 1.1, where ``categories: [Yes, No]`` are booleans and ``1e-3`` is a text; plant files mean neither.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pydantic
import yaml

from luban import _core
from luban.errors import ConfigurationError, IoError

__all__ = ["ContradictionError", "Document", "dump_yaml", "parse_yaml", "read_yaml", "resolve_path", "validated"]

Location = tuple[int | str, ...]
_Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]
Model = TypeVar("Model", bound=pydantic.BaseModel)

_SCALARS = (
    ("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        re.compile(
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+0123456789."),
    ),
)

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: _Resolvers = {}  # noqa: RUF012 (its own, not those of YAML 1.1)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    "while reading a mapping", node.start_mark, f"key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers: _Resolvers = {}  # noqa: RUF012 (its own, not those of YAML 1.1)

    def ignore_aliases(self, data: object) -> bool:
        return True  # a repeated list is written twice, not as &id001

    def represent_exact_text(self, value: str) -> yaml.ScalarNode:
        # Only double quotes keep control characters and the line ends of Unicode as they are.
        style = '"' if _CONTROL.search(value) else None
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    def represent_plain_float(self, value: float) -> yaml.ScalarNode:
        text = repr(value)
        text = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
        return self.represent_scalar("tag:yaml.org,2002:float", text)


def _plain_int(loader: _Loader, node: yaml.Node) -> int:
    return int(loader.construct_scalar(typing.cast(yaml.ScalarNode, node)))


for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _plain_int)
_Dumper.add_representer(float, _Dumper.represent_plain_float)
_Dumper.add_representer(str, _Dumper.represent_exact_text)


class Document(NamedTuple):
    """A parsed document and where it came from."""

    content: dict[str, Any]
    name: str
    root: yaml.Node | None = None

    def place(self, location: Location) -> str:
        """File, line and dotted path of a location."""
        line = _line(self.root, location)
        parts = [self.name, f"line {line}" if line else "", _dotted(location)]
        return ", ".join(part for part in parts if part)


class ContradictionError(ValueError):
    """What a model's validator raises: the two halves of the sentence that a ConfigurationError is."""

    def __init__(self, expected: str, received: str, hint: str = "") -> None:
        super().__init__(f"expected {expected}, received {received}")
        self.expected = expected
        self.received = received
        self.hint = hint


def read_yaml(path: str | Path) -> Document:
    """Read a YAML file. Raises: IoError when it cannot be read, ConfigurationError when it is no mapping."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise IoError(
            where="document.read", expected="a file that can be read", received=str(error.strerror), place=str(path)
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            where="document.read", expected="text in UTF-8", received=f"byte {error.start} that is not", place=str(path)
        ) from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> Document:
    """Parse YAML text; ``name`` stands in errors. Raises: ConfigurationError with line and column."""
    try:
        root, content = _load(text)
    except RecursionError:
        raise ConfigurationError(
            where="document.parse", expected="a few levels of nesting", received="far too many", place=name
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationError(
            where="document.parse",
            expected="text without control characters",
            received=f"character {ord(text[error.position]):#04x}",
            place=f"{name}, line {line}",
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = name if mark is None else f"{name}, line {mark.line + 1}, column {mark.column + 1}"
        raise ConfigurationError(
            where="document.parse",
            expected="YAML",
            received=str(getattr(error, "problem", None) or error),
            place=place,
        ) from error
    if not isinstance(content, dict):
        received = "nothing" if content is None else f"a {type(content).__name__}"
        raise ConfigurationError(where="document.parse", expected="a mapping of keys", received=received, place=name)
    return Document(content, name, root)


def _load(text: str) -> tuple[yaml.Node | None, Any]:
    """Return the tree of nodes, which knows the lines, and the values."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return root, None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def dump_yaml(content: Mapping[str, Any]) -> str:
    """Write YAML that ``parse_yaml`` reads back as the same values, keys in the order given."""
    return yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def resolve_path(path: str | Path, document: str | Path) -> Path:
    """Path named in a document: beginning with '.' relative to the document, else to the working directory."""
    return Path(document).parent / path if str(path).startswith(".") else Path(path)


def validated(model: type[Model], document: Document, where: str) -> Model:
    """Validate a document. Raises: ConfigurationError for the first thing wrong, naming the nearest known key."""
    try:
        return model.model_validate(document.content)
    except pydantic.ValidationError as error:
        problems = error.errors()
        # An unknown key explains a missing one, so it is told first.
        first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
        raise _translated(model, document, where, first) from None


def _translated(
    model: type[pydantic.BaseModel], document: Document, where: str, problem: Mapping[str, Any]
) -> ConfigurationError:
    location: Location = tuple(problem["loc"])
    cause = problem.get("ctx", {}).get("error")
    hint = ""
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        expected, received = "a known key", repr(location[-1])
        hint = _core.nearest_hint(str(location[-1]), known)
    elif problem["type"] == "missing":
        expected, received = f"a value for {location[-1]!r}", "none"
    elif isinstance(cause, ContradictionError):
        expected, received, hint = cause.expected, cause.received, cause.hint
    elif problem["type"] in ("model_type", "dict_type"):
        expected, received = "a mapping of keys", _short(problem["input"])
    elif problem["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        expected, received = problem["ctx"]["expected"], _short(problem["input"])
        hint = _core.nearest_hint(str(problem["input"]), known)
    else:
        expected = re.sub(r"^(Input|Value) should (be|have) ", "", problem["msg"])
        received = _short(problem["input"])
    return ConfigurationError(
        where=where, expected=expected, received=received, place=document.place(location), hint=hint
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _dotted(location: Location) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _line(root: yaml.Node | None, location: Location) -> int | None:
    """Line of the deepest part of a location that stands in the document."""
    if root is None:
        return None
    node, line = root, root.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _known_keys(model: type[pydantic.BaseModel], location: Location) -> list[str]:
    """Keys that are allowed at a location of a model."""
    annotation: Any = model
    for part in location:
        annotation = _step(annotation, part)
    found = _model_in(annotation)
    return [] if found is None else [field.alias or name for name, field in found.model_fields.items()]


def _step(annotation: Any, part: int | str) -> Any:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, pydantic.BaseModel):
            field = next((f for name, f in option.model_fields.items() if part in (name, f.alias)), None)
            if field is not None:
                return field.annotation
            if any(part in _literals(f.annotation) for f in option.model_fields.values()):
                return option  # pydantic puts the tag of a union into the location
            continue
        origin = typing.get_origin(option)
        if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping | Sequence):
            return typing.get_args(option)[-1]
    return None


def _literals(annotation: Any) -> tuple[Any, ...]:
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()


def _model_in(annotation: Any) -> type[pydantic.BaseModel] | None:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, pydantic.BaseModel):
            return option
    return None


def _options(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, annotations removed; anything else is its own only option."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return tuple(inner for option in typing.get_args(annotation) for inner in _options(option))
    if origin is typing.Annotated:
        return _options(typing.get_args(annotation)[0])
    return (annotation,)
