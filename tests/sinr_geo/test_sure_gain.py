"""A gain on withheld samples counts by the pieces of space that it comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as students_t
from sklearn.metrics import root_mean_squared_error

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.folds import Fold, gap_folds
from sinr_geo.gaussian.search import search
from sinr_geo.kriging import choose
from sinr_geo.kriging.choose import choose_field
from sinr_geo.kriging.field import Ground
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.kriging.space import Space
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.methods.rbf import RbfMethod
from sinr_geo.pieces_of_space import pieces_of_space
from sinr_geo.points import Lattice, PointSet
from sinr_geo.sure_gain import PieceErrors

SIDE = 60


def drawn(seed, pieces=30, each=20, channels=2):
    """Return errors (m, channels) of two settings, alike within a piece, and the pieces (m,)."""
    rng = np.random.default_rng(seed)
    piece = np.repeat(np.arange(pieces), each)
    shared = rng.normal(size=(pieces, channels))[piece]
    first = shared + 0.3 * rng.normal(size=(piece.size, channels))
    second = 0.8 * shared + 0.3 * rng.normal(size=(piece.size, channels))
    return first, second, piece


def test_the_score_is_the_root_mean_square_over_channels():
    errors, _, piece = drawn(0)
    by_channel = [root_mean_squared_error(np.zeros(len(e)), e) for e in errors.T]
    found = PieceErrors.of(errors, piece)
    np.testing.assert_allclose([float(found.channel(j)) for j in range(2)], by_channel)
    assert float(found) == pytest.approx(np.sqrt(np.mean(np.square(by_channel))))


def test_the_standard_error_is_that_of_drawing_pieces_again():
    first, second, piece = drawn(1, pieces=60)
    before, after = PieceErrors.of(first, piece), PieceErrors.of(second, piece)
    gain = float(before) ** 2 - float(after) ** 2
    rng = np.random.default_rng(2)
    gains = []
    for _ in range(2_000):
        which = rng.integers(0, 60, 60)
        rows = np.concatenate([np.flatnonzero(piece == one) for one in which])
        gains.append(float(np.mean(first[rows] ** 2) - np.mean(second[rows] ** 2)))
    assert gain - after.sure_gain(before) == pytest.approx(
        students_t.ppf(0.95, 59) * np.std(gains), rel=0.1
    )


def test_pieces_of_unequal_size_and_samples_that_were_not_predicted():
    rng = np.random.default_rng(8)
    piece = np.repeat(np.arange(4), (1, 2, 5, 9))
    errors = rng.normal(size=(2, piece.size, 2))
    errors[:, piece == 2, 1] = np.nan
    gain, drawn = 0.0, np.zeros(4)
    for channel in range(2):
        told = np.isfinite(errors[0, :, channel])
        means = (errors[:, told, channel] ** 2).mean(axis=1)
        gain += (means[0] - means[1]) / 2
        for one in range(4):
            here = errors[:, told & (piece == one), channel] ** 2
            apart = (here - means[:, None]).sum(axis=1) / told.sum()
            drawn[one] += (apart[0] - apart[1]) / 2
    expected = gain - students_t.ppf(0.95, 3) * np.sqrt(4 / 3 * (drawn**2).sum())
    before, after = (PieceErrors.of(one, piece) for one in errors)
    assert after.sure_gain(before) == pytest.approx(expected)


def test_more_samples_of_the_same_pieces_make_no_gain_surer():
    first, second, piece = drawn(3)
    once = PieceErrors.of(second, piece).sure_gain(PieceErrors.of(first, piece))
    twice = [np.tile(errors, (2, 1)) for errors in (second, first)]
    pieces = np.tile(piece, 2)
    again = PieceErrors.of(twice[0], pieces).sure_gain(PieceErrors.of(twice[1], pieces))
    assert again == pytest.approx(once)


def test_a_gain_in_one_piece_alone_is_not_believed():
    first, _, piece = drawn(4)
    second = np.where((piece == 7)[:, None], 0.0, first)
    before, after = PieceErrors.of(first, piece), PieceErrors.of(second, piece)
    assert float(after) < float(before)
    assert not after.clearly_better(before)


def test_the_same_gain_everywhere_is_believed():
    first, _, piece = drawn(5)
    after, before = PieceErrors.of(0.99 * first, piece), PieceErrors.of(first, piece)
    assert after.clearly_better(before)
    assert not before.clearly_better(after)


def test_nothing_is_believed_where_all_lies_in_one_piece():
    first, second, _ = drawn(6)
    whole = np.zeros(len(first), dtype=int)
    before, after = PieceErrors.of(first, whole), PieceErrors.of(second, whole)
    assert not after.clearly_better(before)
    assert not before.clearly_better(after)


def test_settings_that_predict_nothing_are_never_better():
    errors, _, piece = drawn(7)
    nothing = PieceErrors.of(np.full_like(errors, np.nan), piece)
    something = PieceErrors.of(errors, piece)
    assert np.isnan(float(nothing))
    assert not nothing.clearly_better(something)
    assert something.clearly_better(nothing)


@given(st.integers(0, 1_000))
def test_the_order_of_samples_and_the_names_of_pieces_do_not_matter(seed):
    first, second, piece = drawn(seed, pieces=5, each=3)
    plain = PieceErrors.of(second, piece).sure_gain(PieceErrors.of(first, piece))
    rng = np.random.default_rng(seed)
    order, named = rng.permutation(len(piece)), rng.permutation(5)[piece]
    moved = PieceErrors.of(second[order], named[order])
    assert moved.sure_gain(PieceErrors.of(first[order], named[order])) == pytest.approx(plain)


def tracks():
    """Mark what ten straight tracks across a square have seen."""
    rng = np.random.default_rng(11)
    seen = np.zeros((SIDE, SIDE), dtype=bool)
    for _ in range(10):
        angle, start = rng.uniform(0, np.pi), rng.uniform(0, SIDE, 2)
        along = np.arange(-2 * SIDE, 2 * SIDE, 0.5)[:, None]
        row, column = np.rint(start + along * [np.sin(angle), np.cos(angle)]).astype(int).T
        inside = (row >= 0) & (row < SIDE) & (column >= 0) & (column < SIDE)
        seen[row[inside], column[inside]] = True
    return seen


def grid(values, seen):
    """Lay a field (side, side) out as points."""
    places = np.indices(values.shape).reshape(2, -1).T.astype(float)
    axes = (Axis("y", AxisKind.PROJECTED), Axis("x", AxisKind.PROJECTED))
    flat, seen = values.reshape(-1, 1), seen.reshape(-1, 1)
    lattice = Lattice(("y", "x"), values.shape, np.arange(len(places)), (0, 1))
    return PointSet(
        places, np.where(seen, flat, np.nan), seen.copy(), axes, (Channel("z"),), lattice
    )


def field(seed):
    """Draw a field (side, side) that is as rough in all directions, by its spectrum."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None])
    frequency[0, 0] = np.inf
    return np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * frequency**-1.5).real


