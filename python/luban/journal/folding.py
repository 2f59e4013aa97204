"""Folding: the runs of a journal into an HDF5 history, each once and only once. A job of its own, beside the loop.

What was folded is known from the history itself: an import bears the name of the journal and the range of records, and
is there exactly when its runs are: a fold of any length is one import, a file renamed as a whole or one segment of a
folder. The name also says how the hash of the last of these records begins: a journal that was put back to an earlier
state and went on has another record there. A fold that is killed anywhere leaves the history as it was or with the
range in it; a history that is put back to an earlier state gets the rest again. That a fold was made is then noted in
the journal, at once when no loop writes it, else by a later fold.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban._intake.fold_names import FoldName
from luban.errors import ConfigurationError, LifecycleError
from luban.journal.folded import Folded
from luban.journal.journal import Journal
from luban.journal.lock import FileLock

if TYPE_CHECKING:
    import pandas as pd

    from luban._intake.report import ImportReport
    from luban.history import History
    from luban.parallel import Progress
    from luban.process import Process

__all__ = ["FoldReport", "fold"]

Path_ = str | PathLike[str]


@dataclass
class FoldReport:
    """What one fold did; records ``first`` to ``last`` of the journal are in the history now."""

    journal: str  # its uuid
    history: str
    first: int
    last: int
    readings: int = 0
    digest: str = ""  # of the history
    marked: bool = False
    unplaced: list[tuple[int, str, int]] = field(default_factory=list)  # sequence, run_id, repeat
    report: ImportReport | None = None

    @property
    def changed(self) -> bool:
        """Whether the history is another one than before."""
        return self.report is not None and self.report.changed

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        names = ("journal", "history", "first", "last", "readings", "digest", "marked", "changed")
        return {
            **{name: getattr(self, name) for name in names},
            "unplaced": [list(entry) for entry in self.unplaced],
            "import": None if self.report is None else self.report.to_dict(),
        }

    def lines(self) -> list[str]:
        """Return the report in words, one sentence a line."""
        if self.readings == 0:
            return [f"{self.history}: every run of the journal is in it; nothing to fold (up to record {self.last:,})."]
        out = [] if self.report is None else self.report.lines()
        for sequence, run_id, repeat in self.unplaced:
            out.append(
                f"Record {sequence}: a late response of run {run_id!r}, reading {repeat}, which neither journal nor "
                "history has. The journal keeps it; append it again when the run is there."
            )
        if not self.marked:
            out.append("A loop writes the journal: a later fold will note in it that this one was made.")
        return out


def fold(
    journal: Path_ | Journal,
    history: Path_,
    process: Process,
    *,
    anchor: Path_ | None = None,
    progress: Progress | None = None,
) -> FoldReport:
    """Bring the runs and late responses that are not yet in ``history`` into it, and make it when there is none.

    A folder, or a name that ends in a slash, gets a segment.

    Late responses of runs that were folded earlier become events of their readings. ``journal`` is a path, which a loop
    may be writing, or a journal that is open. ``anchor`` is as :meth:`Journal.open` takes it; an open journal has its
    own.

    Raises: IntegrityError for damage of either file or of the anchor, and when the journal is an older copy of the one
    that was folded before; ConfigurationError when one is of another process, the history has runs of these names from
    elsewhere, or ``anchor`` is not that of the open journal; LifecycleError when another fold goes into the same
    history or another program changed it meanwhile; IoError when the disk refuses. The history is then as it was.
    """
    out = Path(history)
    source = _source(journal, anchor)
    if source.process_name != process.name:
        raise ConfigurationError(
            where="journal.fold",
            expected=f"the process {source.process_name!r}, which the journal is of",
            received=repr(process.name),
            place=str(source.path),
        )
    lock = FileLock(out.with_name(f".{out.name}.fold-lock"), where="journal.fold", what="a history")
    try:
        done = _fold(source, out, str(history), process, progress)
        done.marked = _mark(source, out, done.last)
        return done
    finally:
        lock.release()


def _source(journal: Path_ | Journal, anchor: Path_ | None) -> Journal:
    if not isinstance(journal, Journal):
        return Journal.open(journal, read_only=True, anchor=anchor)
    if anchor is not None and Path(anchor).absolute() != journal.anchor_path.absolute():
        raise ConfigurationError(
            where="journal.fold",
            expected=f"the anchor that the open journal has, {str(journal.anchor_path)!r}",
            received=repr(str(anchor)),
            place=str(journal.path),
            hint="leave it out, or give the path of the journal",
        )
    return journal


def _fold(source: Journal, out: Path, place: str, process: Process, progress: Progress | None) -> FoldReport:
    from luban.history import History

    before = History.open(out) if _is_there(out) else None
    known = Folded.of(before, source.uuid)
    frame = known.lacking(source, process)
    done = FoldReport(source.uuid, str(out), known.through + 1, int(frame.attrs["sequence"]), len(frame))
    if frame.empty:
        done.last = known.newest
        done.digest = before.digest if before is not None else ""
        return done
    _require_own_names(frame, before, source)
    name = str(FoldName(source.uuid, done.first, done.last, frame.attrs["hash"][:16]))
    frame, done.unplaced = _with_earlier_runs(frame, before, process)
    # An import makes this column anew. It is here for the digest of the frame: the same correction a second time is
    # another import, not the same one again.
    frame["source"] = name
    frame.attrs = {}
    done.report = _import(process, frame, place, name, progress)
    done.digest = History.open(out).digest if _is_there(out) else ""
    return done


def _import(process: Process, frame: pd.DataFrame, place: str, name: str, progress: Progress | None) -> ImportReport:
    """Import the whole frame at once: of an import in pieces a part could be there under the name of the range."""
    from luban import ingest
    from luban._intake.run import add_source
    from luban._intake.sink import SegmentSink, names_folder
    from luban._intake.sources.frame import FrameSource

    if not names_folder(place):
        return ingest.import_frame(process, frame, place, name=name, own_runs=True, progress=progress)
    with closing(SegmentSink(Path(place), piece_rows=None)) as sink:
        report = add_source(sink, process, FrameSource(frame, name, own_runs=True), progress=progress)
    report.path = place
    return report


def _is_there(history: Path) -> bool:
    """Whether there is a history of that name; an empty folder is to become one."""
    return history.is_file() or (history / "luban-history.json").exists()


def _require_own_names(frame: pd.DataFrame, history: History | None, source: Journal) -> None:
    """Refuse runs under names that the history has from elsewhere: they would pass for corrections of those.

    Late responses of runs of an earlier journal are no runs of this one. Raises: ConfigurationError.
    """
    if history is None:
        return
    from luban.history import RunFilter

    late = {run_id for _, run_id, _ in frame.attrs["unplaced"]}
    own = set(frame["run_id"]) - late
    if not own:
        return
    known = history.read(columns=["run_id", "source"], rows="runs", runs=RunFilter(run_id=sorted(own)))
    for run_id, origin in zip(known["run_id"], known["source"], strict=True):
        name = FoldName.of(str(origin))
        if name is None or name.journal != source.uuid:
            raise ConfigurationError(
                where="journal.fold",
                expected="runs under names that the history does not have from elsewhere",
                received=f"{run_id!r}, which it has from {origin}",
                place=str(source.path),
                hint="each line, and each journal whose runs are counted anew, wants a history of its own",
            )


def _with_earlier_runs(
    frame: pd.DataFrame, history: History | None, process: Process
) -> tuple[pd.DataFrame, list[tuple[int, str, int]]]:
    """Complete late responses of runs that the journal does not have with what the history says of them."""
    unplaced: list[tuple[int, str, int]] = frame.attrs["unplaced"]
    if not unplaced or history is None:
        return frame, unplaced
    from luban.history import RunFilter
    from luban.journal.runs import as_source

    inputs = [item.name for item in (*process.parameters, *process.context, *process.noise)]
    wanted = {run_id for _, run_id, _ in unplaced}
    known = history.read(columns=["run_id", "repeat", *inputs], runs=RunFilter(run_id=sorted(wanted)))
    found = as_source(known, process).set_index(["run_id", "repeat"])
    frame = frame.astype(dict.fromkeys(inputs, object))
    for place, key in enumerate(zip(frame["run_id"], frame["repeat"], strict=True)):
        if key in found.index and any(entry[1:] == key for entry in unplaced):
            frame.loc[frame.index[place], inputs] = found.loc[key, inputs].to_numpy()
    return frame, [entry for entry in unplaced if entry[1:] not in found.index]


def _mark(source: Journal, out: Path, through: int) -> bool:
    """Note in the journal what the history has, unless it says so; False while a loop writes it."""
    from luban.history import History

    if not _is_there(out) or through == 0:
        return True
    history = History.open(out)
    through = min(through, Folded.of(history, source.uuid).through)  # less when nothing of the range was new to it
    mark = {"history": history.uuid, "path": str(out.absolute()), "digest": history.digest, "through": through}
    newest = [record.payload for record in source.records(kinds=("folded",))]
    same = ("history", "digest", "through")
    if through == 0 or any(all(payload[key] == mark[key] for key in same) for payload in newest):
        return True
    if not source.read_only:
        source.append("folded", mark)
        return True
    try:
        writer = Journal.open_for_marks(source.path, anchor=source.anchor_path)
    except LifecycleError:
        return False
    try:
        writer.append("folded", mark)
        writer.checkpoint()
    finally:
        writer.close()
    return True
