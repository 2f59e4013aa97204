"""The Python door of training: networks say what torch would say, and nothing that happens on the way counts."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luban import _core, features, recommend, testing, training
from luban.errors import ConfigurationError, DataError, IntegrityError, NotBuiltError
from luban.features import Dataset
from luban.history import History
from luban.process import Process

pytestmark = pytest.mark.skipif(not training.available(), reason=f"no training here: {training.lacking()}")


def content(ensemble: Any) -> dict[str, Any]:
    """The arrays of an ensemble and the text beside them."""
    artefact = _core.Artefact()
    ensemble.write(artefact)
    return {"text": artefact.metadata} | {name: array.tobytes() for name, array in artefact.tensors.items()}


def inputs(data: Dataset, q: int = 40) -> np.ndarray:
    """Points within and around the data, categories among them."""
    random = np.random.default_rng(5)
    X = random.uniform(-0.2, 1.2, size=(q, data.X.shape[1]))
    for j, variable in enumerate(data.encoder.variables):
        if not variable.is_numeric:
            X[:, j] = random.integers(0, len(variable.categories), q)
    return X


def in_torch(ensemble: Any, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (q, m), variance of a reading (q, m) and gradient of the means (m, q, p) from the artefact, by torch."""
    import torch

    artefact = _core.Artefact()
    ensemble.write(artefact)
    arrays = {name.removeprefix("neural_ensemble/"): torch.tensor(a) for name, a in artefact.tensors.items()}
    facts = json.loads(artefact.metadata)["neural_ensemble"]
    coded = torch.tensor(X, requires_grad=True)
    columns = []
    for j, variable in enumerate(ensemble.encoder.variables):
        if variable.is_numeric:
            columns.append(coded[:, [j]])
        else:
            codes = torch.tensor(X[:, j].astype(np.int64))
            columns.append(torch.nn.functional.one_hot(codes, len(variable.categories)).double())
    z = (torch.cat(columns, dim=1) - arrays["input_mean"]) / arrays["input_scale"]
    means, noises = [], []
    for k in range(facts["members"]):
        h = torch.nn.functional.linear(z, arrays[f"{k}/input/weight"], arrays[f"{k}/input/bias"])
        for b in range(facts["blocks"]):
            block = f"{k}/block{b}"
            inner = torch.nn.functional.linear(h, arrays[f"{block}/inner/weight"], arrays[f"{block}/inner/bias"])
            h = h + torch.nn.functional.linear(
                torch.nn.functional.silu(inner), arrays[f"{block}/outer/weight"], arrays[f"{block}/outer/bias"]
            )
        out = torch.nn.functional.linear(h, arrays[f"{k}/head/weight"], arrays[f"{k}/head/bias"])
        m = out.shape[1] // 2
        means.append(arrays["output_location"] + arrays["output_scale"] * out[:, :m])
        noises.append(arrays["output_scale"] ** 2 * (1e-6 + torch.nn.functional.softplus(out[:, m:])))
    each = torch.stack(means)
    mean = each.mean(dim=0)
    variance = ((each - mean) ** 2).mean(dim=0) + torch.stack(noises).mean(dim=0)
    slopes = [torch.autograd.grad(mean[:, r].sum(), coded, retain_graph=True)[0].numpy() for r in range(mean.shape[1])]
    return mean.detach().numpy(), variance.detach().numpy(), np.stack(slopes)


@pytest.fixture(scope="module")
def fit(data: Dataset, quick: Any) -> Any:
    return training.fit_neural_ensemble(data, quick, seed=3)


