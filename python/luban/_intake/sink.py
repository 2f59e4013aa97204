"""Where an import puts its pieces: a content in memory takes the whole import at once.

A sink that keeps segments takes pieces of ``piece_rows`` rows one after the other, each durable after ``append``; with
``piece_rows=None`` the whole import is one segment, there as a whole or not at all.
What such a sink must do itself: refuse a (run, repeat) that an earlier piece of the same import brought ("duplicate"),
and rows that disagree with what is stored, as a merge does. The numbers of counted readings go on over the pieces.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from luban import _history

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._reading import Compression

__all__ = ["PIECE_ROWS", "ContentSink", "SegmentSink", "Sink", "names_folder"]

_NO_TIME = np.iinfo(np.int64).min
PIECE_ROWS = 1 << 17  # one block of the index of a history


def names_folder(out: str | PathLike[str]) -> bool:
    """Whether a history of that name is a folder of segments: it ends in a slash, or there is such a folder."""
    return Path(out).is_dir() or os.fspath(out).endswith(("/", os.sep))


class Sink(Protocol):
    """Takes the additions of one import, in the order of the source's rows."""

    @property
    def piece_rows(self) -> int | None:
        """Rows of the source that one addition holds; None: all of them in one."""
        ...

    def imports_of(self, digest: str) -> list[_history.Provenance]:
        """Return the imports of these bytes that it holds, first to last."""
        ...

    @property
    def process(self) -> Sequence[_history.ProcessVersion]:
        """The versions of the process that it holds, the latest last."""
        ...

    @property
    def stored(self) -> _history.Content | None:
        """All that was there before, where that is in memory: new rows are compared with it.

        None: the next addition is made while one is appended.
        """
        ...

    def append(
        self, addition: _history.Content, source_rows: NDArray[np.int64], *, whole: bool = False
    ) -> _history.MergeReport:
        """Take an addition; ``source_rows`` (readings of it) are their rows in the source.

        ``whole``: who gets a report of refused rows keeps nothing of it; a sink that is durable has written nothing.

        Raises: DataError when it contradicts itself, ConfigurationError when its process does not fit.
        """
        ...

    def append_again(
        self, addition: _history.Content, source_rows: NDArray[np.int64], *, whole: bool = False
    ) -> _history.MergeReport:
        """Take a piece that came before once more: readings that it repeats are no duplicates. Raises: as append."""
        ...

    def source(self) -> _history.HistorySource | None:
        """Return what it holds now, to be read; None: nothing yet."""
        ...

    def finish(self) -> None:
        """Say that all rows have come."""
        ...

    def close(self) -> None:
        """Let go of what it holds, after an error too."""
        ...


class ContentSink:
    """Merges the whole import into a content in memory, which is changed only when everything went well."""

    def __init__(self, history: _history.Content, piece_rows: int | None = None) -> None:
        self._history = history
        self.piece_rows = piece_rows

    def imports_of(self, digest: str) -> list[_history.Provenance]:
        """See :class:`Sink`."""
        return [entry for entry in self._history.provenance if entry.input_digest == digest]

    @property
    def process(self) -> Sequence[_history.ProcessVersion]:
        """See :class:`Sink`."""
        return self._history.process

    @property
    def stored(self) -> _history.Content:
        """See :class:`Sink`."""
        return self._history

    def append(
        self, addition: _history.Content, source_rows: NDArray[np.int64], *, whole: bool = False
    ) -> _history.MergeReport:
        """See :class:`Sink`."""
        return _history.merge(self._history, addition, source_rows)

    def append_again(
        self, addition: _history.Content, source_rows: NDArray[np.int64], *, whole: bool = False
    ) -> _history.MergeReport:
        """See :class:`Sink`."""
        return self.append(addition, source_rows, whole=whole)

    def source(self) -> _history.HistorySource | None:
        """See :class:`Sink`."""
        return _history.in_memory(self._history) if self._history.provenance else None

    def finish(self) -> None:
        """See :class:`Sink`."""

    def close(self) -> None:
        """See :class:`Sink`."""


class SegmentSink:
    """Appends pieces to a folder of segments, each on the disk after ``append``; memory does not grow with it.

    Without ``piece_rows`` the whole import is one piece.
    """

    stored = None  # new rows are compared with those of their own piece alone

    def __init__(
        self,
        folder: Path,
        piece_rows: int | None = PIECE_ROWS,
        *,
        compression: Compression = "deflate",
    ) -> None:
        self._appender = _history.Appender(str(folder), compression=compression)
        self._began: dict[str, int | None] = {}  # by digest: time of the first piece of an import
        self._again: int | None = None  # time of the first piece that came once more
        self._history: _history.HistoryFolder | None = None  # as it was opened since the last piece
        self.piece_rows = piece_rows

    def imports_of(self, digest: str) -> list[_history.Provenance]:
        """See :class:`Sink`."""
        history = self._opened()
        if history is None or digest not in history.input_digests:  # their list knows it, without opening segments
            return []
        return [entry for entry in history.provenance if entry.input_digest == digest]

    @property
    def process(self) -> Sequence[_history.ProcessVersion]:
        """See :class:`Sink`."""
        history = self._opened()
        return [] if history is None else [history.latest_version]

    def append(
        self, addition: _history.Content, source_rows: NDArray[np.int64], *, whole: bool = False
    ) -> _history.MergeReport:
        """See :class:`Sink`."""
        digest, time = addition.provenance[0].input_digest, addition.provenance[0].time
        if digest not in self._began:
            self._began[digest] = self._goes_on(digest, addition)
        began = self._began[digest]
        report = self._append(addition, source_rows, _NO_TIME if began is None else began, whole)
        if began is None:
            self._began[digest] = time
        return report

    def append_again(
        self, addition: _history.Content, source_rows: NDArray[np.int64], *, whole: bool = False
    ) -> _history.MergeReport:
        """See :class:`Sink`."""
        began = self._again
        if began is None:
            began, self._again = _NO_TIME, addition.provenance[0].time
        return self._append(addition, source_rows, began, whole)

    def source(self) -> _history.HistorySource | None:
        """See :class:`Sink`."""
        return self._opened()

    def _append(
        self, addition: _history.Content, source_rows: NDArray[np.int64], began: int, whole: bool
    ) -> _history.MergeReport:
        try:
            report: _history.MergeReport = self._appender.append(addition, source_rows, began=began, whole=whole)
        finally:
            self._history = None
        return report

    def _opened(self) -> _history.HistoryFolder | None:
        """Return what the folder holds, opened once after each piece: that reads the whole list of segments.

        An import never asks while a piece is on its way to the disk.
        """
        if self._history is None:
            self._history = self._appender.history()
        return self._history

    def _goes_on(self, digest: str, addition: _history.Content) -> int | None:
        """When an import began that was interrupted, and that this piece goes on with under the same process file."""
        times = [entry.time for entry in self.imports_of(digest)]
        if not times or self.process[-1].document != addition.process[-1].document:
            return None
        began = min(times)
        return began if began >= self.process[-1].time else None

    def finish(self) -> None:
        """See :class:`Sink`."""

    def close(self) -> None:
        """Let go of the folder's lock."""
        self._history = None
        self._appender.close()
