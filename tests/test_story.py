"""The whole story through the real command: a file with gaps, looked at, filled, opened elsewhere.

Nothing is faked here, and the output is judged with xarray alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sinr_geo.sample import WeatherSample, weather_sample
from sinr_geo_adapters.sample import write_weather

VARIABLES = ("t2m", "precipitation")


def sinr_geo(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a process of its own."""
    command = Path(sys.executable).with_name("sinr-geo")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1709251200"}
    return subprocess.run(
        [command, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        timeout=600,
    )


@pytest.fixture(scope="module")
def sample() -> WeatherSample:
    return weather_sample(rows=16, columns=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sample) -> Path:
    """A folder with a weather file and its filled copy."""
    folder = tmp_path_factory.mktemp("story")
    write_weather(sample, folder / "weather.nc")
    (folder / "weather.nc").chmod(0o444)
    told = sinr_geo("fill", folder / "weather.nc", "--effort", "fast", "--json")
    (folder / "told.json").write_text(told.stdout)
    return folder


@pytest.fixture
def before(folder):
    with xr.open_dataset(folder / "weather.nc") as dataset:
        yield dataset


@pytest.fixture
def after(folder):
    with xr.open_dataset(folder / "weather.filled.nc") as dataset:
        yield dataset


def test_info_tells_of_the_gaps(folder):
    text = sinr_geo("info", folder / "weather.nc").stdout
    assert "t2m [K]" in text
    assert "fill takes" in text


def test_the_outcome_counts_the_filled_samples_and_says_how_it_chose(folder, before):
    told = json.loads((folder / "told.json").read_text())
    assert told["outputs"] == [str(folder / "weather.filled.nc")]
    samples = [layer["samples"] for layer in told["layers"]]
    missing = sum(int(before[name].isnull().sum()) for name in VARIABLES)
    assert sum(s["filled"] + s["extrapolated"] + s["unfilled"] for s in samples) == missing
    assert all(layer["choice"]["method"] for layer in told["layers"])


@pytest.mark.parametrize("name", VARIABLES)
def test_no_gap_is_left(after, name):
    assert not after[name].isnull().any()


@pytest.mark.parametrize("name", VARIABLES)
def test_observed_samples_are_bit_for_bit_the_same(folder, before, name):
    seen = before[name].notnull().values
    with (
        xr.open_dataset(folder / "weather.nc", mask_and_scale=False) as packed,
        xr.open_dataset(folder / "weather.filled.nc", mask_and_scale=False) as filled,
    ):
        assert filled[name].dtype == packed[name].dtype
        assert filled[name].values[seen].tobytes() == packed[name].values[seen].tobytes()
        assert not (filled[name].values == packed[name].attrs["_FillValue"]).any()
        kept = {k: v for k, v in filled[name].attrs.items() if k != "ancillary_variables"}
        assert kept == packed[name].attrs


@pytest.mark.parametrize("name", VARIABLES)
def test_flags_say_what_was_filled(before, after, name):
    flag = after[f"{name}_flag"]
    meaning = dict(zip(flag.attrs["flag_meanings"].split(), flag.attrs["flag_values"], strict=True))
    observed = flag.values == meaning["observed"]
    assert np.array_equal(observed, before[name].notnull().values)
    others = {meaning["filled"], meaning["extrapolated"]}
    assert set(np.unique(flag.values[~observed])) <= others
    assert f"{name}_flag" in after[name].attrs["ancillary_variables"]


@pytest.mark.parametrize("name", VARIABLES)
def test_standard_errors_are_positive_where_filled(before, after, name):
    error = after[f"{name}_standard_error"].values
    seen = before[name].notnull().values
    assert (error[seen] == 0).all()
    assert (error[~seen] > 0).all()


def test_filled_values_are_close_to_the_truth_and_possible(before, after, sample):
    missing = before["t2m"].isnull().values
    truth = sample.truth["t2m"]
    rmse = float(np.sqrt(np.mean((after["t2m"].values[missing] - truth[missing]) ** 2)))
    assert rmse < 0.5 * truth[missing].std()
    assert float(after["precipitation"].min()) >= 0.0


def test_the_history_tells_of_it(after):
    lines = after.attrs["history"].splitlines()
    assert any(
        line.startswith("2024-03-01T00:00:00Z sinr-geo ") and "sinr-geo fill" in line
        for line in lines
    )


def test_only_the_output_was_written(folder):
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["told.json", "weather.filled.nc", "weather.nc"]
