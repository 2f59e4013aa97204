"""Models of other kinds of Gaussian process, from the history to the file and back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import features, fitting, surrogate
from luban.errors import ConfigurationError, DataError
from luban.history import History
from luban.process import Process


def test_a_changed_preset_is_learned_and_kept(process: Process, history: History, tmp_path: Path) -> None:
    data = features.make_dataset(process.core, history.source)
    changed = surrogate.preset("matern", data.encoder, warped=True, tasks="wear", noise_varies=["feed"])
    options = surrogate.GaussianProcessOptions(model=changed, starts=1, max_iterations=30)
    model = fitting.fit(process, history, surrogate=options, folds=2, timed=False)
    assert model.card.surrogate == changed.name
    again = fitting.Model.load(model.save(tmp_path / "model.safetensors"))
    frame = pd.DataFrame({"speed": [150.0, 250.0], "feed": [0.06, 0.12], "wear": ["New", "Worn"]})
    pd.testing.assert_frame_equal(again.posterior(frame).mean, model.posterior(frame).mean)


def test_known_variances_are_learned_with_and_kept(process: Process, history: History, tmp_path: Path) -> None:
    data = features.make_dataset(process.core, history.source)
    known = np.tile([0.01, 0.2], (data.n, 1))
    model = fitting.fit(process, history, folds=2, noise_variances=known, timed=False)
    assert any("known variances" in note for note in model.card["why"])
    assert model.surrogate.within_sd(0) == pytest.approx(0.1)
    again = fitting.Model.load(model.save(tmp_path / "model.safetensors"))
    assert again.dataset.noise_variance is not None
    np.testing.assert_array_equal(again.dataset.noise_variance, known)


def test_known_variances_that_nothing_can_use_are_refused(process: Process, history: History) -> None:
    with pytest.raises(ConfigurationError, match="networks"):
        fitting.fit(process, history, surrogate="neural_ensemble", noise_variances=np.ones(240))
    with pytest.raises(DataError, match="variances"):
        fitting.fit(process, history, noise_variances=np.ones(3))
    with pytest.raises(ConfigurationError, match="variances"):
        fitting.fit(process, history, noise_variances=np.ones(240), transforms="yeo_johnson", folds=2)
