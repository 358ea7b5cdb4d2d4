"""The ladder hands methods what a user would have, and scores as its README says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import r2_score

from benchmarks import ladder
from benchmarks.rungs import RUNGS, Case, cases_of
from benchmarks.scores import scores_of
from sinr_geo.methods.catalogue import BASELINES, METHODS
from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.options import Options

FAST = Options(effort=Effort.FAST)


def field(places):
    """Two smooth channels at places (n, d)."""
    x, y = places[:, 0], places[:, 1]
    return np.stack((np.sin(3.0 * x) + y, np.cos(2.0 * y) * x), axis=1)


@pytest.fixture
def rungs(tmp_path):
    """Two small rungs: scattered points, and days of a sea under clouds."""
    rng = np.random.default_rng(11)
    places = rng.random((160, 2))
    values = field(places)
    np.savez(
        tmp_path / "weather_0.4.npz",
        train_coordinates=places[:64],
        train_values=values[:64],
        test_coordinates=places[64:],
        test_values=values[64:],
    )
    mesh = np.meshgrid(
        np.arange(3.0), np.linspace(35, 36, 10), np.linspace(1, 2, 12), indexing="ij"
    )
    truth = np.sin(mesh[1] * 4.0) + mesh[2] + 0.1 * mesh[0]
    observed = truth.copy()
    for day, first in enumerate((2, 5, 7)):
        observed[day, 2:6, first : first + 4] = np.nan
    truth[2, 3, 8] = np.nan
    np.savez(
        tmp_path / "alboran_sst.npz",
        time=np.arange(3.0),
        latitude=np.linspace(35, 36, 10),
        longitude=np.linspace(1, 2, 12),
        sea=np.ones((10, 12), dtype=bool),
        observed=observed,
        truth=truth,
    )
    return tmp_path


def garbled(path, names):
    """Replace the arrays that only the judge may see."""
    with np.load(path) as arrays:
        kept = dict(arrays)
    rng = np.random.default_rng(5)
    for name in names:
        noise = 1e6 * rng.standard_normal(kept[name].shape)
        known = np.isfinite(kept[name])
        kept[name] = np.where(known, noise, kept[name])
    np.savez(path, **kept)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"sinr-steps", *BASELINES}))
def test_predictions_do_not_depend_on_test_values_bit_for_bit(rungs, method):
    predicted = []
    for hidden in ((), ("test_values",)):
        garbled(rungs / "weather_0.4.npz", hidden)
        predicted.append(ladder.predict(next(cases_of("weather", rungs)), method, FAST))
    (values, error), (again, error_again) = predicted
    np.testing.assert_array_equal(values, again)
    np.testing.assert_array_equal(error, error_again)


@pytest.mark.parametrize("method", ["auto", "sinr-bayes", "sinr-steps"])
def test_neither_do_those_on_a_grid(rungs, method):
    predicted = []
    for hidden in ((), ("truth",)):
        garbled(rungs / "alboran_sst.npz", hidden)
        predicted.append(ladder.predict(next(cases_of("alboran_sst", rungs)), method, FAST)[0])
    np.testing.assert_array_equal(*predicted)


def test_a_method_sees_no_test_value_of_any_rung():
    for rung in RUNGS:
        try:
            cases = list(cases_of(rung))
        except FileNotFoundError:
            pytest.skip("the rungs are not here; SINR_GEO_LADDER says where")
        for case in cases:
            assert np.isnan(case.points.values[~case.points.observed]).all()
            if case.task is Task.COMPLETION and case.kind != "cube":
                assert not (case.scored & case.points.observed).any()


def scattered_case(rungs) -> Case:
    return next(cases_of("weather", rungs))


def test_scores_of_points_are_those_of_the_readme(rungs):
    case = scattered_case(rungs)
    rng = np.random.default_rng(3)
    truth = np.nan_to_num(case.truth)
    error = 0.1 * rng.random(truth.shape) + 0.05
    values = truth + error * rng.standard_normal(truth.shape)
    found = scores_of(case, values, error)
    test, guess = truth[64:], values[64:]
    rmse = np.sqrt(np.mean((guess - test) ** 2, axis=0))
    assert found["nrmse"] == pytest.approx(np.mean(rmse / np.ptp(test, axis=0)))
    assert found["r2"] == pytest.approx(r2_score(test, guess))
    inside = np.abs(guess - test) < norm.ppf(0.975) * error[64:]
    assert found["coverage95"] == pytest.approx(inside.mean())


def test_crps_is_the_integral_of_the_squared_difference_of_distributions(rungs):
    case = replace(scattered_case(rungs), kind="unit")
    values = np.where(case.scored, np.nan_to_num(case.truth) + 0.3, 0.0)
    found = scores_of(case, values, np.full(values.shape, 0.5))
    x = np.linspace(-8.0, 8.0, 200_001)
    step = (norm.cdf(x, loc=0.3, scale=0.5) - (x >= 0.0)) ** 2
    assert found["crps"] == pytest.approx(np.trapezoid(step, x), rel=1e-4)


def test_only_cells_with_a_truth_count_on_grids(rungs):
    case = next(cases_of("alboran_sst", rungs))
    assert case.scored.sum() == case.wanted.sum() - 1
    assert scores_of(case, np.nan_to_num(case.truth) + 2.0, None)["rmse"] == pytest.approx(2.0)


def test_every_rung_reports_sinr_and_cubes_leave_out_what_knows_no_channel_from_another():
    assert all("sinr" in ladder.methods_for(rung, None) for rung in RUNGS)
    assert "sinr" in ladder.methods_for("weather", ["rbf"])
    assert set(ladder.methods_for("cave_noise", None)) == {"auto", "sinr-bayes", "sinr"}


def test_means_are_over_cases_metric_by_metric():
    rows = [
        ladder.Row("weather", "rbf", metric, case, score, 2.0, 100.0)
        for metric, case, score in (
            ("nrmse", "0.1", 0.2),
            ("nrmse", "0.2", 0.4),
            ("r2", "0.1", 0.9),
        )
    ]
    mean = {row.metric: row for row in ladder.means(rows)}
    assert mean["nrmse"].score == pytest.approx(0.3)
    assert mean["r2"].case == "mean"


def test_a_case_that_failed_leaves_no_mean_and_status_1(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(ladder, "FOLDER", tmp_path)
    monkeypatch.setattr(ladder, "cases_of", lambda rung: [Named("0.1"), Named("0.2")])

    def in_a_process(rung, name, method, options):
        return [ladder.Row(rung, method, "nrmse", name, 0.1, 1.0, 1.0)] if name == "0.1" else []

    monkeypatch.setattr(ladder, "in_a_process", in_a_process)
    assert ladder.main(["weather", "--methods", "rbf"]) == 1
    assert "mean" not in capsys.readouterr().out


@dataclass(frozen=True)
class Named:
    name: str


def test_unknown_rungs_and_methods_are_one_sentence_and_status_2(capsys):
    for arguments in (["everest"], ["weather", "--methods", "magic"]):
        with pytest.raises(SystemExit) as stopped:
            ladder.main(arguments)
        assert stopped.value.code == 2
        assert "there is no" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["weather"], ["weather", "--methods", "auto,sinr"], []])
def test_one_case_is_run_by_one_method(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        ladder.main([*arguments, "--case", "0.1"])
    assert stopped.value.code == 2
    assert "one rung and one method" in capsys.readouterr().err


def test_a_case_that_is_not_there_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(ladder, "FOLDER", tmp_path)
    monkeypatch.setattr(ladder, "cases", lambda rung: iter((Named("a"),)))
    with pytest.raises(SystemExit, match="weather has no case 'b'"):
        ladder.main(["weather", "--methods", "nearest", "--case", "b"])
