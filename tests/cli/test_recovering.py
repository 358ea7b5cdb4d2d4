"""`fill` and `denoise` on a file, with a cheap method: what is printed, written and refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

import sinr_geo
from sinr_geo.methods.catalogue import METHODS

pytestmark = pytest.mark.usefixtures("mean_method")


def test_fill_says_where_how_much_and_how_well(run, weather):
    ran = run("fill", weather)
    assert ran.status == 0
    wrote, layer = ran.out.splitlines()
    assert wrote == f"wrote {weather.with_name('weather.filled.nc')}"
    assert layer.startswith("  t2m, precipitation: ")
    assert "samples filled" in layer
    assert "method mean, withheld error 0.5 standard deviations" in layer
    assert "sinr-geo: taking means" in ran.err


def test_a_method_of_several_forms_is_named_in_one_line(run, tmp_path):
    source = tmp_path / "small.nc"
    values = np.add.outer(np.sin(np.arange(14.0)), np.cos(np.arange(16.0) / 3.0))
    values[4:7, 5:9] = np.nan
    axes = {"lat": np.linspace(40, 41, 14), "lon": np.linspace(5, 6, 16)}
    xr.Dataset({"t": (("lat", "lon"), values)}, coords=axes).to_netcdf(source)
    ran = run("fill", source, "--method", "sinr", "--effort", "fast")
    assert (ran.status, len(ran.out.splitlines())) == (0, 2)
    assert "method sinr, withheld error" in ran.out


def test_fill_with_json_prints_one_object(run, weather):
    output = weather.with_name("out.nc")
    ran = run("fill", weather, "-o", output, "--json", "--effort", "fast")
    content = json.loads(ran.out)
    assert content["command"] == "fill"
    assert content["version"] == sinr_geo.__version__
    assert content["input"] == str(weather)
    assert content["outputs"] == [str(output)]
    (layer,) = content["layers"]
    with xr.open_dataset(weather) as dataset:
        missing = sum(int(dataset[name].isnull().sum()) for name in dataset)
    assert layer["samples"]["filled"] + layer["samples"]["extrapolated"] == missing
    assert layer["choice"]["alternatives"] == {"median": None}


def test_quiet_prints_nothing(run, weather):
    ran = run("denoise", weather, "--quiet")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert weather.with_name("weather.denoised.nc").exists()


def test_quiet_with_json_still_prints_the_object(run, weather):
    ran = run("fill", weather, "--quiet", "--json")
    assert json.loads(ran.out)["outputs"]
    assert ran.err == ""


def test_the_history_has_the_command_as_typed(run, weather, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    run("fill", weather, "--seed", "2", "--quiet")
    with xr.open_dataset(weather.with_name("weather.filled.nc")) as dataset:
        expected = f"2023-11-14T22:13:20Z sinr-geo {sinr_geo.__version__}: sinr-geo fill {weather} "
        assert expected + "--seed 2 --quiet" in dataset.attrs["history"].splitlines()


def test_the_same_epoch_gives_the_same_bytes(run, weather, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    output = weather.with_name("weather.filled.nc")
    versions = []
    for _ in range(2):
        assert run("fill", weather, "--overwrite", "--quiet").status == 0
        versions.append(output.read_bytes())
    assert versions[0] == versions[1]


def test_an_existing_output_is_replaced_only_on_request(run, weather):
    output = weather.with_name("weather.filled.nc")
    output.write_text("mine")
    ran = run("fill", weather)
    assert ran.status == 2
    assert "--overwrite" in ran.err
    assert output.read_text() == "mine"
    assert run("fill", weather, "--overwrite").status == 0
    assert output.read_bytes() != b"mine"


def test_the_input_is_never_an_output(run, weather):
    before = weather.read_bytes()
    ran = run("fill", weather, "-o", weather, "--overwrite")
    assert ran.status == 2
    assert weather.read_bytes() == before


def test_a_failure_of_the_method_leaves_nothing_behind(run, weather, monkeypatch):
    monkeypatch.setitem(METHODS, "auto", "mean_method:NoSuchMethod")
    assert run("fill", weather, "--quiet").status == 1
    assert list(weather.parent.iterdir()) == [weather]


def test_notes_are_one_line_each(run, weather):
    ran = run("fill", weather, "--max-gap", "1")
    notes = [line for line in ran.out.splitlines() if line.startswith("note: ")]
    assert any("--max-gap" in note for note in notes)


def test_variables_choose(run, weather):
    run("fill", weather, "--variables", "t2m", "--no-uncertainty", "--quiet")
    with xr.open_dataset(weather.with_name("weather.filled.nc")) as dataset:
        assert not dataset["t2m"].isnull().any()
        assert dataset["precipitation"].isnull().any()
        assert {"t2m_flag"} == set(dataset) - {"t2m", "precipitation"}


@pytest.mark.parametrize(
    ("option", "word"),
    [
        (["--effort", "heroic"], "heroic"),
        (["--method", "magic"], "magic"),
        (["--variables", "snow"], "snow"),
        (["--device", "tpu"], "tpu"),
        (["--max-gap", "-1"], "--max-gap"),
        (["--bounds", "t2m=3:1"], "t2m"),
        (["--adapter", "none"], "none"),
        (["-o", "no-such-folder/out.nc"], "no-such-folder"),
        (["-o", "out.tif"], "out.tif"),
    ],
)
def test_options_that_do_not_fit(run, weather, monkeypatch, option, word):
    monkeypatch.chdir(weather.parent)
    ran = run("fill", weather, *option)
    assert ran.status == 2
    assert word in ran.err
    assert list(weather.parent.iterdir()) == [weather]