def folds_of(points):
    masks = gap_folds(points, ~points.observed, count=3, seed=0)
    return tuple(Fold(mask, mask) for mask in masks)


def test_pieces_are_as_wide_as_gaps_are_deep():
    seen = tracks()
    along_tracks = grid(field(0), seen)
    scattered = grid(field(0), np.random.default_rng(0).random(seen.shape) < 0.5)
    wide, narrow = (
        pieces_of_space(points, folds_of(points), np.arange(len(points))).max() + 1
        for points in (along_tracks, scattered)
    )
    assert wide <= 8 * 8
    assert narrow > 4 * wide


def test_a_gap_of_one_channel_is_as_deep_as_that_channel_says():
    row, column = np.indices((SIDE, SIDE)).reshape(2, -1)
    hole = ((row % 20 - 10) ** 2 + (column % 20 - 10) ** 2 < 40)[:, None]
    one = grid(field(0), np.ones((SIDE, SIDE), dtype=bool))
    both = replace(
        one,
        values=np.tile(one.values, 2),
        observed=np.tile(one.observed, 2),
        channels=(Channel("z"), Channel("w")),
    )
    rows = np.flatnonzero(hole)
    alone = pieces_of_space(one, [Fold(hole, hole)], rows)
    beside = np.concatenate((hole, np.zeros_like(hole)), axis=1)
    np.testing.assert_array_equal(pieces_of_space(both, [Fold(beside, beside)], rows), alone)


