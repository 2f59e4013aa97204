"""What an import keeps, what it refuses, and that both add up."""

from collections.abc import Callable
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from luban import ingest
from luban.errors import ConfigurationError, DataError, LifecycleError, UnitError
from luban.history import History
from luban.process import Process

WriteCsv = Callable[..., Path]


def counts_add_up(report: ingest.ImportReport) -> bool:
    values = [
        report.values_kept[name] + report.missing[name] + sum(report.values_quarantined.get(name, {}).values())
        for name in report.values_kept
    ]
    return report.rows == report.readings + sum(report.rows_quarantined.values()) and set(values) <= {report.readings}


def test_everything_arrives(process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path) -> None:
    report = ingest.import_csv(process, write_csv(frame), tmp_path / "h.h5")
    assert (report.rows, report.runs, report.readings, report.quarantined) == (32, 8, 32, 0)
    assert report.values_kept == {"roughness": 32}
    assert counts_add_up(report)
    assert "Not in the source: power." in str(report)
    history = History.open(tmp_path / "h.h5")
    read = history.read()
    assert history.process == process
    np.testing.assert_array_equal(read["speed"], frame["Vc"])
    np.testing.assert_array_equal(read["roughness"], frame["Ra"])
    np.testing.assert_array_equal(read["position"].astype(str), frame["position"])
    assert list(read["run_id"].unique())[:2] == ["1|New", "1|Worn"]
    assert read.attrs["units"]["roughness"] == "um"
    assert history.verify().ok


