"""Evaluations as Python sees them: contenders, tables, cards."""

import json
import math

import numpy as np
import pytest

from luban import _core, evaluation
from luban.errors import ConfigurationError, DataError

CATEGORIES = {"wear": ["New", "Worn"]}
PROCESS = _core.Process.from_json(
    json.dumps(
        {
            "luban": 1,
            "process": "line",
            "parameters": [{"name": "feed", "unit": "mm/rev", "kind": "continuous", "low": 0.0, "high": 1.0}],
            "context": [{"name": "wear", "kind": "categorical", "categories": CATEGORIES["wear"]}],
            "responses": [{"name": "roughness", "unit": "um"}],
            "groups": ["feed"],
        }
    )
)


def make_data(settings: int = 12, runs: int = 2, readings: int = 4, seed: int = 0) -> _core.Dataset:
    """A line with noise: 0.3 between runs, 0.2 of a reading."""
    random = np.random.default_rng(seed)
    s, w, r, k = (a.ravel() for a in np.indices((settings, 2, runs, readings)))
    run = (s * 2 + w) * runs + r
    feed = random.uniform(size=settings)[s]
    of_run = random.normal(0.0, 0.3, settings * 2 * runs)[run]
    columns = {
        "run_id": np.array([str(i) for i in run], dtype=object),
        "repeat": k + 1.0,
        "feed": feed,
        "wear": w.astype(np.int32),
        "roughness": 5.0 + 3.0 * feed + 0.5 * w + of_run + random.normal(0.0, 0.2, len(s)),
    }
    units = {"feed": "mm/rev", "roughness": "um"}
    return _core.make_dataset(PROCESS, _core.MemorySource(_core.Table.from_dict(columns, units, CATEGORIES)))


DATA = make_data()
EVALUATION = evaluation.evaluate(DATA, ["quadratic"], seed=3, folds=4, repeats=2)
CARD = evaluation.make_card(DATA, EVALUATION, process_digest="abc")


def test_contenders_and_baselines_stand_side_by_side() -> None:
    assert [entry.name for entry in EVALUATION.contenders] == ["quadratic", "trivial", "context_mean", "linear"]
    assert (EVALUATION.folds, EVALUATION.repeats, EVALUATION.split, EVALUATION.seed) == (4, 2, "groups", 3)
    [ceiling] = EVALUATION.ceilings
    assert ceiling.complete
    assert ceiling.rmse == pytest.approx(math.hypot(0.3, 0.2), rel=0.3)


def test_the_table_of_skill() -> None:
    table = CARD.skill().set_index("contender")
    assert table.loc["linear", "rmse"] < table.loc["trivial", "rmse"]
    assert (table["rmse_se"] > 0.0).all()
    assert table["ceiling_rmse"].nunique() == 1
    assert table.loc["quadratic", "calibrated_coverage_90"] == pytest.approx(0.9, abs=0.12)
    assert table["calibrated_coverage_90"].isna().sum() == 3
    assert (CARD.skill(without_gross=False)["readings"] == DATA.n).all()


def test_out_of_fold_predictions_give_back_the_pooled_score() -> None:
    answer = EVALUATION.contenders[0].out_of_fold
    frame = evaluation.out_of_fold_frame(DATA, answer, "roughness", level=0.5)
    assert {"feed", "wear", "measured", "mean", "low_50", "high_50", "gross"} <= set(frame.columns)
    assert list(frame["wear"].cat.categories) == CATEGORIES["wear"]
    scores = evaluation.score(
        DATA.Y[:, 0],
        mean=answer.mean[:, 0],
        sd=answer.sd_reading[:, 0],
        log_density=answer.log_density[:, 0],
        lower=np.zeros((DATA.n, 3)),
        upper=np.zeros((DATA.n, 3)),
        training_mean=answer.training_mean[:, 0],
        weights=np.ones(DATA.n),
    )
    rmse = np.sqrt(np.mean((frame["measured"] - frame["mean"]) ** 2))
    assert scores.rmse == pytest.approx(rmse)
    assert scores.to_dict()["readings"] == DATA.n


def test_calibration_repeats_what_the_evaluation_did() -> None:
    entry = EVALUATION.contenders[0]
    again = evaluation.calibrate(DATA, entry.out_of_fold, 0, EVALUATION.weights[0], "run_mean")
    assert again.ratios == entry.responses[0].run_mean.ratios
    assert evaluation.Calibration.from_json(again.to_json()).ratio(0.9) == again.ratio(0.9)
    with pytest.raises(ConfigurationError, match="run_mean"):
        evaluation.calibrate(DATA, entry.out_of_fold, 0, EVALUATION.weights[0], "latent")


def test_the_card_is_shown_as_text_html_and_json() -> None:
    text = str(CARD)
    assert "4-fold" in text
    assert "repeated 2 times" in text
    assert "roughness [um]" in text
    page = CARD._repr_html_()
    assert "<table" in page
    assert "quadratic" in page
    read = evaluation.ModelCard.from_json(CARD.to_json())
    assert read.to_dict() == CARD.to_dict()
    assert read["process_digest"] == "abc"
    with pytest.raises(DataError):
        evaluation.ModelCard.from_json("{}")


def test_html_is_escaped() -> None:
    content = CARD.to_dict() | {"process": "<script>", "why": ["a < b"]}
    page = evaluation.ModelCard(content)._repr_html_()
    assert "<script>" not in page
    assert "a &lt; b" in page


def test_time_blocks_are_another_split() -> None:
    blocks = evaluation.evaluate(DATA, ["quadratic"], seed=3, folds=3, split="time_blocks", baselines=False)
    folds = blocks.contenders[0].out_of_fold.fold
    assert blocks.split == "time_blocks"
    assert (np.diff(folds) >= 0).all()


@pytest.mark.parametrize(
    ("options", "text"),
    [({"folds": 1}, "2 folds"), ({"repeats": 0}, "1 repeat"), ({"split": "random"}, "time_blocks")],
)
def test_options_out_of_range(options: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        evaluation.evaluate(DATA, ["quadratic"], seed=0, **options)  # type: ignore[arg-type]


def test_more_folds_than_groups_and_unknown_presets_are_named() -> None:
    with pytest.raises(DataError, match="12"):
        evaluation.evaluate(DATA, ["quadratic"], seed=0, folds=40)
    with pytest.raises(ConfigurationError, match="matern"):
        evaluation.evaluate(DATA, ["mattern"], seed=0)


def test_a_card_needs_its_own_dataset() -> None:
    other = DATA.subset([0, 1, 2])
    assert evaluation.data_digest(other) != evaluation.data_digest(DATA)
    with pytest.raises(ConfigurationError, match="level"):
        evaluation.normal_half_width(1.0)
