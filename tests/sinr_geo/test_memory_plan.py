"""The plan that `info` prints, against what a process really takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sinr_geo.memory_plan import memory_plan

if not Path("/proc/self/status").exists():
    pytest.skip("the peak of a process is read from /proc", allow_module_level=True)

SIDES, BANDS = (150, 450), 3

FILLED = """
import json, sys
from pathlib import Path
import numpy as np
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Task
from sinr_geo.options import Options
from sinr_geo.points import Lattice, PointSet
from sinr_geo.recover import recover_points

def peak():
    # ru_maxrss would count what the parent had when it forked.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(status["VmHWM"].split()[0])

def fill(side, bands):
    place = np.stack(np.divmod(np.arange(side * side), side), axis=1).astype(float)
    values = np.sin(place.sum(axis=1) / 9.0)[:, None] * np.arange(1.0, bands + 1.0)
    gap = (place % 10 < 4).all(axis=1)
    values[gap] = np.nan
    points = PointSet(
        place,
        values,
        np.isfinite(values),
        (Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m")),
        tuple(Channel(f"b{j}", f"b{j}") for j in range(bands)),
        Lattice(("y", "x"), (side, side), np.arange(side * side), (0, 1)),
    )
    options = Options(method="nearest")
    recover_points(points, ~points.observed, Task.COMPLETION, options, lambda what, share: None)

found = []
for side in json.loads(sys.argv[1]):
    fill(side, int(sys.argv[2]))
    found.append(peak())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def peaks():
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FILLED, json.dumps(SIDES), str(BANDS)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def planned(side):
    return memory_plan(side * side, axes=2, channels=BANDS)


def test_a_recovery_stays_within_its_plan(peaks):
    assert peaks[1] <= 1.2 * planned(SIDES[1])


def test_memory_grows_no_faster_with_points_than_planned(peaks):
    grown = planned(SIDES[1]) - planned(SIDES[0])
    assert 0 < peaks[1] - peaks[0] <= 1.2 * grown


def test_the_plan_is_linear_in_points():
    first, second, third = (memory_plan(n * 10**6, 2, 3) for n in (1, 2, 3))
    assert third - second == second - first > 0


def test_little_data_need_little_more_than_the_libraries():
    assert memory_plan(500, 2, 1) < 2**30 < memory_plan(20_000, 2, 1)
