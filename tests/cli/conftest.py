"""A cheap method and a way to run the command line in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sinr_geo.methods.catalogue import METHODS
from sinr_geo.methods.protocol import HeldOut
from sinr_geo.recovery import Prediction
from sinr_geo.sample import weather_sample
from sinr_geo_adapters.sample import write_weather
from sinr_geo_cli.main import main


@dataclass(frozen=True)
class Ran:
    """Exit status and what was printed."""

    status: int
    out: str
    err: str


class MeanMethod:
    """Predict the mean of every channel; quick, and fine where the numbers do not matter."""

    name = "mean"

    def choose(self, points, problem):
        problem.progress("taking means", 0.5)
        held = (
            HeldOut(p[f.asked], np.ones(int(f.asked.sum()))) for f, p in held_out(points, problem)
        )
        return ChosenMean(tuple(held))


def held_out(points, problem):
    """Yield every fold with the means (n, s) of what it leaves."""
    for fold in problem.folds:
        means = np.nanmean(fold.train(points).values, axis=0)
        yield fold, np.broadcast_to(means, points.values.shape)


@dataclass(frozen=True)
class ChosenMean:
    withheld: tuple[HeldOut, ...]

    @property
    def report(self) -> Mapping[str, Any]:
        return {"method": "mean", "withheld_rmse": 0.5, "alternatives": {"median": float("nan")}}

    def fit(self, points, problem):
        return FittedMean(np.nanmean(points.values, axis=0), self.report)


@dataclass(frozen=True)
class FittedMean:
    means: Any
    report: Mapping[str, Any]

    def predict(self, points):
        values = np.broadcast_to(self.means, points.values.shape).copy()
        return Prediction(values, np.ones_like(values))


@pytest.fixture
def mean_method(monkeypatch):
    """Let ``--method auto`` be the mean."""
    module = ModuleType("mean_method")
    module.MeanMethod = MeanMethod
    monkeypatch.setitem(sys.modules, "mean_method", module)
    monkeypatch.setitem(METHODS, "auto", "mean_method:MeanMethod")


@pytest.fixture
def run(capsys) -> Callable[..., Ran]:
    def run(*arguments: object) -> Ran:
        status = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ran(status, printed.out, printed.err)

    return run


@pytest.fixture
def weather(tmp_path) -> Path:
    """A small weather file with gaps."""
    path = tmp_path / "weather.nc"
    write_weather(weather_sample(steps=8, rows=12, columns=16), path)
    return path
