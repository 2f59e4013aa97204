"""The optimizer process of a loop: it learns and recommends, may be slow, may crash, and never touches the plant.

Started by the supervisor as ``python -m luban.service.optimizer --fd N --model MODEL …``. It ends when the other end of
its socket closes. Its beats come from the loop that decides: when that stands still, so do they.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban.errors import DataError, Error, IntegrityError, IoError
from luban.service.messages import Question
from luban.service.supervisor.optimizer_port import answered
from luban.service.wire import Channel

if TYPE_CHECKING:
    from luban.service.supervisor.optimizer_port import Advisor

__all__ = ["main", "serve"]

_BEAT_S = 0.5
_NICER = 5  # the supervisor goes first


def serve(channel: Channel, advisor: Advisor) -> None:
    """Answer questions until the other end closes.

    Runs of every question are learned, again and again when they come again: a learner takes from a known run what is
    new of it. Only the newest question is answered.

    Raises: DataError when what comes down is no question, IoError when the connection breaks.
    """
    beats = 0
    while not channel.ended:
        question = _newest(channel)
        if question is None:
            beats += 1
            if not channel.ended:
                channel.send({"kind": "beat", "counter": beats})
            channel.wait(_BEAT_S)
            continue
        channel.send(answered(advisor, question, question.runs).to_dict())


def _newest(channel: Channel) -> Question | None:
    """Return the last question that has come, with the runs of those before it."""
    found: Question | None = None
    while (message := channel.receive()) is not None:
        if message.get("kind") != "question":
            raise DataError(where="service.optimizer", expected="a question", received=repr(message.get("kind"))[:40])
        question = Question.from_dict(message)
        earlier = [] if found is None else [run for run in found.runs if run not in question.runs]
        found = Question(**{**vars(question), "runs": [*earlier, *question.runs]})
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m luban.service.optimizer")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--digest", default="", help="content digest that the model must have")
    parser.add_argument("--options", default="{}", help="options of the learner, as JSON")
    given = parser.parse_args(arguments)
    os.nice(_NICER)
    channel = Channel(socket.socket(fileno=given.fd), patience_s=30.0)
    try:
        advisor = _advisor(given.model, given.digest, json.loads(given.options))
        channel.send({"kind": "ready", "model": given.model, "process": os.getpid()})
        serve(channel, advisor)
    except (IoError, BrokenPipeError):
        return 0  # the supervisor has gone: nothing is left to do
    except Error as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _advisor(model: str, digest: str, options: dict[str, Any]) -> Advisor:
    """Load the model and make the learner. Raises: IntegrityError when the model is not the pinned one."""
    from luban import registry
    from luban.fitting import Model
    from luban.process import Process
    from luban.recommend import StayRule
    from luban.service.learner import Learner, LearnerOptions

    found = registry.verified_digest(Path(model))
    if digest and found != digest:
        raise IntegrityError(
            where="service.optimizer", expected=f"the model {digest[:16]} that the loop began with",
            received=found[:16], place=model,
        )  # fmt: skip
    learned = Model.load(model)
    stay = StayRule(min_gain=float(options.get("min_gain", 0.0)))
    known = LearnerOptions(
        learning=bool(options.get("learning", True)),
        objective=str(options.get("objective", "")),
        seed=int(options.get("seed", 0)),
        novelty=None if options.get("novelty") is None else float(options["novelty"]),
        move_every_s=float(options.get("move_every_s", "inf")),
        stay=stay,
    )
    definition = options.get("process")
    process = learned.process if definition is None else Process.from_dict(definition, place="the loop's process")
    return Learner(process, learned, options=known)


if __name__ == "__main__":
    sys.exit(main())
