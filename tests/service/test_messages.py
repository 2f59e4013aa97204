"""What supervisor and optimizer say to each other: it comes as it was said, or is refused."""

import copy
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban.errors import DataError
from luban.service import Answer, Innovation, Question, Recommendation, RunReport
from luban.service.messages import Prediction
from luban.service.wire import framed

from .test_wire import received

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
settings_ = st.dictionaries(names, finite | names, max_size=4)
times = st.integers(-(2**63), 2**63 - 1)


@st.composite
def runs(draw: st.DrawFn) -> RunReport:
    rows = draw(st.integers(0, 4))
    columns = draw(st.dictionaries(names, st.lists(finite | names, min_size=rows, max_size=rows), max_size=3))
    return RunReport(draw(names), draw(settings_), draw(settings_), columns, draw(times), draw(times))


questions = st.builds(
    Question,
    st.integers(0, 2**60), st.integers(0, 2**60), st.integers(0, 2**60), settings_, settings_, settings_,
    st.lists(runs(), max_size=3),
)  # fmt: skip
predictions = st.builds(Prediction, names, names, finite, finite, finite, finite)
recommendations = st.builds(
    Recommendation, settings_, st.booleans(), st.lists(predictions, max_size=3), st.none() | finite,
    st.lists(names, max_size=3),
)  # fmt: skip
innovations = st.builds(Innovation, names, names, finite, finite, finite)
answers = st.builds(
    Answer, st.integers(0, 2**60), st.integers(0, 2**60), st.none() | recommendations,
    st.lists(innovations, max_size=3), names,
)  # fmt: skip


def sent(content: dict[str, Any]) -> dict[str, Any]:
    """What arrives at the other end."""
    return received(framed(content))[0]


@given(questions)
def test_a_question_comes_as_it_was_asked(question: Question) -> None:
    assert Question.from_dict(sent(question.to_dict())) == question


@given(answers)
def test_an_answer_comes_as_it_was_given(answer: Answer) -> None:
    assert Answer.from_dict(sent(answer.to_dict())) == answer


@given(runs())
def test_a_run_comes_as_it_was(run: RunReport) -> None:
    assert RunReport.from_dict(sent(run.to_dict())) == run


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_comes_as_none(value: float) -> None:
    run = RunReport("r", {"feed": value}, {"diameter": value}, {"roughness": [1.0, value]}, 0, 1)
    back = RunReport.from_dict(sent(run.to_dict()))
    assert math.isnan(float(back.settings["feed"]))
    assert math.isnan(float(back.context["diameter"]))
    assert math.isnan(float(back.readings["roughness"][1]))
    question = Question.from_dict(sent(Question(1, 1, 1, {"feed": value}, {}, {"x": value}).to_dict()))
    assert math.isnan(float(question.outputs["feed"]))
    found = Recommendation({"feed": value}, gain=value, predictions=[Prediction("y", "um", value, value, value, value)])
    answer = Answer.from_dict(sent(Answer(1, 1, found, [Innovation("r", "y", value, value, value)]).to_dict()))
    assert answer.recommendation is not None
    assert math.isnan(float(answer.recommendation.settings["feed"]))
    assert answer.recommendation.gain is None
    assert math.isnan(answer.recommendation.predictions[0].mean)
    assert math.isnan(answer.innovations[0].standardised)


QUESTION = Question(7, 8, 9, {"a": 1.0}, {"c": "x"}, {"i": 2.0}, [RunReport("r", {"a": 1.0}, {}, {"y": [1.0]}, 0, 1)])
ANSWER = Answer(
    7, 8, Recommendation({"a": 1.0}, False, [Prediction("y", "um", 1, 0, 2, 0.9)], 0.5, ["because"]),
    [Innovation("r", "y", 1, 2, 3)], "",
)  # fmt: skip
STRANGE = [None, True, 1.5, "x", [], {}, [[1]], {"a": {}}, 10**400]


def places(content: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a nest of mappings and lists."""
    if isinstance(content, dict):
        inner = [place for key, item in content.items() for place in places(item, (*at, key))]
    elif isinstance(content, list):
        inner = [place for key, item in enumerate(content) for place in places(item, (*at, key))]
    else:
        inner = []
    return [at, *inner] if at else inner


def changed(content: dict[str, Any], place: tuple[Any, ...], value: Any, *, gone: bool) -> dict[str, Any]:
    out = copy.deepcopy(content)
    holder: Any = out
    for step in place[:-1]:
        holder = holder[step]
    if gone:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return out


@pytest.mark.parametrize("said", [QUESTION, ANSWER], ids=["question", "answer"])
def test_whatever_is_wrong_with_a_message_is_a_data_error_or_can_be_lived_with(said: Question | Answer) -> None:
    """Every place of a message taken out, or put in its place one of many strange things."""
    content = said.to_dict()
    refused = 0
    for place in places(content):
        spoiled = [changed(content, place, None, gone=True)]
        spoiled += [changed(content, place, value, gone=False) for value in STRANGE]
        for one in spoiled:
            try:
                type(said).from_dict(one)
            except DataError:
                refused += 1
    assert refused > 5 * len(places(content))


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (QUESTION, ("cycle",)), (QUESTION, ("outputs",)), (QUESTION, ("runs",)), (QUESTION, ("runs", 0, "readings")),
        (ANSWER, ("cycle",)), (ANSWER, ("counter",)), (ANSWER, ("recommendation", "settings")),
        (ANSWER, ("recommendation", "stay")), (ANSWER, ("innovations", 0, "run_id")), (ANSWER, ("trouble",)),
    ],
)  # fmt: skip
def test_what_must_be_there(said: Question | Answer, place: tuple[Any, ...]) -> None:
    with pytest.raises(DataError, match=repr(place[-1])):
        type(said).from_dict(changed(said.to_dict(), place, None, gone=True))


def test_columns_of_one_run_have_one_length() -> None:
    content = RunReport("r", {}, {}, {"y": [1.0, 2.0], "z": [1.0]}, 0, 1).to_dict()
    with pytest.raises(DataError, match="columns of one length"):
        RunReport.from_dict(content)


@pytest.mark.parametrize(
    ("observed", "predicted", "deviation", "expected"),
    [(3.0, 1.0, 2.0, 1.0), (1.0, 1.0, 0.0, math.nan), (1.0, 1.0, -1.0, math.nan), (math.nan, 1.0, 1.0, math.nan)],
)
def test_a_standardised_innovation(observed: float, predicted: float, deviation: float, expected: float) -> None:
    found = Innovation("r", "y", observed, predicted, deviation).standardised
    assert found == expected or (math.isnan(found) and math.isnan(expected))
