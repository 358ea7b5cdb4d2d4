"""What choosing costs is told beside the final fit, for any rung and method."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import selection
from benchmarks.grids import Grid, clouds


@pytest.fixture
def small(monkeypatch):
    row, column = np.meshgrid(np.linspace(0, 3, 24), np.linspace(0, 2, 26), indexing="ij")
    values = (np.sin(3 * row) + np.cos(4 * column))[None]
    case = Grid.of(values).with_gaps("made", clouds(values.shape, 0.3, 2.0, 0))
    monkeypatch.setattr(selection, "cases_of", lambda rung: iter((case,)))


def test_a_row_tells_the_seconds_of_choosing_and_of_the_fit(small, capsys):
    assert selection.main(["own/made", "--methods", "kriging,nearest", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["rung"], row["case"], row["method"]) for row in rows] == [
        ("own", "made", "kriging"),
        ("own", "made", "nearest"),
    ]
    assert rows[0]["choosing_s"] > 0.0
    assert rows[0]["fitting_s"] > 0.0


def test_an_unknown_case_is_refused(small):
    with pytest.raises(SystemExit, match="absent"):
        selection.main(["own/absent"])
