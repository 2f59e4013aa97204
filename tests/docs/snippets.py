"""The fenced code of the documents, in the order in which a reader meets it."""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*REPOSITORY.glob("README*.md"), *(REPOSITORY / "docs").glob("*.md")])
FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """One fenced block; ``line`` is where its text begins in the document."""

    document: Path
    line: int
    language: str
    text: str

    @property
    def source(self) -> str:
        """The text behind as many empty lines as stand above it, so that a traceback names the document's line."""
        return "\n" * (self.line - 1) + self.text


def snippets(document: Path, *languages: str) -> list[Snippet]:
    """Blocks of a document in these languages."""
    text = document.read_text(encoding="utf-8")
    return [
        Snippet(document, text.count("\n", 0, found.start("text")) + 1, found["language"], found["text"])
        for found in FENCE.finditer(text)
        if found["language"] in languages
    ]


def documents_with(*languages: str) -> list[Path]:
    """Documents that have at least one block in these languages."""
    return [document for document in DOCUMENTS if snippets(document, *languages)]


def name(document: Path) -> str:
    """The document's path in the repository, as the name of a test."""
    return str(document.relative_to(REPOSITORY))
