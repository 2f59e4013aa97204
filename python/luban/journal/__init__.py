"""The journal of a loop: an append-only, hash-chained record of every decision, and the way of runs into a history.

``Journal`` writes and reads it, ``verify`` checks it with code of its own, ``fold`` brings its runs into an HDF5
history. One SQLite file per loop, on a local disk.
"""

from __future__ import annotations

from luban.journal.anchor import Checkpoint
from luban.journal.chain import KINDS, Record
from luban.journal.clock import Clock, SystemClock
from luban.journal.folding import FoldReport, fold
from luban.journal.journal import Journal
from luban.journal.runs import FinishedRun
from luban.journal.verify import Fault, Report, verify

__all__ = [
    "KINDS",
    "Checkpoint",
    "Clock",
    "Fault",
    "FinishedRun",
    "FoldReport",
    "Journal",
    "Record",
    "Report",
    "SystemClock",
    "fold",
    "verify",
]
