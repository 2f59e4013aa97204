"""Reserved words stay out of public names: C++ headers, Python names, schema keys."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from .inspection import cpp_tags, schema_keys, words_of

# batch is ISA-88's word (a learning chunk is a minibatch); experiment is a run or a campaign;
# safe and safety belong to certified systems and are never said about our guard.
RESERVED = {"batch", "batches", "batched", "experiment", "experiments", "safe", "safety"}
ALLOWED = {"batch_shape"}  # the leading dimensions of tensors, in tensor code


def offends(name: str) -> bool:
    return name not in ALLOWED and not RESERVED.isdisjoint(words_of(name))


def python_names(path: Path) -> Iterator[str]:
    """Names that others may use: functions, classes, arguments, annotated fields and module constants."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
            if not node.name.startswith("_"):
                arguments = node.args
                yield from (arg.arg for arg in arguments.args + arguments.posonlyargs + arguments.kwonlyargs)
        elif isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_cpp_headers(public_headers: list[Path]) -> None:
    faults = sorted({f"{tag.path.name}: {tag.name}" for tag in cpp_tags(public_headers) if offends(tag.name)})
    assert not faults, faults


def test_python_package(repository: Path) -> None:
    faults = []
    for path in sorted((repository / "python/luban").rglob("*.py")):
        public = [name for name in python_names(path) if not name.startswith("_")]
        faults += [f"{path.relative_to(repository)}: {name}" for name in [path.stem, *public] if offends(name)]
    assert not faults, faults


def test_names_given_to_python_by_the_bindings(repository: Path) -> None:
    quoted = re.compile(r'(?:\.def\w*|py::arg|py::class\w*|py::enum_|\.value)[^"\n]*\(\s*\w*,?\s*"(\w+)"')
    faults = [
        f"{path.name}: {name}"
        for path in sorted((repository / "python/bindings").glob("*.cpp"))
        for name in quoted.findall(path.read_text(encoding="utf-8"))
        if offends(name)
    ]
    assert not faults, faults


def test_schema_keys(repository: Path) -> None:
    faults = [
        f"{path.name}: {key}"
        for path in sorted((repository / "configs/schema").glob("*.json"))
        for key in schema_keys(json.loads(path.read_text(encoding="utf-8")))
        if offends(key)
    ]
    assert not faults, faults


def test_the_check_sees_a_reserved_word() -> None:
    assert offends("batch_size")
    assert offends("BatchReader")
    assert offends("is_safe")
    assert offends("runExperiment")
    assert not offends("minibatch")
    assert not offends("safetensors")
