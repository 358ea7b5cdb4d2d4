"""The words of options, and that every one reaches the library."""

from __future__ import annotations

import math

import pytest
import typer

import sinr_geo
from sinr_geo.adapters import MissingRule
from sinr_geo.files import unseen
from sinr_geo.methods.catalogue import METHODS
from sinr_geo.methods.protocol import Effort
from sinr_geo.outcome import Outcome
from sinr_geo_cli.options import bounds_of, missing_of, variables_of


def test_missing():
    rules = missing_of(["alpha=0", "quality=flag=-2.5"])
    assert rules == [MissingRule("alpha", 0.0), MissingRule("quality=flag", -2.5)]
    (nan,) = missing_of(["nan"])
    assert nan.name == "nan"
    assert math.isnan(nan.value)


@pytest.mark.parametrize("rule", ["alpha", "=0", "alpha=", "alpha=zero", ""])
def test_missing_that_cannot_be_read(rule):
    with pytest.raises(typer.BadParameter, match="NAME=VALUE"):
        missing_of([rule])


def test_bounds():
    assert bounds_of(["rain=0:", "t2m=:330.5", "*=-1:1"]) == {
        "rain": (0.0, math.inf),
        "t2m": (-math.inf, 330.5),
        "*": (-1.0, 1.0),
    }


@pytest.mark.parametrize("rule", ["rain", "rain=", "rain=0", "=0:1", "rain=low:1", "rain=nan:1"])
def test_bounds_that_cannot_be_read(rule):
    with pytest.raises(typer.BadParameter, match="NAME=LOW:HIGH"):
        bounds_of([rule])


def test_variables():
    assert variables_of(None) is None
    assert variables_of("SST, AIRT") == ["SST", "AIRT"]
    with pytest.raises(typer.BadParameter):
        variables_of("SST,")


@pytest.mark.parametrize("command", ["fill", "denoise"])
def test_every_option_reaches_the_library(run, monkeypatch, command, tmp_path):
    calls = []

    def recover(path, output, **asked):
        calls.append((path, output, asked))
        return Outcome((), ())

    monkeypatch.setattr(sinr_geo, command, recover)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    typed = [
        *("--variables", "a,b", "--method", "sinr", "--effort", "fast", "--seed", "3"),
        *("--device", "cpu", "--where", "mask", "--missing", "rgb=0", "--missing", "q=1"),
        *("--max-gap", "4", "--bounds", "a=0:", "--channels", "time", "--coordinates", "band"),
        *("--adapter", "raster", "--no-uncertainty", "--overwrite", "--quiet"),
        "--correct-missingness",
    ]
    ran = run(command, tmp_path / "in put.tif", "-o", tmp_path / "out.tif", *typed)
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    ((path, output, asked),) = calls
    assert (path, output) == (tmp_path / "in put.tif", tmp_path / "out.tif")
    stamp, progress = asked.pop("stamp"), asked.pop("progress")
    assert callable(progress)
    assert stamp.line.startswith("1970-01-01T00:00:00Z sinr-geo ")
    assert f"sinr-geo {command} '{tmp_path}/in put.tif'" in stamp.command
    assert asked.pop("witness") is unseen
    assert asked == {
        "variables": ["a", "b"],
        "method": "sinr",
        "effort": "fast",
        "seed": 3,
        "device": "cpu",
        "where": "mask",
        "missing": [MissingRule("rgb", 0.0), MissingRule("q", 1.0)],
        "max_gap": 4.0,
        "bounds": {"a": (0.0, math.inf)},
        "channels": ["time"],
        "coordinates": ["band"],
        "adapter": "raster",
        "uncertainty": False,
        "correct_missingness": True,
        "overwrite": True,
    }


def test_a_moment_that_is_none(run, monkeypatch, weather):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    ran = run("fill", weather, "--quiet")
    assert ran.status == 2
    assert "SOURCE_DATE_EPOCH" in ran.err


def test_the_help_names_all_methods_and_efforts(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    text = run("fill", "--help").out
    assert all(name in text for name in (*METHODS, *Effort))