def test_of_one_place_the_times_are_split():
    time = np.arange(200.0)[:, None]
    withheld = (np.arange(200) % 10 < 3)[:, None]
    full = np.full((200, 1), True)
    axes = (Axis("time", AxisKind.TIME), Axis("x", AxisKind.PROJECTED))
    coordinates = np.concatenate((time, np.full_like(time, 7.0)), axis=1)
    station = PointSet(coordinates, np.zeros((200, 1)), full, axes, (Channel("z"),))
    alone = PointSet(time, np.zeros((200, 1)), full, axes[:1], (Channel("z"),))
    rows = np.flatnonzero(withheld)
    for points in (station, alone):
        assert pieces_of_space(points, [Fold(withheld, withheld)], rows).max() > 10


def test_pieces_are_a_spacing_wide_at_least():
    points = replace(grid(field(0), np.ones((SIDE, SIDE), dtype=bool)), lattice=None)
    twins = points.take(np.repeat(np.arange(len(points)), 2))
    withheld = (np.arange(len(twins)) % 2 == 0)[:, None]
    fold = Fold(withheld, withheld)
    assert pieces_of_space(twins, [fold], np.arange(len(twins))).max() + 1 == len(points)
    apart = replace(points, coordinates=points.coordinates * 1e12)
    holes = np.random.default_rng(0).random((len(points), 1)) < 0.1
    assert pieces_of_space(apart, [Fold(holes, holes)], np.flatnonzero(holes)).max() > 10


def test_all_times_of_a_place_are_one_piece():
    steps, sites = 6, 50
    time, site = np.repeat(np.arange(steps), sites), np.tile(np.arange(sites), steps)
    coordinates = np.stack((time, 3.0 * site), axis=1).astype(float)
    axes = (Axis("time", AxisKind.TIME), Axis("x", AxisKind.PROJECTED))
    withheld = np.random.default_rng(0).random((time.size, 1)) < 0.2
    points = PointSet(
        coordinates, np.zeros((time.size, 1)), np.full((time.size, 1), True), axes, (Channel("z"),)
    )
    rows = np.arange(len(points))
    piece = pieces_of_space(points, [Fold(withheld, withheld)], rows).reshape(steps, sites)
    np.testing.assert_array_equal(piece, np.tile(piece[0], (steps, 1)))
    assert np.unique(piece).size > 5


@dataclass(frozen=True)
class Walked:
    """Settings with one number."""

    step: float = 0.0


def searched(errors):
    """Search steps 1 to 3, whose errors on ten pieces are given by what they are scored as."""
    scores = {float(step): PieceErrors.of(e[:, None], np.arange(10)) for step, e in errors.items()}
    return search(
        Walked(),
        {"step": (1.0, 2.0, 3.0)},
        lambda settings: scores[settings.step],
        better=PieceErrors.clearly_better,
        progress=lambda what, share: None,
        what="walking",
    )


def test_a_line_is_walked_to_its_lowest_where_a_step_of_it_is_sure():
    uneven = np.linspace(-0.5, 0.5, 10)
    errors = {0: np.ones(10), 1: np.full(10, 0.95), 2: 0.9 + uneven, 3: 0.95 + uneven}
    found = searched({step: np.sqrt(np.clip(e, 0.0, None)) for step, e in errors.items()})
    assert found.settings.step == 2.0
    assert found.tried["step=3"] > found.tried["step=2"]


