"""How sure a pooled error is, and whether a model is better than the mean: said first, kept in the card."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from luban import _core, evaluation
from luban.evaluation import ModelCard

PROCESS = _core.Process.from_json(
    json.dumps(
        {
            "luban": 1,
            "process": "line",
            "parameters": [{"name": "feed", "unit": "mm/rev", "kind": "continuous", "low": 0.0, "high": 1.0}],
            "context": [{"name": "wear", "kind": "categorical", "categories": ["New", "Worn"]}],
            "responses": [{"name": "roughness", "unit": "um"}],
            "groups": ["feed"],
        }
    )
)


def make_data(
    truth: Callable[[np.ndarray, np.ndarray], np.ndarray], settings: int = 30, noise: float = 0.3, seed: int = 0
) -> _core.Dataset:
    """Two wears at each setting, one reading a run, noise that the settings share in part."""
    random = np.random.default_rng(seed)
    s, w = (a.ravel() for a in np.indices((settings, 2)))
    feed = random.uniform(size=settings)[s]
    of_setting = random.normal(0.0, noise, settings)[s]
    columns = {
        "run_id": np.array([str(i) for i in range(len(s))], dtype=object),
        "feed": feed,
        "wear": w.astype(np.int32),
        "roughness": truth(feed, w) + of_setting + random.normal(0.0, noise, len(s)),
    }
    table = _core.Table.from_dict(columns, {"feed": "mm/rev", "roughness": "um"}, {"wear": ["New", "Worn"]})
    return _core.make_dataset(PROCESS, _core.MemorySource(table))


def nothing(feed: np.ndarray, wear: np.ndarray) -> np.ndarray:
    return 0.0 * feed


def line(feed: np.ndarray, wear: np.ndarray) -> np.ndarray:
    return 3.0 * feed


def step(feed: np.ndarray, wear: np.ndarray) -> np.ndarray:
    return 4.0 * wear


def judged(data: _core.Dataset, contender: str | evaluation.Contender, folds: int = 5) -> ModelCard:
    return evaluation.make_card(data, evaluation.evaluate(data, [contender], seed=1, folds=folds))


@pytest.mark.parametrize(
    ("truth", "contender", "skill", "said"),
    [
        (line, "quadratic", "better", ""),
        (nothing, "quadratic", "no_better", "no better than the mean"),
        (step, "quadratic", "no_better", "no better than the mean of each context"),
    ],
)
def test_skill_is_judged_against_the_better_mean(truth, contender, skill, said: str) -> None:
    card = judged(make_data(truth), contender)
    assert card.judgements == {"roughness": skill}
    assert card["responses"][0]["skill"] == skill
    if not said:
        assert card.skill_warnings == []
        return
    [sentence] = card.skill_warnings
    assert sentence.startswith("roughness: no skill")
    assert said in sentence
    assert card.why[0] == sentence
    assert f"Know before you use it\n  - {sentence}" in str(card)
    assert sentence.split(":")[1] in card._repr_html_()


def test_a_model_that_makes_it_worse_is_called_worse() -> None:
    data = make_data(nothing)
    evaluated = evaluation.evaluate(data, ["quadratic"], seed=1)
    # The same predictions, of responses that turn against them.
    predicted = evaluated.contenders[0].out_of_fold.mean[:, 0]
    card = evaluation.make_card(data, evaluated).to_dict()
    assert card["responses"][0]["skill"] == "no_better"
    turned = make_data(lambda feed, wear: -3.0 * (predicted - predicted.mean()) / predicted.std())
    card = evaluation.make_card(turned, evaluated)
    assert card.judgements == {"roughness": "worse"}
    assert "worse than the mean" in card.why[0]


def test_a_handful_of_groups_says_nothing() -> None:
    card = judged(make_data(line, settings=5), "quadratic")
    assert card.judgements == {"roughness": "unknown"}
    assert "in 5 groups, too few groups to say" in card.why[0]


def test_a_card_keeps_its_judgement_and_an_older_card_has_none() -> None:
    card = judged(make_data(nothing), "quadratic")
    again = ModelCard.from_json(card.to_json())
    assert again.to_dict() == card.to_dict()
    assert again.judgements == {"roughness": "no_better"}
    content = card.to_dict()
    for name in ("skill", "skill_evidence"):
        del content["responses"][0][name]
    for row in content["responses"][0]["scores"]:
        del row["pooled_standard_error"]
    older = ModelCard.from_json(json.dumps(content))
    assert older.judgements == {"roughness": "unknown"}
    assert older.skill_warnings == []
    assert older.skill()["rmse_se"].isna().all()


@pytest.mark.parametrize("folds", [3, 30])
def test_the_error_is_pooled_and_its_standard_error_is_a_jackknife_over_groups(folds: int) -> None:
    data = make_data(line)
    evaluated = evaluation.evaluate(data, ["quadratic"], seed=1, folds=folds)
    own = evaluation.make_card(data, evaluated).skill().iloc[0]
    squares = (data.Y[:, 0] - evaluated.contenders[0].out_of_fold.mean[:, 0]) ** 2
    group = data.group[data.run]
    assert own["rmse"] == pytest.approx(np.sqrt(squares.mean()))
    left = np.array([np.sqrt(squares[group != g].mean()) for g in range(30)])
    assert own["rmse_se"] == pytest.approx(np.sqrt(29 / 30 * ((left - left.mean()) ** 2).sum()))
    fold = evaluated.contenders[0].out_of_fold.fold
    assert own["rmse_fold_mean"] == pytest.approx(np.mean([np.sqrt(squares[fold == f].mean()) for f in range(folds)]))
    assert own["rmse_fold_mean"] <= own["rmse"] + 1e-12


@pytest.mark.slow
def test_the_standard_error_is_the_spread_that_repetitions_show() -> None:
    """Over new data of the same truth the pooled error scatters as its standard error says, within a third."""
    rows = []
    for seed in range(60):
        data = make_data(line, seed=seed)
        rows.append(judged(data, "quadratic").skill().iloc[0][["rmse", "rmse_se"]].to_numpy(dtype=float))
    rmse, error = np.array(rows).T
    assert np.sqrt(np.mean(error**2)) == pytest.approx(rmse.std(ddof=1), rel=0.35)
