"""`evaluate`: what is withheld, what the scores are, and what is said."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import sinr_geo
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.coordinates import Embedding
from sinr_geo.errors import NothingToDoError, RequestError
from sinr_geo.evaluation import LayerEvaluation, MethodScore
from sinr_geo.median_blocks import median_blocks
from sinr_geo.methods.catalogue import METHODS
from sinr_geo.methods.protocol import HeldOut
from sinr_geo.nearest import inverse_distance, nearest_distance
from sinr_geo.points import Lattice, PointSet
from sinr_geo.recovery import Prediction
from sinr_geo.skill import ChannelSkill, Skill, chance_of_difference, gaussian_crps
from sinr_geo.withholding import withhold_pieces


@dataclass(frozen=True)
class Copying:
    """Copies the mean of some nearest entries, moved by a bias; remembers what it was given."""

    name: str
    neighbours: int
    bias: float = 0.0
    given: ClassVar[list[tuple[str, PointSet]]] = []

    def choose(self, points, problem):
        Copying.given.append((self.name, points))
        return ChosenCopying(self, tuple(self._held(points, fold) for fold in problem.folds))

    def _held(self, points, fold):
        return HeldOut.of(fold, *self.predicted(fold.train(points)))

    def predicted(self, points):
        place = Embedding.fit(points)(points.coordinates)
        found = inverse_distance(place, points.values, points.observed, self.neighbours)
        return found + self.bias, np.full(found.shape, 0.1)


@dataclass(frozen=True)
class ChosenCopying:
    method: Copying
    withheld: tuple[HeldOut, ...]
    report: Any = None

    def fit(self, points, problem):
        return replace(self, report={"method": self.method.name})

    def predict(self, points):
        return Prediction(*self.method.predicted(points))


class Refusing:
    name = "refusing"

    def choose(self, points, problem):
        raise RequestError("it does not suit this data")


@pytest.fixture(autouse=True)
def methods(monkeypatch):
    """Three cheap methods, and one that refuses."""
    module = ModuleType("copying_methods")
    module.Close = lambda: Copying("auto", 4)
    module.One = lambda: Copying("kriging", 1)
    module.Off = lambda: Copying("sinr", 4, 3.0)
    module.Refusing = Refusing
    monkeypatch.setitem(sys.modules, "copying_methods", module)
    for name in reversed(list(METHODS)):  # put back from the last, so in their order
        monkeypatch.delitem(METHODS, name)
    for name, made in (("auto", "Close"), ("kriging", "One"), ("sinr", "Off")):
        monkeypatch.setitem(METHODS, name, f"copying_methods:{made}")
    Copying.given.clear()


def grid(missing, *, noise=0.3, shape=(40, 50)):
    row, column = np.indices(shape)
    noise = noise * np.random.default_rng(1).standard_normal(shape)
    values = (np.sin(row / 6.0) + np.cos(column / 7.0) + noise).reshape(-1, 1)
    observed = ~np.asarray(missing).reshape(-1, 1)
    axes = (Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m"))
    return PointSet(
        np.stack((row.ravel(), column.ravel()), axis=1).astype(float),
        np.where(observed, values, np.nan),
        observed,
        axes,
        (Channel("height", "m"),),
        Lattice(("y", "x"), shape, np.arange(row.size), (0, 1)),
    )


def holes(shape=(40, 50)):
    missing = np.zeros(shape, dtype=bool)
    missing[5:14, 6:16] = missing[22:32, 30:41] = True
    return missing


def test_the_better_method_wins_and_the_scores_are_those_of_the_errors(memory_file):
    points = grid(holes())
    path, _ = memory_file(points)
    (layer,) = sinr_geo.evaluate(path).layers
    assert [score.method for score in layer.scores] == ["auto", "kriging", "sinr"]
    pieces = withhold_pieces(points, ~points.observed, 0).entries
    left = points.with_observed(points.observed & ~pieces)
    error = (Copying("", 4).predicted(left)[0] - points.values)[pieces]
    skill = layer.scores[0].skill
    assert layer.withheld == pieces.sum() == skill.channels[0].samples
    assert skill.channels[0].rmse == pytest.approx(np.sqrt((error**2).mean()))
    spread = points.values[points.observed].std()
    assert skill.rmse_sd == pytest.approx(np.sqrt((error**2).mean()) / spread)
    assert skill.within_95 == pytest.approx(np.mean(np.abs(error) <= 0.196))
    assert layer.scores[2].p_value < 1e-6


def test_no_method_sees_a_withheld_sample(memory_file):
    points = grid(holes())
    path, _ = memory_file(points)
    sinr_geo.evaluate(path)
    pieces = withhold_pieces(points, ~points.observed, 0).entries
    assert len(Copying.given) == 3
    for _, given in Copying.given:
        assert not (given.observed & pieces).any()
        assert np.isnan(given.values[pieces]).all()


def test_withheld_pieces_are_like_the_gaps():
    points = grid(holes())
    pieces = withhold_pieces(points, ~points.observed, 0)
    assert "shaped like its gaps" in pieces.how
    assert (pieces.entries <= points.observed).all()
    place = Embedding.fit(points)(points.coordinates)
    depth = nearest_distance(place, points.observed & ~pieces.entries, pieces.entries)
    of_gaps = nearest_distance(place, points.observed)
    ratio = np.median(depth[pieces.entries]) / np.median(of_gaps[~points.observed])
    assert 0.5 < ratio < 2.0


def test_without_gaps_scattered_samples_and_patches_are_withheld():
    points = grid(np.zeros((40, 50), dtype=bool))
    pieces = withhold_pieces(points, ~points.observed, 3)
    assert 0.14 <= pieces.entries.mean() < 0.31
    assert "round patches" in pieces.how
    place = Embedding.fit(points)(points.coordinates)
    depth = nearest_distance(place, ~pieces.entries, pieces.entries)[pieces.entries]
    assert np.mean(depth <= 1.0) > 0.2
    assert depth.max() > 1.5


def test_few_gaps_are_moved_until_there_is_enough_to_score_on():
    missing = np.zeros((40, 50), dtype=bool)
    missing[10:13, 20:23] = True
    points = grid(missing)
    assert withhold_pieces(points, ~points.observed, 0).entries.sum() > 5 * missing.sum()


def test_a_large_file_is_looked_at_in_parts(memory_file):
    missing = np.random.default_rng(0).random((260, 250)) < 0.2
    path, _ = memory_file(grid(missing, shape=(260, 250)))
    found = sinr_geo.evaluate(path, methods=["kriging"], effort="fast")
    (layer,) = found.layers
    assert layer.points == 65_000
    assert layer.points_used <= 50_000
    assert layer.findings[0].startswith(f"looked at {layer.points_used:,} of 65,000 points")


def test_a_method_that_cannot_is_named_and_the_others_are_scored(memory_file, monkeypatch):
    monkeypatch.setitem(METHODS, "rbf", "copying_methods:Refusing")
    path, _ = memory_file(grid(holes()))
    (layer,) = sinr_geo.evaluate(path).layers
    assert dict(layer.failed) == {"rbf": "it does not suit this data"}
    assert len(layer.scores) == 3
    assert "rbf could not be tried: it does not suit this data" in layer.findings
    with pytest.raises(NothingToDoError, match="does not suit"):
        sinr_geo.evaluate(path, methods=["rbf"])


def test_unknown_methods_are_refused(memory_file):
    path, _ = memory_file(grid(holes()))
    with pytest.raises(RequestError, match="magic"):
        sinr_geo.evaluate(path, methods=["auto", "magic"])
    with pytest.raises(RequestError, match="no method"):
        sinr_geo.evaluate(path, methods=[])


def test_the_result_is_json_and_the_same_for_the_same_seed(memory_file):
    path, _ = memory_file(grid(holes()))

    def told(seed):
        layer = sinr_geo.evaluate(path, seed=seed).as_dict()["layers"][0]
        for score in layer["scores"]:
            del score["seconds"]
        return json.dumps(layer, allow_nan=False)

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_crps_is_the_integral_of_its_definition():
    for error, sd in ((0.3, 1.0), (-2.0, 0.5), (0.0, 2.0)):
        integral, _ = quad(
            lambda y, e=error, s=sd: (norm.cdf(y, e, s) - (y >= 0)) ** 2, -20, 20, points=[0, error]
        )
        assert gaussian_crps(np.array([error]), np.array([sd]))[0] == pytest.approx(integral)
    assert gaussian_crps(np.array([-1.5]), np.zeros(1))[0] == 1.5


def test_a_skill_without_standard_errors_has_no_intervals():
    error = np.array([1.0, -1.0])
    skill = Skill.of(error, np.full(2, np.nan), np.zeros(2, int), [Channel("a")], np.ones(1))
    assert (skill.rmse_sd, skill.crps_sd, skill.within_95) == (1.0, None, None)


def test_differences_of_correlated_errors_are_not_taken_for_sure():
    rng = np.random.default_rng(0)
    place = np.stack(np.indices((40, 40)), axis=-1).reshape(-1, 2).astype(float)
    tiles = (place // 10).astype(int) @ np.array([4, 1])
    false_alarms = np.mean(
        [
            chance_of_difference(place, rng.standard_normal(16)[tiles], np.zeros(1600)) < 0.05
            for _ in range(300)
        ]
    )
    assert 0.01 < false_alarms < 0.12
    assert chance_of_difference(place, rng.random(1600) + 0.2, rng.random(1600)) < 0.01
    assert chance_of_difference(place[:10], np.ones(10), np.zeros(10)) == 1.0


def test_blocks_are_equal_and_compact():
    place = np.random.default_rng(0).random((1000, 2)) * [4.0, 1.0]
    block = median_blocks(place, 3)
    assert set(np.bincount(block)) == {125}
    assert np.ptp(place[block == 0], axis=0).max() < 1.5


def evaluation(*scores, **changes):
    """An evaluation of methods with (name, rmse, p-value) of one channel."""
    made = tuple(
        MethodScore(
            name,
            1.0,
            Skill(
                rmse, 0.1, 0.94, 0.7, (ChannelSkill("sst", "K", 9, 2 * rmse, rmse, 0.2, 0.9, 0.7),)
            ),
            p,
        )
        for name, rmse, p in scores
    )
    told = LayerEvaluation("layer", 100, 100, 90, 9, "by a rule", made)
    return replace(told, **changes).findings


def test_findings_when_auto_wins():
    found = evaluation(("auto", 0.5, 1.0), ("sinr-bayes", 0.52, 0.3), ("rbf", 0.625, 0.01))
    assert found == (
        "withheld 9 of 90 observed samples (10%), by a rule; no method saw them",
        "auto has the smallest error on this file, 1 K (0.5 standard deviations), 3.8% below "
        "sinr-bayes, which chance alone may do (p = 0.3)",
        "the best peer is rbf, with 1.25 K (0.625 standard deviations): auto is 20.0% below it",
        "the intervals of auto hold 94.0% of the withheld samples where they should hold 95 %, "
        "and 70.0% where they should hold 68 %",
    )


def test_findings_name_the_option_when_a_peer_wins():
    found = evaluation(("rbf", 0.4, 1.0), ("auto", 0.5, 0.01))
    assert found[1] == (
        "rbf has the smallest error on this file, 0.8 K (0.4 standard deviations), 20.0% below "
        "auto: --method rbf uses it"
    )


def test_findings_do_not_send_people_after_chance():
    found = evaluation(("rbf", 0.49, 1.0), ("auto", 0.5, 0.4))
    assert found[1].endswith("which chance alone may do (p = 0.4): no reason to leave auto")


def test_without_auto_the_winner_is_compared_with_the_next():
    found = evaluation(("rbf", 0.4, 1.0), ("kriging", 0.5, 0.001), ("trees", 0.6, 0.001))
    assert found[1].endswith("20.0% below kriging: --method rbf uses it")


def test_the_file_and_its_missingness_are_told(memory_file):
    missing = np.random.default_rng(2).random((60, 70)) < 0.02
    points = grid(missing, noise=0.05, shape=(60, 70))
    place = points.coordinates
    away = nearest_distance(place, ~points.observed, points.observed)
    points = points.with_values(points.values + 2.0 * np.exp(-away / 2.0))
    path, _ = memory_file(points)
    (layer,) = sinr_geo.evaluate(path, methods=["kriging"]).layers
    assert "--correct-missingness" in layer.findings[-1]


@pytest.mark.parametrize("observed", [0, 1])
def test_too_little_to_withhold_is_said_in_words(observed):
    missing = np.ones((20, 25), dtype=bool)
    missing.flat[:observed] = False
    points = grid(missing, shape=(20, 25))
    with pytest.raises(NothingToDoError, match="too little was observed"):
        withhold_pieces(points, ~points.observed, 0)
