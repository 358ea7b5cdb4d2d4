"""Weights of a stack, against a general optimiser and what a user would expect of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from scipy.optimize import minimize

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.stack import FittedStack, Stack
from sinr_geo.points import PointSet
from sinr_geo.recovery import Prediction
from sinr_geo.stacked_error import Signs, StackedError
from sinr_geo.stacking import channel_weights, simplex_weights

EQUAL = np.full(3, 1.0 / 3.0)


def members(noise, size=2_000, seed=1):
    """A truth (m,) and members (m, q) that miss it by independent noise."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal(size)
    return truth[:, None] + noise * rng.standard_normal((size, len(noise))), truth


def test_weights_minimise_the_ridge_problem_on_the_simplex():
    predictions, truth = members(np.array([0.4, 0.5, 0.6]))
    error = ((predictions - truth[:, None]) ** 2).mean(axis=0).min()

    def loss(weights):
        fit = np.mean((predictions @ weights - truth) ** 2) / error
        return fit + 0.25 * np.sum((weights - EQUAL) ** 2)

    constraint = {"type": "eq", "fun": lambda w: w.sum() - 1.0}
    best = minimize(loss, EQUAL, bounds=[(0, 1)] * 3, constraints=constraint, tol=1e-12).x
    np.testing.assert_allclose(simplex_weights(predictions, truth, EQUAL), best, atol=1e-4)


def test_a_useless_member_is_dropped_and_the_others_add_up_to_one():
    predictions, truth = members(np.array([0.3, 0.3, 30.0]))
    weights = simplex_weights(predictions, truth, EQUAL)
    assert weights[2] == 0.0
    assert weights.sum() == pytest.approx(1.0)
    assert (weights[:2] > 0.4).all()


def test_few_samples_leave_weights_near_equal_where_members_are_alike():
    predictions, truth = members(np.array([0.3, 0.3, 0.3]), size=40)
    assert np.abs(simplex_weights(predictions, truth, EQUAL) - EQUAL).max() < 0.3


def test_large_values_do_not_spoil_the_weights():
    predictions, truth = members(np.array([0.4, 0.5, 0.6]))
    moved = simplex_weights(predictions + 1e6, truth + 1e6, EQUAL)
    np.testing.assert_allclose(moved, simplex_weights(predictions, truth, EQUAL), atol=1e-3)


def test_channels_that_differ_get_weights_of_their_own_if_they_have_samples():
    rng = np.random.default_rng(2)
    truth = rng.standard_normal(4_000)
    channel = np.repeat([0, 1], 2_000)
    noise = np.where(channel[:, None] == 0, [0.1, 1.0], [1.0, 0.1])
    predictions = truth[:, None] + noise * rng.standard_normal((4_000, 2))
    weights = channel_weights(predictions, truth, channel, 2)
    assert weights[0, 0] > 0.8
    assert weights[1, 1] > 0.8
    few = np.flatnonzero(channel == 1)[:50]
    rows = np.concatenate((np.flatnonzero(channel == 0), few))
    shared = channel_weights(predictions[rows], truth[rows], channel[rows], 2)
    assert shared[1, 0] > 0.5


def test_channels_that_nothing_tells_of_have_the_weights_that_all_share():
    predictions, truth = members(np.array([0.3, 0.6, 0.9]))
    shared = simplex_weights(predictions, truth, EQUAL)
    weights = channel_weights(predictions, truth, np.ones(len(truth), dtype=int), 3)
    np.testing.assert_allclose(weights[[0, 2]], [shared, shared])
    nothing = channel_weights(predictions[:0], truth[:0], np.empty(0, dtype=int), 2)
    np.testing.assert_allclose(nothing, 1.0 / 3.0)


def folds(size):
    """Four folds, entry by entry."""
    return np.arange(size) % 4


def signs_and_errors(size, seed=0):
    """Errors whose spread is a product of powers of the signs: 1, 1/2 and 0.3.

    Seen from one side they are exp(1.2) times as large as in the middle.
    """
    rng = np.random.default_rng(seed)
    own, apart, rough = np.exp(rng.standard_normal((3, size)))
    one_sided = rng.random(size)
    spread = 0.7 * own * np.sqrt(apart) * rough**0.3 * np.exp(1.2 * one_sided)
    signs = Signs(own, apart, rough, one_sided, np.zeros(size), np.zeros(size, dtype=int))
    return signs, spread * rng.standard_normal(size)


