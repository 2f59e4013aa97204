"""The main job from end to end, on the packaged data, in its quick form."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from luban import demo
from luban._demo.loop_section import loop_text
from luban._demo.steps import most_run_settings, slip
from luban.demo import DemoResult
from luban.errors import IoError
from luban.history import verify

pytestmark = pytest.mark.slow

INTERFACE_KEYS = [
    "choice_readings_um",
    "choice_expected_um",
    "raw_cells_expected_um",
    "best_single_expected_um",
    "centre_expected_um",
    "worlds",
    "import_s",
    "fit_s",
    "propose_ms",
    "loop_cycles",
    "writes_outside_limits",
]


@pytest.fixture(scope="module")
def phases() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, phases: list[tuple[str, int, int]]) -> DemoResult:
    folder = tmp_path_factory.mktemp("demo")
    return demo.run(folder, quick=True, seed=0, progress=lambda *step: phases.append(step))


def test_every_file_is_there_and_whole(result: DemoResult) -> None:
    assert set(result.folder.iterdir()) == {*result.files, result.folder / "turning.h5"}
    assert all(path.stat().st_size > 1000 for path in result.files)
    assert verify(result.folder / "turning.h5").ok


def test_the_gross_errors_are_found_and_named(result: DemoResult) -> None:
    gross = result.imported.gross
    known = {("Ra", 20.3), ("Rq", 157.0), ("Rq", 20.4), ("Rq", 13.07), ("Rq", 9.51), ("Rt", 66.5), ("Rt", 144.17)}
    assert known == set(zip(gross["column"], gross["value"], strict=True))
    ra = gross[gross["column"] == "Ra"].iloc[0]
    assert (ra["source_row"], ra["diameter"], ra["tool_wear"], ra["position"]) == (1121, "D30", "Worn", "Chuck")
    assert ra["line"] == 1123


def test_the_json_has_the_promised_keys(result: DemoResult) -> None:
    plain = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert [key for key in INTERFACE_KEYS if key not in plain] == []
    assert set(plain["worlds"]) == {world.kind for world in result.honest.worlds}
    assert plain["quick"] is True
    assert len(plain["recommendations"]) == 4
    assert plain["running"] == pytest.approx({"cutting_speed": 280.0, "feed": 0.1, "depth_of_cut": 0.95}, abs=0.01)
    assert plain["total_s"] >= plain["fit_s"] > 0.0


def test_recommendations_keep_ranges_and_constraints(result: DemoResult) -> None:
    for answer in [*result.advised.answers, *result.advised.fronts]:
        for one in answer:
            values = one.settings
            for parameter in result.model.process.parameters:
                assert parameter.low <= values[parameter.name] <= parameter.high
            assert values["cutting_speed"] + 900 * values["feed"] <= 480.0 + 1e-6


def test_what_runs_most_is_the_centre(result: DemoResult) -> None:
    assert most_run_settings(result.model.dataset) == result.advised.running


def test_the_terminal_gets_the_honest_check_and_the_loops_last(result: DemoResult) -> None:
    stream = io.StringIO()
    result.render(Console(file=stream, width=160))
    text = stream.getvalue().rstrip()
    assert text.endswith(f"{result.honest.text().rstrip()}\n\n{loop_text(result.loop).rstrip()}")
    assert "157" in text
    assert str(result.report) in text


def test_progress_of_every_step_is_told(phases: list[tuple[str, int, int]], result: DemoResult) -> None:
    assert result.files
    told = {phase for phase, _, _ in phases}
    assert {"Recommending settings", "Searching the fronts", "Drawing"} <= told
    assert all(done <= total or total == 0 for _, done, total in phases)


def test_the_report_shows_what_was_computed(result: DemoResult) -> None:
    page = result.report.read_text(encoding="utf-8")
    assert "CC BY 4.0" in page
    assert result.imported.history.digest in page
    assert "Line of the file" in page


def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IoError, match="a folder to write to"):
        demo.run(tmp_path / "file")


def test_slips_of_the_pen() -> None:
    assert slip(20.3, 2.1) == "decimal point one place off: 2.03?"
    assert slip(157.0, 1.6) == "decimal point two places off: 1.57?"
    assert slip(9.51, 3.0) == ""
    assert slip(3.0, 0.0) == ""


@pytest.mark.parametrize("phase", ["cross-validate", "Searching the fronts", "honest check", "Drawing"])
def test_ctrl_c_ends_every_long_step(tmp_path: Path, phase: str) -> None:
    command = [sys.executable, "-c", "from luban.cli import main; main()", "demo", "--out", str(tmp_path / "out")]
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_interruptible
    )
    assert program.stderr is not None
    for line in program.stderr:
        if line.startswith(phase):
            break
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=30)
    assert program.returncode == 130
    assert "Traceback" not in err
    assert "Interrupted; nothing is half written." in err
    assert not (tmp_path / "out" / "report.html").exists()


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
