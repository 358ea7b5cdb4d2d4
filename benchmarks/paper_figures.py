"""The paper's figures, drawn from what our runs give; all fits are honest ones."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from benchmarks.paper import Row
from benchmarks.paper_ablation import FORMS, Tried, omega_for, tried
from benchmarks.paper_cases import cases_for
from benchmarks.paper_fits import Found, Given, honest
from benchmarks.paper_published import TABLES, published
from benchmarks.rungs import Case, cases_of
from benchmarks.scores import scores_of
from sinr_geo.methods.protocol import Task
from sinr_geo.points import FloatArray, IntArray
from sinr_geo.sine.ground import Ground
from sinr_geo.workers import one_thread_each

__all__ = ["figure"]

_BANDS = (25, 15, 5)
_WEATHER_NAMES = ("channel 1", "channel 2", "channel 3")
_STEPS = 1_001
_VIEW = {"elev": -90.0, "azim": -90.0}
_ZOOM = 1.5


def figure(number: int, asked: argparse.Namespace) -> Iterator[Row]:
    """Draw a figure into a file and yield the scores that stand in it.

    Fits have one thread, as those of the tables, and so nearly the same numbers: trainings at a
    constant rate amplify the last digit of a sum.
    """
    with one_thread_each():
        drawn, rows = _DRAW[number](number, asked)
    asked.out.mkdir(parents=True, exist_ok=True)
    path: Path = asked.out / f"paper-figure-{number}.png"
    drawn.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(drawn)
    yield from rows


Drawn = tuple[Figure, list[Row]]


def _segmentation(number: int, asked: argparse.Namespace) -> Drawn:
    """Figure 2: superpixels of an image, a surface and weather stations."""
    drawn = plt.figure(figsize=(12, 3.6))
    image = next(cases_of("kodim24"))
    axes = drawn.add_subplot(1, 3, 1)
    labels = _labels(image, 49)
    axes.imshow(_means_of(labels, image.points.values).reshape(image.shape))
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"kodim24, K = {labels.max() + 1}", fontsize=9)
    for place, rung, case, count in ((2, "scene1", "0.1", 12), (3, "weather", "0.25", 15)):
        found = next(c for c in cases_of(rung) if c.name == case)
        labels = _labels(found, count)
        where = found.points.coordinates
        title = f"{rung} ({case}), K = {labels.max() + 1}"
        if rung == "scene1":
            axes = drawn.add_subplot(1, 3, place, projection="3d", **_VIEW)
            _surface(axes, where, title, plt.get_cmap("tab20")(labels % 20))
        else:
            axes = drawn.add_subplot(1, 3, place)
            axes.scatter(where[:, 0], where[:, 1], c=labels, s=4, cmap="tab20")
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=9)
    return drawn, []


def _labels(case: Case, count: int) -> IntArray:
    return Ground.of(case.points, case.task, "cpu").labels(count, 5.0, 0)


def _means_of(labels: IntArray, values: FloatArray) -> FloatArray:
    """Give every point the mean value of its superpixel."""
    total = np.stack([np.bincount(labels, weights=column) for column in values.T], axis=1)
    return np.asarray((total / np.bincount(labels)[:, None])[labels])


def _reconstruction(number: int, asked: argparse.Namespace) -> Drawn:
    """Figure 3: kodim24 by all methods."""
    case = next(cases_for(1, asked.original, quick=asked.quick))
    shown, rows = _compared(number, case, asked, TABLES[1])
    drawn, axes = plt.subplots(1, len(shown), figsize=(2.2 * len(shown), 2.6))
    _row_of_images(axes, shown, case, (0, 1, 2))
    return drawn, rows


def _cubes(number: int, asked: argparse.Namespace) -> Drawn:
    """Figure 4: completion at 5 % and denoising at 0.15."""
    cases = [
        next(c for c in cases_for(table, asked.original, quick=asked.quick) if c.name == name)
        for table, name in ((2, "0.05"), (3, "0.15"))
    ]
    found = [_compared(number, case, asked, TABLES[2]) for case in cases]
    wide = len(found[0][0])
    drawn, axes = plt.subplots(2, wide, figsize=(2.2 * wide, 5.0))
    for line, case, (shown, _) in zip(axes, cases, found, strict=True):
        _row_of_images(line, shown, case, _BANDS)
    return drawn, [row for _, rows in found for row in rows]


def _scene(number: int, asked: argparse.Namespace) -> Drawn:
    """Figure 5: Scene1 from 2.5 % of its points."""
    case = next(c for c in cases_for(4, asked.original, quick=asked.quick) if c.rung == "scene1")
    shown, rows = _compared(number, case, asked, TABLES[4])
    drawn = plt.figure(figsize=(3.0 * len(shown), 3.0))
    rgb = np.where(case.points.observed, case.points.values, case.truth)
    for place, (name, values) in enumerate(shown.items(), start=1):
        colour = np.clip(rgb if name == "truth" else values, 0.0, 1.0)
        kept = np.isfinite(colour).all(axis=1)
        axes = drawn.add_subplot(1, len(shown), place, projection="3d", **_VIEW)
        _surface(axes, case.points.coordinates[kept], name, colour[kept])
    return drawn, rows


def _weather(number: int, asked: argparse.Namespace) -> Drawn:
    """Figure 6: the first three weather variables from 25 % of the points."""
    found = (c for c in cases_for(4, asked.original, quick=asked.quick) if "weather" in c.rung)
    case = next(c for c in found if c.name == "0.25")
    shown, rows = _compared(number, case, asked, TABLES[4])
    drawn, axes = plt.subplots(3, len(shown), figsize=(2.2 * len(shown), 6.2))
    hidden = case.scored.all(axis=1)
    where = case.points.coordinates
    for line, channel in zip(axes, range(3), strict=True):
        limits = np.quantile(case.truth[hidden, channel], [0.01, 0.99])
        for one, (name, values) in zip(line, shown.items(), strict=True):
            kept = np.isfinite(values[:, channel]) & (hidden | (name == "observed"))
            colour = values[kept, channel]
            one.scatter(
                where[kept, 0], where[kept, 1], c=colour, s=3, vmin=limits[0], vmax=limits[1]
            )
            one.set(title=name.split("\n")[0] if channel == 0 else "", xticks=[], yticks=[])
        line[0].set_ylabel(_WEATHER_NAMES[channel])
    return drawn, rows


def _units(number: int, asked: argparse.Namespace) -> Drawn:
    """Figure 7: pixels against superpixels, denoising at 0.15."""
    case = next(c for c in cases_for(3, asked.original, quick=asked.quick) if c.name == "0.15")
    given = Given.of(case, asked.seed, asked.device)
    fold = given.fold()
    assert fold is not None
    train = replace(given, points=fold.train(given.points))
    shown, rows = {"truth": case.truth, "observed": case.points.values}, []
    for name in ("pixels", "superpixels"):
        count = 4 if asked.quick else 25
        started = time.perf_counter()
        choice = tried(FORMS[name], train, count, _STEPS, (given.points, fold.asked))
        found = tried(FORMS[name], given, count, _STEPS, None, choice.step)
        method = "SIREN" if name == "pixels" else "S-INR"
        named = replace(case, name=f"{case.name} {name}")
        made = _rows(number, named, method, found, time.perf_counter() - started)
        shown[f"{name}\n{made[0].ours:.2f} dB"] = found.values
        rows += made
    drawn, axes = plt.subplots(1, len(shown), figsize=(2.6 * len(shown), 3.0))
    _row_of_images(axes, shown, case, _BANDS)
    drawn.suptitle(f"omega_0 of the superpixels {omega_for(given):g}", fontsize=8, y=0.02)
    return drawn, rows


def _compared(
    number: int, case: Case, asked: argparse.Namespace, methods: Sequence[str]
) -> tuple[dict[str, FloatArray], list[Row]]:
    """Run methods on a case: what to show, the observation and the truth first; and the scores."""
    given = Given.of(case, asked.seed, asked.device)
    shown = {"truth": case.truth}
    if case.task is not Task.RECONSTRUCTION:
        shown["observed"] = case.points.values
    rows: list[Row] = []
    for method in methods:
        started = time.perf_counter()
        found = honest(method, given, case.kind, quick=asked.quick)
        made = _rows(number, case, method, found, time.perf_counter() - started)
        unit = " dB" if case.kind == "cube" else ""
        shown[f"{method}\n{made[0].ours:.3g}{unit}"] = found.values
        rows += made
    return shown, rows


def _rows(number: int, case: Case, method: str, found: Found | Tried, seconds: float) -> list[Row]:
    size = None if found.parameters is None else round(found.parameters * 4 / 2**20, 3)
    return [
        Row(
            f"figure {number}", case.rung, case.name, method, metric,
            published(case.rung, case.name, method, metric), float(score), True, size,
            round(seconds, 1),
        )
        for metric, score in scores_of(case, found.values, None).items()
    ]  # fmt: skip


def _row_of_images(
    axes: Sequence[Axes], shown: dict[str, FloatArray], case: Case, bands: tuple[int, ...]
) -> None:
    """Draw three bands of every cube, scaled as those of the truth."""
    three = [min(band, case.shape[2] - 1) for band in bands]
    truth = case.truth.reshape(case.shape)[..., three]
    high = np.quantile(truth, 0.995)
    for one, (name, values) in zip(axes, shown.items(), strict=True):
        picture = np.nan_to_num(values.reshape(case.shape)[..., three]) / high
        one.imshow(np.clip(picture, 0.0, 1.0))
        one.set(xticks=[], yticks=[])
        one.set_title(name, fontsize=9)


def _surface(axes: Axes, where: FloatArray, title: str, colours: FloatArray) -> None:
    assert isinstance(axes, Axes3D)
    axes.scatter(where[:, 0], where[:, 1], where[:, 2], c=colours, s=0.5)
    axes.set_box_aspect(np.ptp(where, axis=0), zoom=_ZOOM)
    axes.set_axis_off()
    axes.set_title(title, fontsize=9)


_DRAW: dict[int, Callable[[int, argparse.Namespace], Drawn]] = {
    2: _segmentation,
    3: _reconstruction,
    4: _cubes,
    5: _scene,
    6: _weather,
    7: _units,
}