def test_the_law_of_the_error_is_found_and_intervals_hold_on_other_samples():
    signs, errors = signs_and_errors(20_000)
    law = StackedError.fit(signs, errors, folds(len(signs.level)), 1)
    np.testing.assert_allclose(law.slope, [1.0, 0.5, 0.3, 1.2], atol=0.05)
    others, missed = signs_and_errors(20_000, seed=1)
    ratio = np.abs(missed) / law(others)
    assert np.mean(ratio < 1.96) == pytest.approx(0.95, abs=0.01)
    assert np.mean(ratio < 1.0) == pytest.approx(0.683, abs=0.02)


def test_a_few_errors_that_nothing_foretells_do_not_rule_the_law():
    signs, errors = signs_and_errors(20_000)
    surest = np.argsort(signs.standard_error)[:100]
    errors[surest] *= 1_000.0
    law = StackedError.fit(signs, errors, folds(len(signs.level)), 1)
    np.testing.assert_allclose(law.slope, [1.0, 0.5, 0.3, 1.2], atol=0.15)


def test_where_most_errors_are_nothing_the_others_make_the_law():
    signs, errors = signs_and_errors(20_000)
    dry = np.random.default_rng(9).random(20_000) < 0.8
    law = StackedError.fit(signs, np.where(dry, 0.0, errors), folds(len(signs.level)), 1)
    np.testing.assert_allclose(law.slope, [1.0, 0.5, 0.3, 1.2], atol=0.1)


def test_beyond_what_was_withheld_one_sidedness_counts_no_more():
    signs, errors = signs_and_errors(20_000)
    seen = signs.at(signs.one_sidedness < 0.5)
    law = StackedError.fit(seen, errors[signs.one_sidedness < 0.5], folds(len(seen.level)), 1)
    at = [replace(signs, one_sidedness=np.full(20_000, value)) for value in (0.2, 0.5, 1.0)]
    np.testing.assert_allclose(law(at[2]), law(at[1]), rtol=1e-3)
    np.testing.assert_allclose(law(at[1]) / law(at[0]), np.exp(0.3 * 1.2), rtol=0.1)


def test_with_few_samples_the_members_own_error_is_scaled():
    signs, errors = signs_and_errors(100)
    law = StackedError.fit(signs, errors, folds(len(signs.level)), 1)
    twice = replace(signs, standard_error=2.0 * signs.standard_error)
    np.testing.assert_allclose(law(twice), 2.0 * law(signs))


def test_three_lucky_errors_do_not_make_intervals_narrow():
    signs, errors = signs_and_errors(3)
    law = StackedError.fit(signs, 0.001 * errors, folds(len(signs.level)), 1)
    assert (law(signs) > 0.3 * signs.standard_error).all()


def test_a_channel_with_larger_errors_gets_wider_intervals():
    signs, errors = signs_and_errors(4_000)
    channel = np.arange(4_000) % 2
    both = replace(signs, channel=channel)
    law = StackedError.fit(
        both, np.where(channel == 1, 3.0, 1.0) * errors, folds(len(signs.level)), 2
    )
    other = replace(signs, channel=1 - channel)
    ratio = np.where(channel == 0, law(other) / law(both), law(both) / law(other))
    assert np.median(ratio) == pytest.approx(3.0, rel=0.15)


def test_nothing_withheld_leaves_the_members_errors_as_they_are():
    nothing = np.empty(0)
    none = np.empty(0, dtype=int)
    law = StackedError.fit(Signs(*[nothing] * 5, none), nothing, none, 1)
    one = Signs(*np.array([[0.5], [0.1], [0.2], [0.7], [0.0]]), np.zeros(1, dtype=int))
    assert law(one) == pytest.approx(0.5)


def test_nothing_is_learned_from_a_sign_that_never_varies():
    signs, errors = signs_and_errors(2_000)
    alike = replace(signs, disagreement=np.zeros(2_000))
    law = StackedError.fit(alike, errors, folds(len(signs.level)), 1)
    apart = replace(signs, disagreement=np.full(2_000, 0.3))
    np.testing.assert_allclose(law(apart), law(alike))


def test_heavy_tails_are_missed_at_both_levels_in_proportion_to_their_tolerances():
    rng = np.random.default_rng(3)
    alike = np.ones(50_000)
    signs = Signs(*[alike] * 5, np.zeros(50_000, dtype=int))
    law = StackedError.fit(signs, rng.standard_t(3, 50_000), folds(50_000), 1)
    ratio = np.abs(rng.standard_t(3, 50_000)) / law(signs)
    too_many = np.mean(ratio < 1.0) - 0.683
    too_few = 0.95 - np.mean(ratio < 1.96)
    assert too_few > 0.0
    assert too_many / too_few == pytest.approx(3.0 / 2.0, rel=0.25)


