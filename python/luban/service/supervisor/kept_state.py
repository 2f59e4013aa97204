"""The mode of a loop over restarts: a file that is whole or not there, beside the journal."""

from __future__ import annotations

from pathlib import Path

from luban import _core, control
from luban.errors import IoError

__all__ = ["KeptState"]


class KeptState:
    """Keeps the text of a controller in a file. ``journal_exists``: the loop has run before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = ""
        self.failure = ""

    def wake(
        self, plan: control.ControlPlan, options: control.ControlOptions, *, journal_exists: bool
    ) -> control.Controller:
        """Return the controller as it was left, at most advisory; a new one for a loop that has never run.

        A loop with a journal whose state is missing, unreadable or altered wakes up tripped.

        Raises: ConfigurationError when plan or options are wrong, IoError when the file cannot be read.
        """
        try:
            kept = self.path.read_bytes() if self.path.exists() else None
        except OSError as error:
            raise IoError(
                where="service.state", expected="a readable file", received=str(error.strerror), place=str(self.path)
            ) from error
        if kept is None and not journal_exists:
            return control.Controller(plan, options)
        return control.restored(kept or b"", plan, options)

    def keep(self, controller: control.Controller) -> bool:
        """Write the state when it has changed. Returns whether what is on the disk is the state; says why not."""
        text = controller.state_text
        if text == self._text:
            return not self.failure
        try:
            with _core.DurableFile(self.path, "service.state") as file:
                file.write(text.encode())
                file.commit(replace=True)
        except IoError as error:
            self.failure = str(error)
            return False
        self._text, self.failure = text, ""
        return True
