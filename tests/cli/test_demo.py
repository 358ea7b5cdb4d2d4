"""`sinr-geo demo`, with a cheap method: files, scores, and whose files it may replace."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest
import xarray as xr

from sinr_geo.demonstration import FillScore
from sinr_geo.sample import weather_sample
from sinr_geo_cli.demo import demo_lines

FILES = ["demo.png", "weather.filled.nc", "weather.nc"]


@pytest.fixture
def folder(tmp_path, mean_method):
    return tmp_path / "new" / "demo"


def test_it_writes_a_sample_its_filled_copy_and_a_picture(run, folder):
    ran = run("demo", folder)
    assert ran.status == 0
    assert sorted(path.name for path in folder.iterdir()) == FILES
    header = (folder / "demo.png").read_bytes()[:24]
    width, height = struct.unpack(">II", header[16:24])
    assert 1200 < width < 2000
    assert 600 < height < 1200
    with xr.open_dataset(folder / "weather.filled.nc") as dataset:
        assert not dataset["t2m"].isnull().any()


def test_errors_are_those_at_the_samples_that_were_missing(run, folder):
    content = json.loads(run("demo", folder, "--json").out)
    assert content["picture"] == str(folder / "demo.png")
    sample = weather_sample()
    for score in content["scores"]:
        name = score["channel"]
        truth, missing = sample.truth[name], ~sample.observed[name]
        with xr.open_dataset(folder / "weather.filled.nc") as dataset:
            error = dataset[name].values[missing] - truth[missing]
        assert score["samples"] == missing.sum()
        assert math.isclose(score["rmse"], np.sqrt(np.mean(error**2)), rel_tol=1e-6)
        assert score["nearest_rmse"] < score["rmse"], "the mean is worse, and it says so"


def test_a_loss_is_called_one(run, folder):
    text = run("demo", folder).out
    assert "higher" in text
    assert "lower" not in text


def test_a_win_is_called_one():
    (line,) = demo_lines((FillScore("t2m", "K", 1200, 0.5, 1.0),))
    assert "0.500 K" in line
    assert "50% lower" in line


def test_it_runs_again_over_its_own_files(run, folder):
    assert run("demo", folder, "--quiet").status == 0
    before = (folder / "weather.nc").read_bytes()
    assert run("demo", folder, "--quiet").status == 0
    assert (folder / "weather.nc").read_bytes() == before


@pytest.mark.parametrize("name", FILES)
def test_files_of_the_user_are_kept(run, folder, name):
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"mine")
    ran = run("demo", folder)
    assert ran.status == 2
    assert str(folder / name) in ran.err
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [(name, b"mine")]


def test_a_file_is_no_folder(run, folder):
    folder.parent.mkdir()
    folder.write_text("mine")
    ran = run("demo", folder)
    assert ran.status == 2
    assert folder.read_text() == "mine"
