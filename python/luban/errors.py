"""The error tree: one class for each C++ error type, raised from C++ and Python with the same fields and text.

The text of every error is ``[where] expected …, received … (place). Hint: ….``
"""

from __future__ import annotations

from luban import _core

__all__ = [
    "ConfigurationError",
    "DataError",
    "Error",
    "InfeasibleError",
    "IntegrityError",
    "IoError",
    "LifecycleError",
    "NotBuiltError",
    "NumericalError",
    "ParallelError",
    "StoppedError",
    "UnitError",
    "VersionError",
]


class Error(Exception):
    """Root of the error tree.

    Attributes: ``where`` (module and function), ``expected``, ``received``, ``place`` (file, row, key; may be
    empty), ``hint`` (what to do; may be empty).
    """

    where: str
    expected: str
    received: str
    place: str
    hint: str

    def __init__(self, *, where: str, expected: str, received: str, place: str = "", hint: str = "") -> None:
        super().__init__(_core.error_text(where, expected, received, place, hint))
        self.where = where
        self.expected = expected
        self.received = received
        self.place = place
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # Fields are keywords: pickle (worker processes) must be told.
        return (_rebuild, (type(self), self.where, self.expected, self.received, self.place, self.hint))


def _rebuild(kind: type[Error], where: str, expected: str, received: str, place: str, hint: str) -> Error:
    return kind(where=where, expected=expected, received=received, place=place, hint=hint)


class ConfigurationError(Error):
    """A definition, an option or an argument is wrong (command line: exit code 2)."""


class DataError(Error):
    """The data cannot be used for what was asked (exit code 1)."""


class UnitError(DataError):
    """Two units of measure do not fit together."""


class IntegrityError(Error):
    """Stored data did not verify: truncated, tampered with, or not what it says it is (exit code 3)."""


class VersionError(IntegrityError):
    """The file is intact but of a format version that this program does not read (exit code 3)."""


class InfeasibleError(Error):
    """No admissible settings exist under the constraints (exit code 4)."""


class NumericalError(Error):
    """Arithmetic failed beyond the stated remedies."""


class LifecycleError(Error):
    """A call came in a state that does not allow it."""


class IoError(Error):
    """The operating system refused (missing file, permission, full disk)."""


class NotBuiltError(Error):
    """The feature exists but was not built into this package."""


class ParallelError(Error):
    """A group of processes (ranks) is not what was asked for, or one of them failed."""


class StoppedError(Error):
    """The caller asked to stop; nothing is half written (exit code 130)."""
