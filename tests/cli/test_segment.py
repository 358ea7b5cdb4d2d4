"""`sinr-geo segment`."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr


def test_labels_are_written_in_the_format_of_the_file(run, weather):
    ran = run("segment", weather, "--superpixels", "6", "--alpha", "2")
    assert ran.status == 0
    output = weather.with_name("weather.segments.nc")
    assert ran.out.splitlines()[0] == f"wrote {output}"
    assert " superpixels" in ran.out.splitlines()[1]
    with xr.open_dataset(output, mask_and_scale=False) as dataset:
        labels = [v for v in dataset.values() if v.shape == (8, 12, 16) and v.dtype == np.int32]
        (only,) = labels
        found = np.unique(only.values)
        assert np.array_equal(found, np.arange(found.size))


def test_json(run, weather):
    content = json.loads(run("segment", weather, "--json", "--seed", "1").out)
    assert content["command"] == "segment"
    assert content["outputs"] == [str(weather.with_name("weather.segments.nc"))]
    choice = content["layers"][0]["choice"]
    assert choice["method"] == "gssa"
    assert choice["connected"] >= 1


def test_k_must_make_sense(run, weather):
    ran = run("segment", weather, "--superpixels", "0")
    assert ran.status == 2
    assert "--superpixels must be at least 1" in ran.err