def test_the_report_speaks_in_every_form(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["Ra"] = frame["Ra"].astype(object)
    frame.loc[3, "Ra"] = "n/a <b>"
    frame["operator"] = "Li"
    report = ingest.import_frame(process, frame, tmp_path / "h.h5", name="shift <1>")
    text = str(report)
    assert "Quarantined values of roughness: 1 — not a finite number (not_a_number)." in text
    assert "Kept as auxiliary columns: operator." in text
    assert "shift &lt;1&gt;" in report._repr_html_()
    plain = report.to_dict()
    assert plain["values_quarantined"] == {"roughness": {"not_a_number": 1}}
    assert (plain["changed"], plain["quarantined"], plain["path"]) == (True, 1, str(tmp_path / "h.h5"))
    refused = History.open(tmp_path / "h.h5").quarantine
    assert refused.loc[0, ["source", "source_row", "column", "value", "reason", "scope"]].tolist() == [
        "shift <1>", 3, "Ra", "n/a <b>", "not_a_number", "value",
    ]  # fmt: skip


def test_auxiliary_columns_are_kept(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["humidity [%]"] = np.linspace(40, 50, len(frame))
    frame["remark"] = ["", "checked"] * 16
    ingest.import_frame(process, frame, tmp_path / "h.h5")
    history = History.open(tmp_path / "h.h5")
    columns = history.columns().set_index("name")
    assert columns.loc["humidity", ["role", "unit"]].tolist() == ["auxiliary", "%"]
    assert history.read(["remark"])["remark"].tolist()[:2] == ["", "checked"]
    np.testing.assert_allclose(history.read(["humidity"])["humidity"], frame["humidity [%]"], rtol=0)


def test_the_same_bytes_change_nothing(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    csv, out = write_csv(frame), tmp_path / "h.h5"
    ingest.import_csv(process, csv, out)
    before = out.read_bytes()
    again = ingest.import_csv(process, csv, out)
    assert again.already_imported
    assert not again.changed
    assert "nothing changed" in str(again)
    assert out.read_bytes() == before


def test_the_same_values_in_other_bytes_change_nothing(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    out = tmp_path / "h.h5"
    ingest.import_csv(process, write_csv(frame), out)
    before = out.read_bytes()
    again = ingest.import_csv(process, write_csv(frame[::-1], "turned.csv"), out)
    assert (again.values_unchanged, again.changed) == (32, False)
    assert "Everything in it was known already" in str(again)
    assert out.read_bytes() == before


def test_a_corrected_process_file_lets_the_same_bytes_in(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    frame.loc[frame["shaft"] == 2, "tool"] = frame.loc[frame["shaft"] == 2, "tool"].replace("Worn", "Broken")
    csv, out = write_csv(frame), tmp_path / "h.h5"
    first = ingest.import_csv(process, csv, out)
    assert first.rows_quarantined == {"category_never_seen": 4}
    content = process.to_dict()
    content["context"]["tool"]["categories"].append("Broken")
    second = ingest.import_csv(Process.from_dict(content), csv, out)
    assert (second.runs_added, second.readings_added, second.values_unchanged) == (1, 4, 28)
    assert History.open(out).read()["tool"].value_counts()["Broken"] == 4


def test_another_process_is_refused(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "h.h5"
    ingest.import_frame(process, frame, out)
    content = process.to_dict()
    content["parameters"]["speed"]["unit"] = "ft/min"
    with pytest.raises(ConfigurationError, match=r"expected the unit `m/min`, received `ft/min` \(speed\)"):
        ingest.import_frame(Process.from_dict(content), frame[:3], out)


def test_later_values_are_events(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "h.h5"
    ingest.import_frame(process, frame, out)
    known = History.open(out).provenance["time"].iloc[-1]
    later = frame[:4].assign(power=[1.0, 1.1, np.nan, 1.3])
    later.loc[0, "Ra"] = 5.5
    report = ingest.import_frame(process, later, out)
    assert (report.values_added, report.values_corrected, report.values_unchanged) == (3, 1, 3)
    history = History.open(out)
    assert history.read()["roughness"].iloc[0] == 5.5
    assert history.read(as_of=known)["roughness"].iloc[0] == frame["Ra"].iloc[0]
    np.testing.assert_array_equal(history.read()["power"].iloc[:4], [1.0, 1.1, np.nan, 1.3])
    assert history.provenance["events"].tolist() == [32, 4]
    assert history.verify().ok


def test_a_run_that_contradicts_what_is_stored_is_refused(
    process: Process, frame: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "h.h5"
    ingest.import_frame(process, frame, out)
    report = ingest.import_frame(process, frame[:4].assign(Vc=200), out)
    assert report.rows_quarantined == {"disagrees_with_stored_run": 4}
    assert counts_add_up(report)
    before = out.read_bytes()
    with pytest.raises(DataError, match="disagrees_with_stored_run 4"):
        ingest.import_frame(process, frame[:4].assign(Vc=210), out, on_bad="reject")
    assert out.read_bytes() == before


def test_reject_refuses_the_whole_source(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    frame.loc[5, "tool"] = "Brokn"
    with pytest.raises(DataError) as caught:
        ingest.import_csv(process, write_csv(frame), tmp_path / "h.h5", on_bad="reject")
    text = str(caught.value)
    assert "category_never_seen 1" in text
    assert "data row 6, column 'tool': 'Brokn'" in text
    assert "nothing was imported" in text
    assert not (tmp_path / "h.h5").exists()
    with pytest.raises(ConfigurationError, match='expected on_bad "quarantine" or "reject", received \'rejekt\''):
        ingest.import_frame(process, frame, tmp_path / "h.h5", on_bad="rejekt")  # type: ignore[arg-type]


def test_units_are_converted(process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path) -> None:
    inches = frame.rename(columns={"feed": "feed [inch/rev]"})
    inches["feed [inch/rev]"] = frame["feed"] / 25.4
    report = ingest.import_csv(process, write_csv(inches), tmp_path / "h.h5")
    assert "feed [inch/rev]: converted from inch/rev to mm/rev." in report.notes
    np.testing.assert_allclose(History.open(tmp_path / "h.h5").read()["feed"], frame["feed"], rtol=1e-12)
    frame.attrs["units"] = {"Ra": "mm"}
    ingest.import_frame(process, frame.assign(Ra=frame["Ra"] / 1000), tmp_path / "attrs.h5")
    np.testing.assert_allclose(History.open(tmp_path / "attrs.h5").read()["roughness"], frame["Ra"], rtol=1e-12)


def test_a_unit_that_measures_something_else(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    with pytest.raises(UnitError) as caught:
        ingest.import_csv(process, write_csv(frame.rename(columns={"Vc": "Vc [kg]"})), tmp_path / "h.h5")
    assert "expected a unit that can be converted to 'm/min' of 'speed', received 'kg'" in str(caught.value)
    assert "column 'Vc [kg]'" in str(caught.value)
    assert not (tmp_path / "h.h5").exists()


def test_progress_is_told(process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path) -> None:
    csv = write_csv(frame)
    calls: list[tuple[str, int, int]] = []
    ingest.import_csv(process, csv, tmp_path / "h.h5", progress=lambda *call: calls.append(call))
    size = csv.stat().st_size
    assert ("read", size, size) in calls
    written = [(done, total) for phase, done, total in calls if phase == "write"]
    assert written[-1][0] == written[-1][1]


def test_other_kinds_of_tables(process: Process, frame: pd.DataFrame) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Arrow tables")
    polars = pytest.importorskip("polars", reason="polars is not installed")
    history = History.from_frame(process, polars.from_pandas(frame))
    np.testing.assert_array_equal(history.read()["roughness"], frame["Ra"])
    assert History.from_frame(process, polars.from_pandas(frame).to_arrow()).read().equals(history.read())
    with pytest.raises(DataError, match=r"expected a DataFrame .* received a list"):
        History.from_frame(process, [1, 2, 3])  # type: ignore[arg-type]


def test_a_stop_leaves_everything_as_it_was(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    out = tmp_path / "h.h5"
    ingest.import_csv(process, write_csv(frame[:8]), out)
    before = out.read_bytes()

    for stage in ("read", "judge", "write"):

        def stop(phase: str, done: int, total: int, stage: str = stage) -> None:
            if phase == stage:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            ingest.import_csv(process, write_csv(frame, "all.csv"), out, progress=stop)
        # Writing such a small file is done before anybody can stop it: then the whole of it is there.
        assert out.read_bytes() == before or (stage == "write" and len(History.open(out)) == 32)
        assert History.open(out).verify().ok
        assert sorted(path.name for path in tmp_path.iterdir()) == ["all.csv", "data.csv", "h.h5"]


def test_two_imports_at_once_do_not_lose_each_other(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    out, late = tmp_path / "h.h5", write_csv(frame[16:], "late.csv")
    ingest.import_frame(process, frame[:8], out)

    def meanwhile(phase: str, done: int, total: int) -> None:
        if phase == "judge" and done == 0:
            ingest.import_frame(process, frame[8:16], out)

    with pytest.raises(LifecycleError, match="expected the file as it was opened"):
        ingest.import_csv(process, late, out, progress=meanwhile)
    assert len(History.open(out)) == 16


cells = st.one_of(
    st.sampled_from(
        ["", " ", "NaN", "inf", "1e400", "-5", "0,5", "1.5.2", "New", "Worn", "Chuck", "ä", '"', "2026-01-01"]
    ),
    st.floats().map(str),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), max_size=4),
)


@hypothesis.settings(
    max_examples=25, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(spoiled=st.lists(st.tuples(st.integers(0, 31), st.integers(0, 6), cells), max_size=12))
def test_nothing_is_dropped_in_silence(
    process: Process, frame: pd.DataFrame, tmp_path: Path, spoiled: list[tuple[int, int, str]]
) -> None:
    table = frame.astype(object)
    for row, column, cell in spoiled:
        table.iloc[row, column] = cell
    csv, out = tmp_path / "spoiled.csv", tmp_path / "spoiled.h5"
    table.to_csv(csv, index=False)
    out.unlink(missing_ok=True)
    report = ingest.import_csv(process, csv, out)
    assert counts_add_up(report)
    history = History.open(out)
    refused = history.quarantine
    assert report.rows == 32
    assert len(history) == report.readings == 32 - (refused["scope"] == "row").sum()
    assert len(refused) == report.quarantined
    assert set(refused["reason"]) <= set(ingest.REASONS)
    kept = history.read()
    assert kept["roughness"].notna().sum() == report.values_kept["roughness"]
    assert kept["roughness"].dropna().between(0, 50).all()
    assert np.isfinite(kept[["speed", "feed"]].to_numpy()).all()
    untouched = [row for row in range(32) if row not in {number for number, _, _ in spoiled}]
    lost = set(refused.loc[refused["scope"] == "row", "source_row"]) & set(untouched)
    # Only a run that contradicts itself, or a key that another row took, can cost a row that was not spoiled.
    assert set(refused.loc[refused["source_row"].isin(lost), "reason"]) <= {"run_disagrees", "duplicate"}
