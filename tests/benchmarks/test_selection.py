"""What choosing costs is told beside the final fit, for any rung and method."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import selection, selection_case
from benchmarks.grids import Grid, clouds
from sinr_geo.methods.protocol import PREDICTING


@pytest.fixture
def small(monkeypatch):
    row, column = np.meshgrid(np.linspace(0, 3, 24), np.linspace(0, 2, 26), indexing="ij")
    values = (np.sin(3 * row) + np.cos(4 * column))[None]
    case = Grid.of(values).with_gaps("made", clouds(values.shape, 0.3, 2.0, 0))
    monkeypatch.setattr(selection_case, "cases_of", lambda rung: iter((case,)))


@pytest.mark.parametrize("method", ["kriging", "nearest", "sinr-bayes", "sinr"])
def test_seconds_are_told_by_what_was_reported(small, capsys, method):
    assert selection_case.main(["own/made", method]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["choosing_s"] > 0.0
    assert told["withheld_s"] > 0.0
    assert told["fitting_s"] > 0.0
    assert told["stages"][PREDICTING] == told["withheld_s"]
    in_all = told["choosing_s"] + told["withheld_s"]
    assert sum(told["stages"].values()) == pytest.approx(in_all, abs=0.1)


def test_seconds_belong_to_what_was_reported_before_them(monkeypatch):
    clock = iter([0.0, 1.0, 3.0, 10.0, 60.0])
    monkeypatch.setattr(selection_case.time, "process_time", lambda: next(clock))
    stages = selection_case.Stages()
    stages.begin()
    stages("choosing", 0.0)
    stages(f"kriging: {PREDICTING}", 0.9)
    stages("chosen", 1.0)
    assert stages.seconds["choosing"] == 7.0
    assert stages.by_kind() == (9.0, 50.0)


def test_a_generated_raster_is_a_case(capsys):
    assert selection.main(["grown/40", "--methods", "nearest", "--json"]) == 0
    captured = capsys.readouterr()
    (row,) = json.loads(captured.out)
    assert (row["case"], row["method"]) == ("grown/40", "nearest")
    assert row["fitting_s"] > 0.0
    assert "withheld" in captured.err


def test_an_unknown_case_is_refused(small):
    with pytest.raises(SystemExit, match="absent"):
        selection_case.main(["own/absent", "kriging"])
