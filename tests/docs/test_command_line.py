"""docs/command-line.md says what the command line says."""

from .command_line import page
from .snippets import REPOSITORY


def test_the_page_is_the_help() -> None:
    written = (REPOSITORY / "docs/command-line.md").read_text(encoding="utf-8")
    assert written == page(), "python tests/docs/command_line.py > docs/command-line.md"
