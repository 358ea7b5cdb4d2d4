"""The engine's benchmark times the same step three times and says so in one array."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial

import pytest

from benchmarks import engine


def test_the_floor_is_that_of_the_issue():
    assert engine.Case().flops() == pytest.approx(1.9e9, rel=0.01)
    assert 2 * engine.Case().sines() == pytest.approx(18.4e6, rel=0.01)


def test_each_axis_varies_alone():
    start, *others = engine.cases()
    for case in others:
        changed = [name for name, value in asdict(start).items() if asdict(case)[name] != value]
        assert len(changed) == 1
    assert {case.points for case in others} == {10_000, 65_536, 1_000_000}
    assert {case.channels for case in others} == {1, 3, 31, 200}
    assert {case.superpixels for case in others} == {15, 26, 200}
    assert {case.balance for case in others} == {"equal", "unequal"}


@pytest.mark.parametrize("balance", ["equal", "unequal"])
def test_superpixels_hold_all_points(balance):
    sizes = engine.Case(balance=balance).sizes()
    assert sizes.sum() == 65_536
    assert sizes.min() > 0
    assert (sizes.max() > 10 * sizes.min()) == (balance == "unequal")


def test_quick_prints_one_array(monkeypatch, capsys):
    small = partial(engine.Case, points=500, channels=3, superpixels=4)
    monkeypatch.setattr(engine, "Case", small)
    engine.main(["--quick", "--json"])
    (found,) = json.loads(capsys.readouterr().out)
    seconds = [found.pop(name) for name in ("step_s", "loop_s", "floor_s")]
    assert min(seconds) > 0.0
    assert found == {
        "device": "cpu",
        "points": 500,
        "channels": 3,
        "superpixels": 4,
        "balance": "unequal",
    }
