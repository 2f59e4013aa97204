"""The mode of a loop over restarts: a file that is whole or not there, beside the journal."""

from __future__ import annotations

from pathlib import Path

from luban import _core, control
from luban.errors import IoError

__all__ = ["KeptState"]


class KeptState:
    """Keeps the text of a controller in a file. ``failure`` says why what is on the disk is not the state."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = ""
        self.failure = ""

    def wake(self, plan: control.ControlPlan, options: control.ControlOptions, *, has_run: bool) -> control.Controller:
        """Return the controller as it was left, at most advisory; a new one for a loop that has never run.

        ``has_run``: the journal tells of what the loop did before. A loop that has run and whose state is missing,
        unreadable or altered wakes up tripped.

        Raises: ConfigurationError when plan or options are wrong, IoError when the file cannot be read.
        """
        try:
            kept = self.path.read_bytes() if self.path.exists() else None
        except OSError as error:
            raise IoError(
                where="service.state", expected="a readable file", received=str(error.strerror), place=str(self.path)
            ) from error
        if kept is None and not has_run:
            return control.Controller(plan, options)
        return control.restored(kept or b"", plan, options)

    def keep(self, controller: control.Controller) -> bool:
        """Write the state when it has changed. Returns whether what is on the disk is the state; says why not.

        After a failure nobody knows what is on the disk: then it is written whatever it was.
        """
        text = controller.state_text
        if text == self._text:
            return True
        try:
            with _core.DurableFile(self.path, "service.state") as file:
                file.write(text.encode())
                file.commit(replace=True)
        except IoError as error:
            self._text, self.failure = "", str(error)
            return False
        self._text, self.failure = text, ""
        return True
