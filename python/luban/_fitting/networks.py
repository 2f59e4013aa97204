"""The networks of one fit: those of every fold, and those of all data; trained here, or shared over ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from luban import _core, training
from luban._fitting.choice import NETWORK, Split
from luban._fitting.ranks import Communicator, deal, exchange
from luban.errors import StoppedError

if TYPE_CHECKING:
    from luban.evaluation import Contender
    from luban.parallel import Progress
    from luban.training import EnsembleTraining, NeuralEnsembleFit, NeuralEnsembleOptions

__all__ = ["VALIDATION_MEMBERS", "Networks", "Workplace"]

Result = TypeVar("Result")

#: Members of the ensembles of the folds, at most: on the shared data sets four decided as eight did, and predicted
#: nearly as well. They are the first of those that a larger ensemble would have.
VALIDATION_MEMBERS = 4
#: Ranks agree on whether to stop at least this often, in seconds.
_MOST_BETWEEN_AGREEMENTS_S = 10.0


@dataclass(frozen=True)
class Workplace:
    """Where networks are kept while they are trained, with whom the work is shared, and who may stop it.

    ``folder`` keeps unfinished networks every ``every_s`` seconds. ``group`` is a communicator of ``luban.parallel``
    whose ranks all make the same call. ``stop`` is asked between epochs; when it says yes on any rank, all ranks keep
    what they have and raise StoppedError.
    """

    folder: Path
    every_s: float = 60.0
    group: Communicator | None = None
    stop: Callable[[], bool] = lambda: False
    progress: Progress | None = None

    @property
    def shared(self) -> bool:
        """Whether there is somebody to share with."""
        return self.group is not None and self.group.size > 1

    @property
    def first(self) -> bool:
        """Whether this is the rank that does what only one need do."""
        return self.group is None or self.group.rank == 0

    def watched(self) -> Progress:
        """Return a progress call that stops when it is asked to. It raises StoppedError."""

        def tell(phase: str, done: int, total: int) -> None:
            if self.progress is not None:
                self.progress(phase, done, total)
            if self.stop():
                raise stopped()

        return tell

    def on_first(self, work: Callable[[], Result]) -> Result | None:
        """Do something on the first rank while the others wait; they get None.

        Raises: StoppedError on all ranks when one of them was asked to stop; whatever the work raises.
        """
        if self.group is None or not self.shared:
            return work()
        result, asked = None, False
        if self.first:
            try:
                result = work()
            except StoppedError:
                asked = True
        if self.group.any(asked or self.stop()):
            raise stopped()
        return result

    def told(self, data: bytes) -> bytes:
        """Return what the first rank says."""
        return data if self.group is None else self.group.broadcast(data)


def stopped() -> StoppedError:
    """Return the error of a training that was asked to stop."""
    return StoppedError(
        where="fitting.fit",
        expected="to run to its end",
        received="a request to stop",
        hint="what was trained is kept; run it again to go on",
    )


class Networks:
    """Networks on one dataset. What becomes of each depends on data, options, seed, fold and number alone."""

    def __init__(
        self,
        data: _core.Dataset,
        options: NeuralEnsembleOptions,
        workplace: Workplace,
        split: Split,
    ) -> None:
        self._data = data
        self._place = workplace
        self._split = split
        self.options = options
        self.in_folds = training.with_members(options, min(options.members, VALIDATION_MEMBERS))

    def train_folds(self) -> Contender:
        """Train what the cross-validation needs and return it as a contender. Raises: as ``train_networks``."""
        fits = _core.fold_fits(self._data, NETWORK, **self._split)
        trainings = [
            training.ensemble_training(self._data.subset(fit.train), self.in_folds, key=fit.key) for fit in fits
        ]
        self._train(trainings, "train networks of the folds")
        return training.contender(NETWORK, self.in_folds, checkpoint=self._place.folder)

    def train(self) -> NeuralEnsembleFit:
        """Train the ensemble on all data. Raises: as ``train_networks``."""
        one = training.ensemble_training(self._data, self.options, key=self._split["seed"])
        self._train([one], "train networks")
        folder = self._place.folder  # holds all members now: nothing is left but to put them together
        return training.fit_neural_ensemble(self._data, self.options, seed=self._split["seed"], checkpoint=folder)

    def _train(self, trainings: Sequence[EnsembleTraining], phase: str) -> None:
        units = {one.file_name(k): (one, k) for one in trainings for k in range(one.members)}
        place = self._place
        tell = place.watched()

        if not place.shared or place.group is None:
            self._train_some(list(units.values()), lambda _, done, total: tell(phase, done, total))
            return
        here = [name for name, (one, k) in units.items() if one.finished(k, place.folder)]
        mine = {name: units[name] for name in deal(place.group, list(units), here)}
        whole = len(mine) * self.options.epochs

        def named(_: str, done: int, total: int) -> None:
            tell(phase, done + whole - total, whole)  # of all that this rank was dealt

        while True:
            asked = self._until_next_agreement(list(mine.values()), named)
            mine = {name: unit for name, unit in mine.items() if not unit[0].finished(unit[1], place.folder)}
            if place.group.any(asked or place.stop()):
                raise stopped()
            if not place.group.any(bool(mine)):
                break
        whole_here = [name for name, (one, k) in units.items() if one.finished(k, place.folder)]
        exchange(place.group, list(units), whole_here, place.folder)

    def _until_next_agreement(self, units: Sequence[tuple[EnsembleTraining, int]], tell: Progress) -> bool:
        """Train until all is done or it is time for the ranks to agree; return whether this one was asked to stop."""
        if units:
            try:
                self._train_some(units, tell, min(self._place.every_s, _MOST_BETWEEN_AGREEMENTS_S))
            except StoppedError:
                return True
        return False

    def _train_some(
        self, units: Sequence[tuple[EnsembleTraining, int]], tell: Progress, pause_after_s: float | None = None
    ) -> None:
        training.train_networks(
            units,
            checkpoint=self._place.folder,
            every_s=self._place.every_s,
            pause_after_s=pause_after_s,
            threads=self.options.threads,
            progress=tell,
        )
