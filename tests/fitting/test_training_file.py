"""The training file: its keys, its defaults, its schema, its errors."""

import json
from pathlib import Path

import pytest

from luban import training
from luban._fitting import training_file
from luban._fitting.training_file import NeuralEntry, is_training_file, of_options, read_training_file
from luban.errors import ConfigurationError, NotBuiltError

LEAST = "luban: 1\nprocess: ./line.yaml\nhistory: line.h5\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "training.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_that_begin_with_a_dot_are_relative_to_the_file(tmp_path: Path) -> None:
    read = read_training_file(written(tmp_path, LEAST))
    assert (Path(read.process), read.history) == (tmp_path / "line.yaml", "line.h5")
    assert (read.asked(), read.seed, read.checkpoint.every_s) == ("automatic", 0, 60.0)


def test_the_shipped_file_reads(repository: Path) -> None:
    path = repository / "configs/training/turning.yaml"
    read = read_training_file(path)
    assert Path(read.process).resolve() == (repository / "configs/process/turning.yaml").resolve()
    assert (read.neural.members, read.neural.hidden) == (16, [128, 128])
    assert is_training_file(path)
    assert not is_training_file(repository / "configs/process/turning.yaml")


def test_the_kept_schema_is_the_models_schema(repository: Path) -> None:
    """Made anew by: python -m luban._fitting.training_file > configs/schema/training.schema.json."""
    kept = json.loads((repository / "configs/schema/training.schema.json").read_text(encoding="utf-8"))
    assert kept == training_file.json_schema()


@pytest.mark.skipif(not training.available(), reason=f"no training here: {training.lacking()}")
def test_defaults_are_those_of_the_options_in_cpp(tmp_path: Path) -> None:
    of_cpp = training.option_values(training.NeuralEnsembleOptions())
    entry = NeuralEntry().model_dump()
    assert entry == {name: of_cpp[name] for name in entry}
    options = read_training_file(written(tmp_path, LEAST)).network()
    assert options is not None
    assert training.option_values(options) == of_cpp


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("neural: {memebers: 4}", "members"),
        ("neural: {members: 1}", "greater than or equal to 2"),
        ("surrogate: {kind: neural}", "neural_ensemble"),
        ("surrogate: {kind: automatic, preset: matern}", "beside a preset"),
        ("surrogate: {kind: neural_ensemble, transforms: log}", "beside transforms"),
        ("surrogate: {transforms: {Ra: lgo}}", "did you mean"),
        ("parallel: {ranks: 0}", "ranks"),
        ("parallel: {device: abacus}", "device"),
        ("checkpoint: {every_s: 0}", "greater than 0"),
        ("seeds: 3", "seed"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_training_file(written(tmp_path, f"{LEAST}{more}\n"))
    assert "training.yaml, line 4" in str(caught.value)


def test_what_does_not_change_the_model_does_not_change_the_job(tmp_path: Path) -> None:
    first = read_training_file(written(tmp_path, LEAST)).what_decides()
    same = "parallel: {ranks: 4, threads: 2}\ncheckpoint: {every_s: 5, keep: 1}\n"
    assert read_training_file(written(tmp_path, LEAST + same)).what_decides() == first
    assert read_training_file(written(tmp_path, LEAST + "seed: 1\n")).what_decides() != first


def test_options_of_a_command_line_make_the_same(tmp_path: Path) -> None:
    made = of_options(Path("./line.yaml"), Path("line.h5"), surrogate="matern", folds=3)
    assert (made.surrogate.kind, made.asked(), made.validation.folds) == ("gaussian_process", "matern", 3)
    assert of_options(Path("p"), Path("h"), surrogate="neural_ensemble").asked() == "neural_ensemble"


def test_transforms_are_for_all_responses_or_by_name(tmp_path: Path) -> None:
    assert read_training_file(written(tmp_path, LEAST)).surrogate.transforms == "none"
    one = read_training_file(written(tmp_path, LEAST + "surrogate: {transforms: winsorise+log}\n"))
    assert one.surrogate.transforms == "winsorise+log"
    assert one.what_decides() != read_training_file(written(tmp_path, LEAST)).what_decides()
    several = read_training_file(written(tmp_path, LEAST + "surrogate: {transforms: {Ra: auto, Rq: log}}\n"))
    assert several.surrogate.transforms == {"Ra": "auto", "Rq": "log"}
    assert of_options(Path("p"), Path("h"), transform="auto").surrogate.transforms == "auto"


def test_networks_that_are_named_and_cannot_be_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = NotBuiltError(where="training", expected="torch", received="none")
    monkeypatch.setattr(training, "lacking", lambda: error)
    assert read_training_file(written(tmp_path, LEAST)).network() is None
    with pytest.raises(NotBuiltError):
        read_training_file(written(tmp_path, LEAST + "surrogate: {kind: neural_ensemble}\n")).network()
