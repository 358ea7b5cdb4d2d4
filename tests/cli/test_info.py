"""`sinr-geo info`."""

from __future__ import annotations

import json

import netCDF4
import numpy as np


def test_info_says_how_a_file_is_read(run, weather):
    ran = run("info", weather)
    assert (ran.status, ran.err) == (0, "")
    text = ran.out
    assert f"{weather}: NetCDF-4, read by gridded (from sinr-geo)" in text
    assert "1,536 points (time 8 x lat 12 x lon 16)" in text
    assert "axis lat: latitude, 49.25 to 54.75 degrees" in text
    assert "channel t2m [K]: " in text
    assert "fill takes" in text
    assert "plan: 15 superpixels in segment, 907 MB of memory in fill" in text


def test_json_has_no_infinity(run, weather):
    content = json.loads(run("info", weather, "--json").out)
    assert content["command"] == "info"
    assert content["adapter"] == "gridded"
    (layer,) = content["layers"]
    rain = layer["channels"][1]
    assert (rain["name"], rain["lower"], rain["upper"]) == ("precipitation", 0.0, None)


def test_many_channels_are_not_all_shown(run, tmp_path):
    path = tmp_path / "many.nc"
    with netCDF4.Dataset(path, "w") as dataset:
        dataset.createDimension("x", 4)
        for number in range(20):
            dataset.createVariable(f"v{number}", "f4", ("x",))[:] = np.arange(4.0)
    text = run("info", path).out
    assert "channel v11" in text
    assert "channel v12" not in text
    assert "and 8 more channels" in text


def test_options_narrow_what_is_read(run, weather):
    text = run("info", weather, "--variables", "t2m", "--missing", "value=0").out
    assert "precipitation" not in text
