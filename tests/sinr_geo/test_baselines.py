"""The baselines as methods: what they fill, what they refuse, and what they may not see."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.baselines import watched
from sinr_geo.baselines.dip import DipMethod
from sinr_geo.baselines.siren import SirenMethod
from sinr_geo.baselines.subspace_bm3d import denoised
from sinr_geo.baselines.training import Schedule, train
from sinr_geo.baselines.wire import WireMethod
from sinr_geo.errors import RequestError
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.methods.catalogue import BASELINES, method_named
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.points import Lattice, PointSet

NETWORKS = ("siren", "fourier", "gauss", "wire", "finer")
REGRESSORS = ("knr", "dt", "rf")


@pytest.fixture(autouse=True)
def little_work(monkeypatch):
    """Narrow networks, so that hundreds of steps take a second."""
    monkeypatch.setattr(watched, "_WORK", dict.fromkeys(Effort, 2e9))
    for name in NETWORKS:
        method = type(method_named(name))
        monkeypatch.setattr(method, "start", replace(method.start, width=32))


def problem_of(points, *, task=Task.COMPLETION, folds=2, seed=0):
    masks = scattered_folds(points, count=folds, seed=seed) if folds else ()
    return Problem(
        task,
        ~points.observed if task is Task.COMPLETION else np.zeros_like(points.observed),
        tuple(Fold(mask, mask) for mask in masks),
        Effort.FAST,
        seed,
        "cpu",
        lambda what, share: None,
    )


def image(rows=16, columns=20, *, share=0.7, noise=0.0):
    """Return a smooth image of three bands seen at some of its entries, and its truth."""
    rng = np.random.default_rng(0)
    y, x = np.indices((rows, columns))
    truth = np.stack((np.sin(x / 4.0), np.cos(y / 3.0) + 3.0, x * y / 100.0), axis=-1)
    truth = truth.reshape(-1, 3)
    observed = rng.random(truth.shape) < share
    values = truth + noise * rng.normal(size=truth.shape)
    points = PointSet(
        np.stack((y.ravel(), x.ravel()), axis=1).astype(float),
        np.where(observed, values, np.nan),
        observed,
        tuple(Axis(name, AxisKind.INDEX) for name in ("row", "column")),
        tuple(Channel(name) for name in "abc"),
        Lattice(("row", "column"), (rows, columns), np.arange(rows * columns), (0, 1)),
    )
    return points, truth


def scattered():
    points, truth = image()
    return replace(points, lattice=None), truth


def relative_error(found, truth, entries):
    """RMSE in standard deviations of the truth: 1 is what its mean scores."""
    error = (found.values - truth) / truth.std(axis=0)
    return np.sqrt(np.mean(error[entries] ** 2))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_learns_a_smooth_field(name, monkeypatch):
    """One training at one rate, so that only the network and its gradient count.

    The grid is fine enough for the frequencies that sines and wavelets start with.
    """
    monkeypatch.setattr(watched, "_WORK", dict.fromkeys(Effort, 1.4e10))
    method = type(method_named(name))
    monkeypatch.setattr(method, "start", replace(method.start, rate=2e-3))
    points, _ = image(64, 64)
    y, x = points.coordinates.T / 64.0
    truth = np.stack((np.sin(5.0 * x), np.cos(4.0 * y) + 3.0, x * y), axis=1)
    points = points.with_values(np.where(points.observed, truth, np.nan))
    problem = problem_of(points, folds=0)
    found = method_named(name).choose(points, problem).fit(points, problem).predict(points)
    assert relative_error(found, truth, problem.wanted) < 0.45


@pytest.mark.parametrize("name", ["fourier", "gauss", *REGRESSORS, "dip"])
def test_gaps_are_filled(name):
    points, truth = image()
    problem = problem_of(points)
    found = method_named(name).choose(points, problem).fit(points, problem).predict(points)
    assert relative_error(found, truth, problem.wanted) < 0.7
    assert (found.standard_error[problem.wanted] >= 0).all()


@pytest.mark.parametrize("name", [*NETWORKS, *REGRESSORS, "dip"])
def test_a_choice_reports_and_says_what_was_withheld(name):
    points, _ = image()
    problem = problem_of(points)
    choice = method_named(name).choose(points, problem)
    json.dumps(choice.report)
    json.dumps(choice.fit(points, problem).report)
    held, fold = choice.withheld[0], problem.folds[0]
    assert held.values.shape == held.standard_error.shape == (fold.asked.sum(),)
    assert np.isfinite(held.values).all()


@pytest.mark.parametrize("name", [*NETWORKS, "knr", "dip"])
def test_hidden_values_play_no_part(name):
    points, _ = image()
    garbage = replace(points, values=np.where(points.observed, points.values, 1e6))
    problem = problem_of(points)
    method = method_named(name)
    first, second = (
        method.choose(p, problem).fit(p, problem).predict(p) for p in (points, garbage)
    )
    gaps = problem.wanted
    np.testing.assert_array_equal(first.values[gaps], second.values[gaps])
    np.testing.assert_array_equal(first.standard_error[gaps], second.standard_error[gaps])


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_predict_other_places(name):
    points, _ = scattered()
    problem = problem_of(points, folds=0)
    fitted = method_named(name).choose(points, problem).fit(points, problem)
    rows = np.arange(7)
    found = fitted.predict(points.bare(rows))
    np.testing.assert_allclose(found.values, fitted.predict(points).values[:7], atol=1e-4)
    assert np.isnan(found.standard_error).all()


def test_withheld_samples_end_the_training_of_noise():
    """A network that could learn noise by heart is stopped before it does."""
    rng = np.random.default_rng(5)
    points, _ = scattered()
    noise = points.with_values(rng.normal(size=points.values.shape))
    problem = problem_of(noise)
    report = SirenMethod().choose(noise, problem).report
    assert report["steps"] < report["settings"]["steps"]
    assert 0.9 < report["withheld_rmse"] < 1.5


def test_settings_that_fit_better_are_chosen():
    points, _ = scattered()
    problem = problem_of(points)
    report = WireMethod().choose(points, problem).report
    best = min(report["alternatives"].values())
    changed = {key.split("=")[0]: key for key, value in report["alternatives"].items()}
    assert best <= report["alternatives"]["start"]
    assert changed.keys() >= {"start", "omega", "scale", "rate"}


def test_the_rate_falls_as_it_is_told():
    import torch

    weight = torch.nn.Parameter(torch.zeros(1))
    seen = []

    def loss():
        seen.append(float(weight.detach()))
        return weight.sum()

    train([weight], loss, Schedule(steps=10, stop=4, rate=1.0, fall=0.1))
    rates = -np.diff([*seen, float(weight.detach())])
    np.testing.assert_allclose(rates, 0.1 ** (np.arange(4) / 10), rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("knr", KNeighborsRegressor(3)),
        ("dt", DecisionTreeRegressor(random_state=0)),
        ("rf", RandomForestRegressor(random_state=0)),
    ],
)
def test_regressors_are_scikit_learns(name, model):
    points, _ = scattered()
    whole = points.with_observed(np.repeat(points.observed.all(axis=1)[:, None], 3, axis=1))
    problem = problem_of(whole)
    found = method_named(name).choose(whole, problem).fit(whole, problem).predict(whole)
    known = whole.observed.all(axis=1)
    place, value = whole.coordinates[known], whole.values[known]
    model.fit((place - place.mean(0)) / place.std(0), (value - value.mean(0)) / value.std(0))
    asked = (whole.coordinates[~known] - place.mean(0)) / place.std(0)
    expected = model.predict(asked) * value.std(0) + value.mean(0)
    np.testing.assert_allclose(found.values[~known], expected, rtol=1e-6)


def test_dip_paints_time_steps_as_bands():
    points, truth = image(share=1.1)
    steps = PointSet(
        np.concatenate([np.insert(points.coordinates, 0, t, axis=1) for t in range(3)]),
        truth.T.reshape(-1, 1),
        np.ones((3 * len(points), 1), dtype=bool),
        (Axis("time", AxisKind.TIME), *points.axes),
        (Channel("a"),),
        Lattice(("time", "row", "column"), (3, 16, 20), np.arange(3 * len(points)), (1, 2), (0,)),
    )
    problem = problem_of(steps, task=Task.DENOISING, folds=0)
    found = DipMethod().choose(steps, problem).fit(steps, problem).predict(steps).values
    single = problem_of(points, task=Task.DENOISING, folds=0)
    bands = DipMethod().choose(points, single).fit(points, single).predict(points).values
    correlation = np.corrcoef(found[:, 0], truth.T.ravel())[0, 1]
    assert correlation > 0.9
    assert np.corrcoef(bands[:, 2], truth[:, 2])[0, 1] > 0.9


def test_dip_refuses_what_is_no_image():
    points, _ = scattered()
    with pytest.raises(RequestError, match=r"--method dip paints images and was given scattered"):
        DipMethod().choose(points, problem_of(points))
    thin, _ = image(3, 40)
    with pytest.raises(RequestError, match="at least 4 x 4"):
        DipMethod().choose(thin, problem_of(thin))


def test_bm3d_refuses_gaps_points_and_a_missing_package(monkeypatch):
    points, _ = image(share=1.1)
    method = method_named("subspace-bm3d")
    with pytest.raises(RequestError, match="fills no gaps"):
        method.choose(points, problem_of(points))
    noisy = problem_of(points, task=Task.DENOISING)
    with pytest.raises(RequestError, match="needs a grid of rows and columns"):
        method.choose(replace(points, lattice=None), noisy)
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(RequestError, match=r"pip install 'sinr-geo\[peers\]'"):
        method.choose(points, noisy)


def test_the_subspace_is_denoised_image_by_image():
    """With a denoiser that changes nothing, what is left is the projection on the subspace."""
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(12, 12, 2)) @ rng.normal(size=(2, 8)) * 5.0
    sigma = np.linspace(0.5, 1.5, 8)
    cube = signal + sigma * rng.normal(size=signal.shape)
    levels = []

    def nothing(picture, level):
        levels.append((picture.shape, level))
        return picture

    found, rank = denoised(cube, sigma, nothing)
    assert levels == [((12, 12), 1.0)] * rank
    rows = cube.reshape(-1, 8)
    mean = rows.mean(axis=0)
    _, _, vectors = np.linalg.svd((rows - mean) / sigma)
    plane = vectors[:rank].T @ vectors[:rank]
    expected = (rows - mean) / sigma @ plane * sigma + mean
    np.testing.assert_allclose(found.reshape(-1, 8), expected, atol=1e-8)


@pytest.mark.skipif(importlib.util.find_spec("bm3d") is None, reason="bm3d is not installed")
def test_subspace_bm3d_removes_noise():
    points, truth = image(24, 24, share=1.1, noise=0.3)
    problem = problem_of(points, task=Task.DENOISING, folds=1)
    found = method_named("subspace-bm3d").choose(points, problem).fit(points, problem)
    values = found.predict(points).values
    assert np.sqrt(np.mean((values - truth) ** 2)) < 0.15


def test_baselines_are_named_and_load_no_torch_before_they_are_asked_for():
    assert set(BASELINES) == {*NETWORKS, *REGRESSORS, "dip", "subspace-bm3d"}
    code = "import sys, sinr_geo.methods.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_complex_parameter_counts_as_two():
    points, _ = scattered()
    problem = problem_of(points, folds=0)
    report = WireMethod().choose(points, problem).fit(points, problem).report
    w = int(32 / np.sqrt(2.0))
    real = 2 * w + w + 2 * (3 * (w * w + w) + w * 3 + 3)
    assert report["parameters"] == real


@pytest.mark.parametrize("name", ["siren", "knr", "sinr-paper"])
def test_what_was_withheld_of_noisy_data_is_no_error_of_the_field(name):
    points, _ = image(8, 10, share=1.0, noise=0.3)
    problem = problem_of(points, task=Task.DENOISING)
    found = method_named(name).choose(points, problem).fit(points, problem).predict(points)
    assert np.isfinite(found.values).all()
    assert np.isnan(found.standard_error).all()