def test_a_line_of_which_no_step_is_sure_is_not_walked_at_all():
    uneven = np.linspace(-0.5, 0.5, 10)
    errors = {0: np.ones(10), 1: 0.95 + uneven, 2: 0.9 + uneven, 3: 0.95 + uneven}
    found = searched({step: np.sqrt(e) for step, e in errors.items()})
    assert found.settings.step == 0.0
    assert found.score == found.tried["start"]


def test_a_sure_step_up_does_not_speak_for_an_unsure_one_down():
    uneven = np.linspace(-0.5, 0.5, 10)
    errors = {-1: 0.9 + uneven, 0: np.ones(10), 1: np.full(10, 0.95), 2: np.ones(10)}
    scores = {
        step: PieceErrors.of(np.sqrt(e)[:, None], np.arange(10)) for step, e in errors.items()
    }
    found = search(
        Walked(),
        {"step": (-1.0, 1.0, 2.0)},
        lambda settings: scores[int(settings.step)],
        better=PieceErrors.clearly_better,
        progress=lambda what, share: None,
        what="walking",
    )
    assert found.settings.step == 1.0


def completion(points, seed):
    return Problem(
        Task.COMPLETION,
        ~points.observed,
        folds_of(points),
        Effort.FAST,
        seed,
        "cpu",
        lambda what, share: None,
    )


def test_a_field_that_is_alike_in_all_directions_is_not_stretched_by_chance():
    chosen = []
    for seed in range(8):
        points = grid(field(seed), tracks())
        report = RbfMethod().choose(points, completion(points, seed)).report
        chosen.append(abs(report["by_channel"]["z"]["stretch"]))
    assert np.mean(chosen) < 0.1


def test_a_stretch_must_be_sure_itself_or_on_its_first_step():
    uneven = np.linspace(-0.5, 0.5, 10)

    def scored(far, near):
        def score(settings):
            size = max(map(abs, settings.stretch), default=0.0)
            squares = np.ones(10) if size == 0.0 else near if size <= 0.2 else far
            return PieceErrors.of(np.sqrt(squares)[:, None], np.arange(10))

        return score

    stretched, all_alike = FieldSettings(stretch=(-1.0, 0.3)), np.full(10, 0.97)
    assert choose._surely_stretched(stretched, scored(0.9 + uneven, all_alike))
    assert choose._surely_stretched(stretched, scored(all_alike, 0.9 + uneven))
    assert not choose._surely_stretched(stretched, scored(0.9 + uneven, 0.95 + uneven))


def test_a_channel_is_made_nearly_normal_where_it_is_surely_better():
    uneven = np.linspace(-0.5, 0.5, 10)
    changed = np.stack((np.full(10, 0.9), 0.9 + uneven, np.full(10, 0.999), np.ones(10)), axis=1)

    def errors(settings, skewed):
        return PieceErrors.of(np.sqrt(changed) if skewed.all() else np.ones((10, 4)), np.arange(10))

    trials, tried = SimpleNamespace(spread=np.ones(4), errors=errors), {}
    skewed = choose._skewed(trials, FieldSettings(), tried)
    assert skewed.tolist() == [True, False, False, False]
    assert tried["channel 1 as it is"] > tried["yeo_johnson of channel 1"]


def kriging_stretches(values, seen, seed):
    """Return how kriging scales the second of two axes, as a logarithm."""
    points = grid(values, seen)
    ground = Ground.of(points, Space.fit(points))
    chosen = choose_field(points, ground, completion(points, seed)).settings.stretch
    return chosen[0] if chosen else 0.0


def test_kriging_stretches_what_is_stretched():
    found = []
    for seed in range(3):
        along = np.repeat(field(seed), 3, axis=1)[:, :SIDE]
        scattered = np.random.default_rng(seed).random(along.shape) < 0.15
        found.append(kriging_stretches(along, scattered, seed))
    assert max(found) < -0.5
