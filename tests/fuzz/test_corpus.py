"""What fuzzing begins with is whole: a corpus that nobody can read finds nothing."""

from pathlib import Path

from luban import _history

from .corpus import main


def test_the_corpus_reads(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    main(root)
    assert not _history.verify(str(root / "line")).damages
    for path in root.glob("*.h5"):
        found = [what for _, what in _history.verify(str(path)).damages if not what.startswith("the seal is missing")]
        assert not found, f"{path.name}: {found}"
        assert _history.open(str(path)).content().process
    assert len(list(root.rglob("*.chunk"))) == 16
    assert len(list(root.glob("*.json"))) == 2