def test_errors_that_depend_on_the_predicted_value_get_intervals_that_hold_for_low_and_high_ones():
    def case(seed, size=8_000):
        rng = np.random.default_rng(seed)
        level = rng.uniform(-2.0, 2.0, size)
        signs = Signs(*np.full((4, size), 0.5), level, np.zeros(size, dtype=int))
        return signs, np.where(level > 1.0, 3.0, 0.5) * rng.standard_normal(size)

    law = StackedError.fit(*case(0), folds(8_000), 1)
    signs, errors = case(1)
    for part in (signs.level > 1.1, signs.level < 0.9):
        held = np.mean((np.abs(errors) / law(signs))[part] < 1.96)
        assert held == pytest.approx(0.95, abs=0.02)
    assert law.as_dict()["gain_of_boosted_trees"] > 0.1


def test_what_differs_between_folds_alone_is_not_learned():
    rng = np.random.default_rng(4)
    fold = np.repeat(np.arange(4), 1_000)
    level = fold + 0.1 * rng.standard_normal(4_000)
    signs = Signs(*np.full((4, 4_000), 0.5), level, np.zeros(4_000, dtype=int))
    errors = np.array([0.2, 3.0, 0.3, 2.0])[fold] * rng.standard_normal(4_000)
    assert StackedError.fit(signs, errors, fold, 1).boosted is None


def widened(errors, signs, fold):
    """By how much the law is wider for knowing which fold each entry was withheld in."""
    alike = np.zeros(len(errors), dtype=int)
    ratio = [StackedError.fit(signs, errors, f, 1).scale for f in (fold, alike)]
    return float(ratio[0][0] / ratio[1][0])


def test_a_law_learned_from_few_entries_is_wider_by_what_it_misses_of_other_folds():
    few, many = [], []
    for seed in range(20):
        signs, _ = signs_and_errors(280, seed=seed)
        few.append(widened(np.random.default_rng(seed).standard_normal(280), signs, folds(280)))
    for seed in range(4):
        signs, errors = signs_and_errors(8_000, seed=seed)
        many.append(widened(errors, signs, folds(8_000)))
    assert np.mean(few) > 1.008
    assert min(few) >= 1.0
    assert np.mean(many) < 1.003


def test_where_most_errors_are_nothing_no_interval_grows_by_more_than_a_quarter():
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        signs, _ = signs_and_errors(1_200, seed=seed)
        errors = np.where(rng.random(1_200) < 0.7, 0.0, rng.standard_t(2, 1_200))
        found.append(widened(errors, signs, folds(1_200)))
    assert max(found) == pytest.approx(1.25)


def test_a_channel_with_a_scale_of_its_own_does_not_widen_the_others():
    signs, errors = signs_and_errors(620)
    channel = (np.arange(620) >= 400).astype(int)
    both = replace(signs, channel=channel)
    errors = np.where(channel == 1, 3.0, 1.0) * errors
    laws = [StackedError.fit(both, errors, fold, 2) for fold in (folds(620), np.zeros(620, int))]
    np.testing.assert_allclose(laws[0].scale / laws[1].scale, 1.0, atol=0.05)


@dataclass(frozen=True)
class Says:
    """A member that predicts the same of every point."""

    values: tuple[float, ...]
    report: dict[str, str] = field(default_factory=dict)

    def predict(self, points):
        values = np.tile(self.values, (len(points), 1))
        return Prediction(values, np.ones(values.shape))


def test_what_a_member_says_of_a_channel_where_it_has_no_weight_does_not_count():
    points = PointSet(
        np.arange(4.0)[:, None],
        np.ones((4, 2)),
        np.ones((4, 2), dtype=bool),
        (Axis("x", AxisKind.PROJECTED),),
        (Channel("a"), Channel("b")),
    )
    weights = np.array([[1.0, 0.0], [0.25, 0.75]])
    law, ones = StackedError.of_members(2), np.ones(2)
    stack = Stack({}, weights, law, ones, (), {})
    fitted = FittedStack(stack, {"one": Says((3.0, 4.0)), "other": Says((np.nan, 8.0))})
    np.testing.assert_allclose(fitted.predict(points).values, np.tile((3.0, 7.0), (4, 1)))
