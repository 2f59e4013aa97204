"""docs/errors.md says what the program says, and every error type stands in it."""

import inspect
import re
from pathlib import Path

import pytest

from luban import console, errors

from .error_cases import CASES, PAGE, Case, reasons_markdown


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.done.strip("."))
def test_the_text_is_the_program_s(case: Case, page: str, tmp_path: Path) -> None:
    assert f"```text\n{case.text(tmp_path)}\n```" in page, "python tests/docs/error_cases.py writes the page"


def test_the_reasons_of_the_quarantine(page: str) -> None:
    assert reasons_markdown() in page


def test_every_error_type_has_a_row_with_its_exit_code(page: str) -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.Error)]
    for kind in kinds:
        if kind is errors.Error:
            continue
        code = console.exit_code(kind(where="a.b", expected="x", received="y"))
        assert re.search(rf"^\| `{kind.__name__}`.*\| {code} \|$", page, re.MULTILINE), f"{kind.__name__}: {code}"


def test_a_case_without_an_error_is_found(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no error"):
        Case("", "Nothing is wrong.", "", lambda folder: folder).error(tmp_path)
