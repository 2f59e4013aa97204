"""docs/command-line.md says what the command line says."""

import os
import subprocess
import sys

from .snippets import REPOSITORY


def test_the_page_is_the_help() -> None:
    """In a process of its own: verbs stand in the order in which their modules are first imported."""
    written = (REPOSITORY / "docs/command-line.md").read_text(encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = [sys.executable, "tests/docs/command_line.py"]
    made = subprocess.run(script, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    assert written == made.stdout, "python tests/docs/command_line.py > docs/command-line.md"