def test_values_variances_and_gradients_are_those_of_torch(fit: Any, data: Dataset) -> None:
    X = inputs(data)
    posterior = fit.ensemble.posterior(X, gradients=True)
    mean, variance, slopes = in_torch(fit.ensemble, X)
    np.testing.assert_allclose(posterior.mean(), mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(posterior.variance("reading"), variance, rtol=1e-5)
    for r in range(mean.shape[1]):
        np.testing.assert_allclose(posterior.mean_gradient(r), slopes[r], rtol=1e-5, atol=1e-5)


def test_acquisitions_see_a_network_as_any_surrogate(fit: Any, data: Dataset) -> None:
    lowest = recommend.Utility(0, "minimize")
    load = [recommend.OutcomeBound(1, upper=float(np.nanmedian(data.Y[:, 1])))]
    for acquisition in (
        recommend.LogExpectedImprovement(lowest, -float(np.nanmedian(data.Y[:, 0])), load),
        recommend.UpperConfidenceBound(lowest, 2.0),
        recommend.MaxValueEntropy(lowest, np.array([-0.5, 0.5])),
    ):
        testing.check_acquisition(acquisition, fit.ensemble, inputs(data)[:5], tolerance=1e-2, step=1e-3)


def test_a_report_for_each_member(fit: Any, data: Dataset, quick: Any) -> None:
    assert len(fit.reports) == quick.members
    for report in fit.reports:
        assert 0 <= report.best_epoch <= report.epochs <= quick.epochs
        assert set(report.validation_groups) < set(data.group_labels)
    assert len({tuple(report.validation_groups) for report in fit.reports}) > 1


def test_seeds_decide_and_threads_do_not(data: Dataset, quick: Any, fit: Any) -> None:
    values = training.option_values(quick)
    one = training.NeuralEnsembleOptions(**{**values, "threads": 1})
    assert content(training.fit_neural_ensemble(data, one, seed=3).ensemble) == content(fit.ensemble)
    assert content(training.fit_neural_ensemble(data, quick, seed=4).ensemble) != content(fit.ensemble)


def test_missing_values_count_nothing(process: Process, frames: Callable[..., pd.DataFrame], quick: Any) -> None:
    frame = frames()
    frame["force"] = np.where(frame["run_id"].str.endswith("New"), frame["force"], np.nan)
    some = features.make_dataset(process.core, History.from_frame(process, frame).source)
    fitted = training.fit_neural_ensemble(some, quick, seed=1)
    artefact = _core.Artefact()
    fitted.ensemble.write(artefact)
    location = artefact.tensors["neural_ensemble/output_location"]
    there = ~np.isnan(some.Y)
    assert location[1] == pytest.approx(some.Y[there[:, 1], 1].mean())
    assert location[0] == pytest.approx(some.Y[:, 0].mean(), abs=0.05)  # robust weights may set a reading aside
    assert np.isfinite(fitted.ensemble.posterior(inputs(some)).mean()).all()


def test_it_goes_on_where_it_was_stopped_to_the_same_bits(data: Dataset, quick: Any, fit: Any, tmp_path: Path) -> None:
    class HaltError(Exception):
        pass

    calls = 0

    def stop(_: str, done: int, total: int) -> None:
        raise HaltError

    while calls < 500:
        calls += 1
        try:
            found = training.fit_neural_ensemble(
                data, quick, seed=3, checkpoint=tmp_path, progress=stop if calls < 4 else None
            )
        except HaltError:
            continue
        break
    assert content(found.ensemble) == content(fit.ensemble)


def test_a_file_half_written_is_passed_over(data: Dataset, quick: Any, fit: Any, tmp_path: Path) -> None:
    """What a kill leaves behind bears a temporary name; the named file is whole or not there."""
    training.fit_neural_ensemble(data, quick, seed=3, checkpoint=tmp_path)
    whole = sorted(tmp_path.glob("*.safetensors"))
    assert len(whole) == quick.members
    for path in whole:
        (tmp_path / f".{path.name}.1-0.partial").write_bytes(path.read_bytes()[:100])
    whole[0].unlink()
    again = training.fit_neural_ensemble(data, quick, seed=3, checkpoint=tmp_path)
    assert content(again.ensemble) == content(fit.ensemble)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_checkpoint_cut_short_is_named(data: Dataset, quick: Any, tmp_path: Path, share: float) -> None:
    training.fit_neural_ensemble(data, quick, seed=3, checkpoint=tmp_path)
    victim = sorted(tmp_path.glob("*.safetensors"))[1]
    os.truncate(victim, int(share * victim.stat().st_size))
    with pytest.raises(IntegrityError, match=victim.name):
        training.fit_neural_ensemble(data, quick, seed=3, checkpoint=tmp_path)


def test_an_edited_checkpoint_is_named(data: Dataset, quick: Any, tmp_path: Path) -> None:
    training.fit_neural_ensemble(data, quick, seed=3, checkpoint=tmp_path / "whole")
    size = next((tmp_path / "whole").glob("*.safetensors")).stat().st_size
    for at in np.linspace(0, size - 1, 12).astype(int):
        folder = tmp_path / str(at)
        shutil.copytree(tmp_path / "whole", folder)
        victim = sorted(folder.glob("*.safetensors"))[0]
        bytes_of = bytearray(victim.read_bytes())
        bytes_of[at] ^= 1
        victim.write_bytes(bytes_of)
        with pytest.raises(IntegrityError):
            training.fit_neural_ensemble(data, quick, seed=3, checkpoint=folder)


def test_members_in_pieces(data: Dataset, quick: Any, fit: Any, tmp_path: Path) -> None:
    one = training.ensemble_training(data, quick, key=3)
    for member in (2, 0, 1):
        assert not one.finished(member, tmp_path)
        training.train_networks([(one, member)], checkpoint=tmp_path)
        assert one.finished(member, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {one.file_name(k) for k in range(3)}
    assert content(training.fit_neural_ensemble(data, quick, seed=3, checkpoint=tmp_path).ensemble) == content(
        fit.ensemble
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"members": 1}, "members"),
        ({"hidden": []}, "hidden"),
        ({"precision": "half"}, "precision"),
        ({"beta": 2.0}, "beta"),
    ],
)
def test_options_out_of_range(data: Dataset, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        training.fit_neural_ensemble(data, training.NeuralEnsembleOptions(**change))


def test_too_few_groups(process: Process, frames: Callable[..., pd.DataFrame]) -> None:
    few = features.make_dataset(process.core, History.from_frame(process, frames(settings=2)).source)
    with pytest.raises(DataError, match="three groups"):
        training.fit_neural_ensemble(few)


def test_another_torch_is_refused_with_a_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.12.1+cpu")
    built = str(_core.build_info()["torch"]).split("+")[0].rpartition(".")[0]
    with pytest.raises(NotBuiltError, match=rf"expected torch {built}, which this package was built with, received"):
        training.fit_neural_ensemble(None)  # type: ignore[arg-type]
    assert not training.available()
