"""The process file: what it says, what it refuses and where, and that it is written as it was read."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import luban
from luban._process import file
from luban.errors import ConfigurationError, IoError

FILE = """\
luban: 1
process: turning-12L14
equipment: {site: demo, area: machining, work_unit: lathe-1}
parameters:
  cutting_speed: {unit: m/min, low: 179, high: 381, limits: {low: 150, high: 400, max_rate: {value: 20, per: min}},
                  column: Vc}
  feed:          {unit: mm/rev, low: 0.07, high: 0.13, limits: {low: 0.05, high: 0.15}, column: f}
  depth_of_cut:  {unit: mm, low: 0.53, high: 1.37, limits: {low: 0.3, high: 1.5}, column: d}
context:
  diameter:  {categories: [D30, D50]}
  tool_wear: {categories: [New, Worn], column: VB}
noise:
  position:  {categories: [Chuck, Middle, Live centre], column: P}
identifiers:
  setting_number: {column: Number}
responses:
  roughness: {unit: um, column: Ra, valid: {low: 0, high: 50}}
  peak_to_valley: {unit: um, column: Rz}
  power:     {unit: kW, optional: true, late: true}
derived:
  removal_rate: {unit: cm3/min, product: [cutting_speed, feed, depth_of_cut]}
objectives:
  - {response: roughness, goal: minimize}
  - {response: removal_rate, goal: maximize}
outcome_constraints: [{response: roughness, upper: 3.2, probability: 0.95}]
parameter_constraints: [{sum: {cutting_speed: 1.0, feed: 900}, upper: 480}]
tolerances: {feed: {sd: 0.002}}
traces:
  spindle_current: {unit: A, period_ms: 10}
runs: {id: [setting_number, diameter, tool_wear], repeat: {column: Replicate}}
groups: [cutting_speed, feed, depth_of_cut]
cost: {removal_rate: -0.8, power: 0.12, currency: EUR}
"""  # fmt: skip


def read(tmp_path: Path, text: str) -> luban.Process:
    path = tmp_path / "process.yaml"
    path.write_text(text, encoding="utf-8")
    return luban.Process.from_yaml(path)


def refusal(tmp_path: Path, old: str, new: str) -> ConfigurationError:
    """The error of the file above with one text of it replaced."""
    assert FILE.count(old) == 1, f"{old!r} must stand once in the file"
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, FILE.replace(old, new))
    return caught.value


def test_reads_all_that_a_process_file_may_say(tmp_path: Path) -> None:
    process = read(tmp_path, FILE)
    assert process.name == "turning-12L14"
    speed = process.parameters[0]
    assert (speed.name, speed.unit, speed.low, speed.high) == ("cutting_speed", "m/min", 179.0, 381.0)
    assert (speed.limits.low, speed.limits.high) == (150.0, 400.0)
    assert (speed.limits.max_rate, speed.limits.max_rate_per_s) == (20.0, 60.0)
    assert process.context[1].categories == ["New", "Worn"]
    assert process.noise[0].code("Live centre") == 2
    assert process.core.identifiers == ["setting_number"]
    assert (process.responses[0].valid_low, process.responses[0].valid_high) == (0.0, 50.0)
    assert process.responses[2].optional
    assert process.responses[2].late
    assert process.derived[0].sum[0].factor == 1.0  # m/min · mm/rev · mm are cm3/min
    assert [(goal.response, goal.goal) for goal in process.objectives] == [
        ("roughness", "minimize"),
        ("removal_rate", "maximize"),
    ]
    assert process.core.outcome_constraints[0].probability == 0.95
    assert str(process.core.parameter_constraints[0]) == "cutting_speed + 900 feed <= 480"
    assert process.core.tolerances[0].sd == 0.002
    assert process.core.run_id == ["setting_number", "diameter", "tool_wear"]
    assert process.core.groups == ["cutting_speed", "feed", "depth_of_cut"]
    assert process.unused_keys == ["cost"]
    columns = {name: source.column for name, source in process.source_columns.items()}
    assert columns["cutting_speed"] == "Vc"
    assert columns["diameter"] == "diameter"
    assert columns["repeat"] == "Replicate"


def test_writes_what_it_read(tmp_path: Path) -> None:
    process = read(tmp_path, FILE)
    again = read(tmp_path, process.to_yaml())
    assert again == process
    assert again.digest == process.digest
    assert again.to_yaml() == process.to_yaml()
    assert "Vc" in process.to_yaml()


def test_a_process_made_of_values_is_one_read_from_a_file(tmp_path: Path) -> None:
    process = luban.Process(
        "drying",
        parameters=[luban.Parameter("heat", unit="degC", low=40, high=90)],
        context=[luban.ContextVariable("product", categories=["A", "B"])],
        responses=[luban.Response("moisture", unit="%", valid_low=0, valid_high=100)],
        objectives=[luban.Objective("moisture", "target", target=7.5)],
        outcome_constraints=[luban.OutcomeConstraint("moisture", upper=9)],
        columns={"heat": "T1"},
    )
    text = """
