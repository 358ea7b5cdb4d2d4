"""Standard errors are scaled by what withheld samples say, and by few of them a little."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo.calibration import error_scales


def errors(count, size, channels=1):
    """Draw errors of a size for so many samples of 500, where standard errors of 1 were told."""
    rng = np.random.default_rng(0)
    drawn = np.full((500, channels), np.nan)
    drawn[:count] = size * rng.standard_normal((count, channels))
    return drawn, np.ones(drawn.shape)


def test_intervals_hold_what_they_promise_where_samples_are_many():
    drawn, predicted = errors(500, 3.0)
    (scale,) = error_scales(drawn, predicted)
    assert np.mean(np.abs(drawn) <= 1.96 * scale * predicted) == pytest.approx(0.95, abs=0.01)


def test_few_samples_move_standard_errors_the_less_the_fewer_they_are():
    thrice, predicted = np.full((19, 1), 3.0), np.ones((19, 1))
    scales = [float(error_scales(thrice[:n], predicted[:n])[0]) for n in (0, 1, 4, 19)]
    assert scales[0] == 1.0
    assert scales == sorted(set(scales))
    assert scales[-1] < 3.0


def test_a_channel_with_few_samples_has_the_scale_of_all():
    drawn, predicted = errors(500, 3.0, channels=2)
    drawn[100:, 1] = np.nan
    first, second = error_scales(drawn, predicted)
    assert first != second
    assert second == pytest.approx(3.0, rel=0.2)


def test_one_wild_sample_among_few_does_not_blow_standard_errors_up():
    wild = np.ones((10, 1))
    wild[3] = 1e6
    assert error_scales(wild, np.ones((10, 1)))[0] < 2.0
