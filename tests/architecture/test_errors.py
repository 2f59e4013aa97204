"""Every C++ error type has a Python class of the same name with the same base, and arrives as it."""

import inspect
import re
from pathlib import Path

import pytest

import luban.errors

REPOSITORY = Path(__file__).resolve().parents[2]


def cpp_error_types() -> dict[str, str]:
    """Name and base of each class in core/error.hpp."""
    text = (REPOSITORY / "cpp/luban/core/error.hpp").read_text(encoding="utf-8")
    found = re.findall(r"^class LUBAN_CORE_EXPORT (\w+) : public ([\w:]+) \{", text, re.MULTILINE)
    return dict(found)


ERROR_TYPES = cpp_error_types()


def test_the_header_was_read() -> None:
    assert ERROR_TYPES["Error"] == "std::runtime_error"
    assert ERROR_TYPES["UnitError"] == "DataError"


@pytest.mark.parametrize("name", ERROR_TYPES)
def test_is_bound_with_its_base(name: str) -> None:
    bound = getattr(luban.errors, name)
    base = ERROR_TYPES[name]
    expected = Exception if base == "std::runtime_error" else getattr(luban.errors, base)
    assert expected in bound.__bases__


def test_python_knows_no_error_that_cpp_does_not() -> None:
    classes = {
        name
        for name, member in inspect.getmembers(luban.errors, inspect.isclass)
        if issubclass(member, Exception) and member.__module__ == "luban.errors"
    }
    assert classes == set(ERROR_TYPES)


def test_no_error_type_lives_elsewhere() -> None:
    """The tree is one file: an error class in another header would be missed above."""
    strays = [
        f"{path.relative_to(REPOSITORY)}: {line.strip()}"
        for path in (REPOSITORY / "cpp/luban").rglob("*.hpp")
        if path.name != "error.hpp"
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\b(class|struct)\b.*: public (core::|luban::core::|std::)\w*([Ee]rror|exception)\b", line)
    ]
    assert not strays, strays
