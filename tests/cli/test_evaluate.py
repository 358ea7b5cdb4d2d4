"""`sinr-geo evaluate`, with a cheap method."""

from __future__ import annotations

import json

import pytest

import sinr_geo

pytestmark = pytest.mark.usefixtures("mean_method")


def test_people_get_findings_and_a_table(run, weather):
    ran = run("evaluate", weather, "--method", "auto")
    assert ran.status == 0
    head, withheld, error, intervals, *table = ran.out.splitlines()
    assert head == "time_lat_lon:"
    assert "no method saw them" in withheld
    assert error.startswith("  auto has the error ")
    assert intervals.startswith("  the intervals of auto hold ")
    text = "\n".join(table)
    assert "t2m RMSE [K]" in text
    assert "precipitation RMSE [mm day-1]" in text
    assert "in 95 %" in text
    assert "sinr-geo: auto: taking means" in ran.err


def test_machines_get_one_object(run, weather):
    ran = run("evaluate", weather, "--method", "auto", "--json", "--variables", "t2m", "--quiet")
    content = json.loads(ran.out)
    assert (content["command"], content["version"]) == ("evaluate", sinr_geo.__version__)
    assert content["input"] == str(weather)
    (layer,) = content["layers"]
    (score,) = layer["scores"]
    assert layer["best"] == score["method"] == "auto"
    (channel,) = score["channels"]
    assert (channel["channel"], channel["unit"]) == ("t2m", "K")
    assert channel["rmse"] == pytest.approx(score["rmse_sd"] * channel["rmse"] / channel["rmse_sd"])
    assert ran.err == ""


def test_nothing_is_written(run, weather):
    before = weather.read_bytes()
    run("evaluate", weather, "--method", "auto", "--quiet")
    assert list(weather.parent.iterdir()) == [weather]
    assert weather.read_bytes() == before


@pytest.mark.parametrize(
    ("option", "word"),
    [
        (["--method", "auto,magic"], "magic"),
        (["--method", "auto,"], "--method"),
        (["--effort", "heroic"], "heroic"),
        (["--variables", "snow"], "snow"),
        (["--where", "nowhere"], "nowhere"),
    ],
)
def test_options_that_do_not_fit(run, weather, option, word):
    ran = run("evaluate", weather, *option)
    assert ran.status == 2
    assert word in ran.err
