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

    def fit(self, points, problem):
        problem.progress("taking means", 0.5)
        return FittedMean(np.nanmean(points.values, axis=0))


@dataclass(frozen=True)
class FittedMean:
    means: Any

    @property
    def choice(self) -> Mapping[str, Any]:
        return {"method": "mean", "withheld_rmse": 0.5, "alternatives": {"median": float("nan")}}

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
