"""A small weather field with gaps, made from a seed: for the demo, the tests and first steps.

Eight days over western Europe: a temperature that clouds hide, and a precipitation that a
satellite sees in swaths. Both follow the same weather systems, which drift east.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sinr_geo.points import BoolArray, FloatArray

__all__ = ["WeatherSample", "weather_sample"]

_RESOLUTION = 0.01
_DRIFT = 3.0
_FLANK = 6
_CLOUDY = 0.28
_SCATTERED = 0.04


@dataclass(frozen=True, slots=True)
class WeatherSample:
    """A weather field with gaps, and the truth below them.

    Parameters
    ----------
    time : ndarray, shape (steps,)
        Days since the first step.
    latitude : ndarray, shape (rows,)
        Degrees north.
    longitude : ndarray, shape (columns,)
        Degrees east.
    truth : mapping of str to ndarray, shape (steps, rows, columns)
        ``t2m`` in K, a multiple of 0.01; ``precipitation`` in mm a day, float32, never negative.
    observed : mapping of str to ndarray of bool, shape (steps, rows, columns)
        What a gappy file shows of it.
    """

    time: FloatArray
    latitude: FloatArray
    longitude: FloatArray
    truth: Mapping[str, FloatArray]
    observed: Mapping[str, BoolArray]


def weather_sample(
    *, seed: int = 0, steps: int = 8, rows: int = 40, columns: int = 60
) -> WeatherSample:
    """Make a weather field with gaps.

    Parameters
    ----------
    seed : int
    steps, rows, columns : int
        Days, latitudes and longitudes.

    Returns
    -------
    WeatherSample
    """
    rng = np.random.default_rng(seed)
    shape = (steps, rows, columns)
    latitude = 54.75 - 0.5 * np.arange(rows)
    systems = _drifting_field(rng, (steps, rows, columns + _FLANK), slope=2.3)
    truth = {
        "t2m": _temperature(rng, latitude, systems[:, :, :-_FLANK]),
        "precipitation": _precipitation(rng, systems[:, :, _FLANK:]),
    }
    observed = {
        "t2m": ~_clouds(rng, shape) & ~_scattered(rng, shape),
        "precipitation": ~_between_swaths(shape) & ~_scattered(rng, shape),
    }
    longitude = -11.75 + 0.5 * np.arange(columns)
    return WeatherSample(np.arange(steps, dtype=float), latitude, longitude, truth, observed)


def _random_field(rng: np.random.Generator, rows: int, columns: int, slope: float) -> FloatArray:
    """Draw a field of zero mean and unit variance whose amplitudes fall as 1 / wave number**slope.

    It is cut from a torus twice as large, so that opposite edges do not match.
    """
    across, along = np.fft.fftfreq(2 * rows), np.fft.fftfreq(2 * columns)
    wave_number = np.hypot(across[:, None], along[None, :])
    wave_number[0, 0] = np.inf
    noise = np.fft.fft2(rng.standard_normal((2 * rows, 2 * columns)))
    field = np.fft.ifft2(noise * wave_number**-slope).real[:rows, :columns]
    return np.asarray((field - field.mean()) / field.std())


def _drifting_field(
    rng: np.random.Generator, shape: tuple[int, int, int], slope: float
) -> FloatArray:
    """Let a field drift east and slowly turn into another one; -> (steps, rows, columns)."""
    steps, rows, columns = shape
    width = columns + int(_DRIFT * steps)
    first, last = (_random_field(rng, rows, width, slope) for _ in range(2))
    frames = []
    for step, turn in enumerate(np.linspace(0.0, 0.5 * np.pi, steps)):
        start = width - columns - int(_DRIFT * step)
        frames.append((np.cos(turn) * first + np.sin(turn) * last)[:, start : start + columns])
    return np.stack(frames)


def _temperature(rng: np.random.Generator, latitude: FloatArray, systems: FloatArray) -> FloatArray:
    """Add terrain, the slope towards the pole and the weather; rounded as a file packs it."""
    rows, columns = systems.shape[1:]
    height = 700.0 * np.maximum(_random_field(rng, rows, columns, slope=1.9), 0.0)
    climate = 283.0 - 0.35 * (latitude[:, None] - 45.0) - 6.5e-3 * height
    kelvin = climate + 4.5 * systems + 0.2 * rng.standard_normal(systems.shape)
    return np.asarray(np.round(kelvin / _RESOLUTION) * _RESOLUTION)


def _precipitation(rng: np.random.Generator, flank: FloatArray) -> FloatArray:
    """Rain ahead of warm systems: dry in half of the places, skewed where it is wet."""
    steps, rows, columns = flank.shape
    showers = _drifting_field(rng, (steps, rows, columns), slope=1.7)
    wetness = 0.7 * flank + 0.7 * showers - 0.1
    rain = 3.0 * np.maximum(wetness, 0.0) ** 1.8
    return np.asarray(rain.astype(np.float32))


def _clouds(rng: np.random.Generator, shape: tuple[int, int, int]) -> BoolArray:
    """Cover a share of every step with clouds."""
    cover = np.stack([_random_field(rng, *shape[1:], slope=1.4) for _ in range(shape[0])])
    threshold = np.quantile(cover, 1.0 - _CLOUDY, axis=(1, 2), keepdims=True)
    return np.asarray(cover > threshold)


def _between_swaths(shape: tuple[int, int, int]) -> BoolArray:
    """Mark the slanted strips that a satellite leaves out, elsewhere every day."""
    step, row, column = np.indices(shape)
    return np.asarray((column + 0.35 * row + 11.0 * step) % 30.0 < 8.0)


def _scattered(rng: np.random.Generator, shape: tuple[int, int, int]) -> BoolArray:
    return np.asarray(rng.random(shape) < _SCATTERED)