luban: 1
process: drying
parameters: {heat: {unit: degC, low: 40, high: 90, column: T1}}
context: {product: {categories: [A, B]}}
responses: {moisture: {unit: '%', valid: {low: 0, high: 100}}}
objectives: [{response: moisture, goal: target, target: 7.5}]
outcome_constraints: [{response: moisture, upper: 9}]
"""
    assert process == read(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "line", "place", "hint"),
    [
        ("responses:", "respones:", 16, "respones", 'did you mean "responses"?'),
        ("low: 0.07", "lwo: 0.07", 7, "parameters.feed.lwo", 'did you mean "low"?'),
        ("per: min", "pre: min", 5, "parameters.cutting_speed.limits.max_rate.pre", 'did you mean "per"?'),
        ("goal: minimize", "goal: minimise", 23, "objectives[0].goal", 'did you mean "minimize"?'),
        ("upper: 480", "uper: 480", 26, "parameter_constraints[0].uper", 'did you mean "upper"?'),
        ("repeat: {column: Replicate}", "repaet: {column: R}", 30, "runs.repaet", 'did you mean "repeat"?'),
        ("area: machining", "aera: machining", 3, "equipment.aera", 'did you mean "area"?'),
    ],
)
def test_a_typo_names_the_nearest_key(tmp_path: Path, old: str, new: str, line: int, place: str, hint: str) -> None:
    error = refusal(tmp_path, old, new)
    assert error.place == f"{tmp_path / 'process.yaml'}, line {line}, {place}"
    assert error.hint == hint


@pytest.mark.parametrize(
    ("old", "new", "expected", "place", "hint"),
    [
        ("low: 179", "low: 479", "low at most high", 'parameter "cutting_speed"', "are the two swapped?"),
        (
            "low: 0.07, high: 0.13",
            "low: 0.03, high: 0.13",
            "a search range inside the operating limits",
            'parameter "feed"',
            "narrow low and high, or correct the limits",
        ),
        (
            "low: 0.3, high: 1.5",
            "low: 1.5, high: 0.3",
            "the lower limit at most the upper one",
            'parameter "depth_of_cut"',
            "are the two swapped?",
        ),
        (
            "low: 0, high: 50",
            "low: 50, high: 0",
            "low at most high in `valid`",
            'response "roughness"',
            "are the two swapped?",
        ),
        (
            "response: roughness, goal: minimize",
            "response: roughnes, goal: minimize",
            "a declared response",
            'objective on "roughnes"',
            'did you mean "roughness"?',
        ),
        (
            "response: roughness, upper: 3.2",
            "response: Ra, upper: 3.2",
            "a declared response",
            'outcome constraint on "Ra"',
            "known are roughness, peak_to_valley, power and removal_rate",
        ),
        (
            "product: [cutting_speed, feed, depth_of_cut]",
            "product: [cutting_sped, feed, depth_of_cut]",
            "a declared parameter",
            'derived response "removal_rate"',
            'did you mean "cutting_speed"?',
        ),
        (
            "sum: {cutting_speed: 1.0, feed: 900}",
            "sum: {cutting_speed: 1.0, diameter: 900}",
            "a declared parameter",
            "parameter constraint cutting_speed + 900 diameter <= 480",
            "",
        ),
        (
            "tolerances: {feed:",
            "tolerances: {feet:",
            "a declared parameter",
            'tolerance of "feet"',
            'did you mean "feed"?',
        ),
        (
            "id: [setting_number, diameter",
            "id: [setting_numbr, diameter",
            "a declared parameter, context variable or identifier",
            'run column "setting_numbr"',
            'did you mean "setting_number"?',
        ),
        (
            "groups: [cutting_speed, feed, depth_of_cut]",
            "groups: [position]",
            "a column that is constant within a run",
            'group column "position"',
            "",
        ),
        (
            "diameter:  {categories: [D30, D50]}",
            "feed:  {categories: [D30, D50]}",
            "each name once in a process",
            'context variable "feed"',
            "",
        ),
        ("categories: [New, Worn]", "categories: [New, New]", "each category once", 'context variable "tool_wear"', ""),
        (
            "probability: 0.95",
            "probability: 95",
            "a probability above 0 and below 1",
            'outcome constraint on "roughness"',
            "write 95 % as 0.95",
        ),
        ("power: 0.12", "pover: 0.12", "a declared response", "cost", 'did you mean "power"?'),
    ],
)
def test_a_contradiction_is_refused(tmp_path: Path, old: str, new: str, expected: str, place: str, hint: str) -> None:
    error = refusal(tmp_path, old, new)
    assert error.expected == expected
    assert error.place == f"{tmp_path / 'process.yaml'}, {place}"
    if hint:
        assert error.hint == hint


@pytest.mark.parametrize(
    ("old", "new", "line", "place"),
    [
        ("unit: mm/rev", "unit: mm/rew", 7, "parameters.feed.unit"),
        ("unit: cm3/min", "unit: cm3", 21, "derived.removal_rate.unit"),
        ("unit: cm3/min", "unit: kg/min", 21, "derived.removal_rate.unit"),
        ("column: Ra", "column: {name: Ra, unit: kg}", 17, "responses.roughness.column.unit"),
        ("per: min", "per: mm", 5, "parameters.cutting_speed.limits.max_rate.per"),
        ("low: 179", "low: fast", 5, "parameters.cutting_speed.low"),
        ("low: 179", "low: .nan", 5, "parameters.cutting_speed.low"),
        ("low: 179", "low: '179'", 5, "parameters.cutting_speed.low"),
        ("high: 381", "high: .inf", 5, "parameters.cutting_speed.high"),
        ("categories: [D30, D50]", "categories: [D30, true]", 10, "context.diameter.categories[1]"),
        ("luban: 1", "luban: 2", 1, "luban"),
        ("luban: 1", "luban: true", 1, "luban"),
        ("period_ms: 10", "period_ms: 0", 29, "traces.spindle_current.period_ms"),
        ("currency: EUR", "currency: euro", 32, "cost.currency"),
        ("column: Rz", "column: Ra", 18, "responses.peak_to_valley"),
        ("{categories: [D30, D50]}", "[D30, D50]", 10, "context.diameter"),
        ("optional: true", "optional: perhaps", 19, "responses.power.optional"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(tmp_path: Path, old: str, new: str, line: int, place: str) -> None:
    error = refusal(tmp_path, old, new)
    assert error.place == f"{tmp_path / 'process.yaml'}, line {line}, {place}"


def test_mixed_units_say_which(tmp_path: Path) -> None:
    error = refusal(tmp_path, "column: Ra", "column: {name: Ra, unit: m/min}")
    assert error.expected == "a source unit that can be converted to 'um'"
    assert error.received == "'m/min'"
    error = refusal(tmp_path, "product: [cutting_speed, feed, depth_of_cut]", "product: [cutting_speed, feed]")
    assert error.received == "'m/min · mm/rev'"
    error = refusal(tmp_path, "product: [cutting_speed, feed, depth_of_cut]", "product: {feed: 2, depth_of_cut: -1}")
    assert error.received == "'(mm/rev)^2 · mm^-1'"


PRODUCT = "removal_rate: {unit: cm3/min, product: [cutting_speed, feed, depth_of_cut]}"


def derived_of(tmp_path: Path, text: str) -> list[tuple[dict[str, float], float]]:
    process = read(tmp_path, FILE.replace(PRODUCT, f"removal_rate: {text}"))
    assert luban.Process.from_dict(process.to_dict()) == process
    assert luban.Process.from_yaml(_written(tmp_path, process)) == process
    return [(term.product, term.factor) for term in process.derived[0].sum]


def _written(tmp_path: Path, process: luban.Process) -> Path:
    path = tmp_path / "again.yaml"
    path.write_text(process.to_yaml(), encoding="utf-8")
    return path


def test_a_product_may_have_exponents_and_a_factor(tmp_path: Path) -> None:
    [(product, factor)] = derived_of(tmp_path, "{unit: 1/min, product: {cutting_speed: 1, depth_of_cut: -1}}")
    assert product == {"cutting_speed": 1.0, "depth_of_cut": -1.0}
    assert factor == pytest.approx(1000.0)  # m/min over mm
    [(product, factor)] = derived_of(tmp_path, "{unit: mm, product: {depth_of_cut: 0.5, feed: 0.5}}")
    assert (product, factor) == ({"depth_of_cut": 0.5, "feed": 0.5}, 1.0)
    # A stated factor counts for the numbers as they are: it may carry a unit of its own.
    [(product, factor)] = derived_of(tmp_path, "{unit: J/mm3, product: {feed: -1, cutting_speed: -1}, factor: 7.5}")
    assert factor == 7.5


def test_a_derived_response_may_be_a_sum(tmp_path: Path) -> None:
    text = (
        "{unit: mm2, sum: [{product: {depth_of_cut: 2}}, {product: [feed, depth_of_cut], factor: -0.5}, {factor: 3}]}"
    )
    assert derived_of(tmp_path, text) == [
        ({"depth_of_cut": 2.0}, 1.0),
        ({"feed": 1.0, "depth_of_cut": 1.0}, -0.5),
        ({}, 3.0),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{product: {feed: 0}, factor: 1}", "an exponent that is finite and not 0"),
        ("{product: {fed: 1}}", "a declared parameter"),
        ("{product: [feed], sum: [{factor: 1}]}", "either `product` or `sum`"),
        ("{unit: mm}", "either `product` or `sum`"),
        ("{sum: [{factor: 1}]}", "at least one parameter in the product"),
        ("{sum: [{}]}", "a product or a factor"),
        ("{sum: [{product: [feed], factor: 2}], factor: 1}", "each factor beside its product in `sum`"),
        ("{product: {diameter: 1}, factor: 1}", "a declared parameter"),
    ],
)
def test_a_sum_that_says_nothing_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    error = refusal(tmp_path, PRODUCT, f"removal_rate: {text}")
    assert error.expected == expected
    assert "removal_rate" in error.place


def test_a_power_below_0_needs_a_range_above_0(tmp_path: Path) -> None:
    text = FILE.replace(PRODUCT, "removal_rate: {product: {feed: -1}, factor: 1}").replace("low: 0.07", "low: 0")
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text.replace("limits: {low: 0.05, high: 0.15}, ", ""))
    assert caught.value.expected == 'a range of "feed" above 0, whose exponent is -1'
    assert caught.value.received == "[0, 0.13]"
    assert "raise `low`" in caught.value.hint


def test_a_source_may_have_another_unit(tmp_path: Path) -> None:
    process = read(tmp_path, FILE.replace("column: Vc", "column: {name: Vc, unit: ft/min}"))
    source = process.source_columns["cutting_speed"]
    assert (source.column, source.unit, source.source_unit) == ("Vc", "m/min", "ft/min")
    assert process.digest == read(tmp_path, FILE).digest, "the source's unit is no part of the process"


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a value for 'process'"):
        read(tmp_path, "luban: 1\nresponses: {r: {}}\nparameters: {x: {low: 0, high: 1}}\n")
    with pytest.raises(ConfigurationError, match="at least one response"):
        read(tmp_path, "luban: 1\nprocess: p\nresponses: {}\nparameters: {x: {low: 0, high: 1}}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "received nothing"),
        ("- luban\n", "received a list"),
        ("just a text", "received a str"),
        ("luban: 1\nprocess: [unclosed\n", "line 3"),
        ("luban: 1\nprocess: a\nprocess: b\n", "key 'process' stands twice"),
        ("luban: 1\n\tprocess: a\n", "line 2"),
        ("luban: !!python/object:os.system {}\n", "line 1"),
        ("a: &a [*a]\n", "process"),
    ],
)
def test_text_that_is_no_mapping_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)


def test_bottomless_nesting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a few levels of nesting, received far too many"):
        read(tmp_path, "luban: " + 5000 * "[" + 5000 * "]")


def test_a_name_twice_in_one_section_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "depth_of_cut:  {unit: mm", "feed:  {unit: mm")
    assert error.received == "key 'feed' stands twice"
    assert error.place.endswith("line 8, column 3")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(IoError, match="No such file"):
        luban.Process.from_yaml(tmp_path / "nowhere.yaml")
    with pytest.raises(IoError, match="directory"):
        luban.Process.from_yaml(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("luban: 1\nprocess: Düse\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="UTF-8"):
        luban.Process.from_yaml(latin)


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    assert luban.Process.from_yaml(path) == read(tmp_path, FILE)


def test_words_that_yaml_1_1_takes_for_truth_are_names(tmp_path: Path) -> None:
    process = read(tmp_path, FILE.replace("[New, Worn]", "[Yes, No, on, 1, 2.5]"))
    assert process.context[1].categories == ["Yes", "No", "on", "1", "2.5"]


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    process = read(tmp_path, FILE.replace("low: 0.07", "low: 7e-2").replace("sd: 0.002", "sd: 2E-3"))
    assert process.parameters[1].low == 0.07
    assert process.core.tolerances[0].sd == 0.002


def risky(tmp_path: Path, risk: str) -> luban.Process:
    return read(tmp_path, FILE.replace("roughness, goal: minimize}", f"roughness, goal: minimize, risk: {risk}}}"))


@pytest.mark.parametrize("measure", ["value_at_risk", "conditional_value_at_risk"])
def test_an_objective_may_ask_for_a_risk(tmp_path: Path, measure: str) -> None:
    process = risky(tmp_path, f"{{{measure}: 0.8}}")
    assert process.objectives[0].risk == {measure: 0.8}
    assert process.objectives[1].risk is None
    assert process.to_dict()["objectives"][0] == {"response": "roughness", "goal": "minimize", "risk": {measure: 0.8}}
    assert read(tmp_path, process.to_yaml()) == process
    assert process.digest != read(tmp_path, FILE).digest
    again = luban.Process(
        "p",
        parameters=[luban.Parameter("feed", low=0.1, high=0.2)],
        responses=[luban.Response("roughness")],
        objectives=[luban.Objective("roughness", "minimize", risk={measure: 0.8})],
        tolerances={"feed": {"sd": 0.002}},
    )
    assert again.objectives[0].risk == {measure: 0.8}


@pytest.mark.parametrize(
    ("risk", "expected", "place", "hint"),
    [
        ("{}", "one of value_at_risk and conditional_value_at_risk", "line 23, objectives[0].risk", ""),
        (
            "{value_at_risk: 0.8, conditional_value_at_risk: 0.8}",
            "one of value_at_risk and conditional_value_at_risk",
            "line 23, objectives[0].risk",
            "",
        ),
        (
            "{value_at_rsk: 0.8}",
            "a known key",
            "line 23, objectives[0].risk.value_at_rsk",
            'did you mean "value_at_risk"?',
        ),
        (
            "{conditional_value_at_risk: 80}",
            "a level of `risk` of at least 0.5 and below 1",
            'objective on "roughness"',
            "write 80 % as 0.8",
        ),
    ],
)
def test_a_risk_is_one_measure_with_its_level(tmp_path: Path, risk: str, expected: str, place: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        risky(tmp_path, risk)
    assert caught.value.expected == expected
    assert caught.value.place == f"{tmp_path / 'process.yaml'}, {place}"
    assert caught.value.hint == hint


def test_a_risk_needs_tolerances_and_a_measured_response(tmp_path: Path) -> None:
    assert 'objective on "removal_rate"' in str(
        refusal(tmp_path, "goal: maximize}", "goal: maximize, risk: {value_at_risk: 0.8}}")
    )
    with pytest.raises(ConfigurationError) as caught:
        read(
            tmp_path,
            FILE.replace("tolerances: {feed: {sd: 0.002}}\n", "").replace(
                "goal: minimize}", "goal: minimize, risk: {value_at_risk: 0.8}}"
            ),
        )
    assert caught.value.expected == "tolerances for the `risk` of an objective"
    assert "tolerances" in caught.value.hint
    for given in ({}, {"worst": 0.8}, {"value_at_risk": 0.8, "conditional_value_at_risk": 0.8}):
        with pytest.raises(ConfigurationError, match="one risk measure"):
            luban.Objective("roughness", risk=given)


def test_plain_values_are_taken_like_a_file() -> None:
    content: dict[str, Any] = {
        "luban": 1,
        "process": "p",
        "parameters": {"x": {"low": 0, "high": 1}},
        "responses": {"y": {}},
    }
    before = copy.deepcopy(content)
    assert luban.Process.from_dict(content).parameters[0].high == 1.0
    assert content == before
    with pytest.raises(ConfigurationError) as caught:
        luban.Process.from_dict(content | {"objective": []}, place="the test")
    assert caught.value.place == "the test, objective"
    assert caught.value.hint == 'did you mean "objectives"?'


def test_the_packaged_example_is_valid(repository: Path) -> None:
    process = luban.Process.from_yaml(repository / "configs/process/turning.yaml")
    assert process.unit("removal_rate") == "cm3/min"
    assert process.derived[0].sum[0].factor == 1.0


def test_the_schema_is_the_one_that_the_code_generates(repository: Path) -> None:
    """Made anew by: python -m luban._process.file > configs/schema/process.schema.json."""
    kept = json.loads((repository / "configs/schema/process.schema.json").read_text(encoding="utf-8"))
    assert kept == file.json_schema()


def test_every_key_of_the_schema_is_refused_when_mistyped(tmp_path: Path) -> None:
    for key in file.json_schema()["properties"]:
        with pytest.raises(ConfigurationError) as caught:
            luban.Process.from_dict({key + "x": 1})
        assert caught.value.hint == f'did you mean "{key}"?'
