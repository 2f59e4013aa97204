"""The command line ``luban``: one verb per function, every verb with ``--json`` and an example in its ``--help``.

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 data did not verify; 4 nothing admissible to
recommend; 75 checkpointed, run again; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; errors are one line on stderr.

    ``--debug``, anywhere among the arguments, shows the traceback as well.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run([text for text in given if text != "--debug"], debug="--debug" in given)
    except KeyboardInterrupt:  # while modules were still loading
        code = 130
    raise SystemExit(code)


def _run(arguments: list[str], debug: bool) -> int:
    try:
        from luban.cli.app import Interrupted, run
    except ImportError as error:  # nothing of the package may be relied on here
        if debug:
            raise
        sys.stderr.write(f"[cli] expected a whole package, received {error}. Hint: install luban again.\n")
        return 1
    try:
        code = run(arguments)
        sys.stdout.flush()
        if code == 130:  # Ctrl-C inside a verb, as newer typers tell it
            return _told(KeyboardInterrupt(), arguments, debug)
    except BrokenPipeError:
        # The reader of our output left (… | head): nothing more to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Interrupted:  # and as older ones do
        return _told(KeyboardInterrupt(), arguments, debug)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 — here, and only here, any error becomes an exit code
        return _told(error, arguments, debug)
    return code


def _told(error: BaseException, arguments: list[str], debug: bool) -> int:
    """Tell an error on stderr, and as an object on stdout under ``--json``; returns the exit code."""
    from luban import console

    verb = next((text for text in arguments if not text.startswith("-")), "")
    if debug:
        import traceback

        traceback.print_exception(error)
    interrupted = console.exit_code(error) == console.ExitCode.INTERRUPTED
    console.say(console.error_text(error, verb), "yellow" if interrupted else "red")
    if "--json" in arguments:
        console.emit_json(console.error_object(error, verb))
    return console.exit_code(error)
