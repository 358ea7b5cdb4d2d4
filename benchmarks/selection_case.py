"""One case of `benchmarks.selection`, in a process of its own and on one core.

    taskset -c 0 python -m benchmarks.selection_case RUNG/CASE METHOD

On one core nothing runs side by side, so every second belongs to what was last reported. Prints
one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from benchmarks.growth_case import gaps, grid_points, surfaces
from benchmarks.rungs import cases_of
from sinr_geo.gaps import wanted_gaps
from sinr_geo.methods.catalogue import method_named
from sinr_geo.methods.protocol import PREDICTING, Effort, Problem, Task
from sinr_geo.points import BoolArray, PointSet
from sinr_geo.trial import Trial
from sinr_geo.workers import one_thread_each

GROWN = "grown"
_MISSING = 1.0 / 3.0
_BEGIN = "before anything is reported"


class Stages:
    """Processor seconds by what was last reported; to be called as a `Progress`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._doing, self._since = _BEGIN, time.process_time()

    def __call__(self, what: str, share: float) -> None:
        """Charge the time since the last report to that one."""
        now = time.process_time()
        self.seconds[self._doing] += now - self._since
        self._doing, self._since = what, now

    def begin(self) -> None:
        """Start anew, with nothing reported yet."""
        self._doing, self._since = _BEGIN, time.process_time()

    def by_kind(self) -> tuple[float, float]:
        """Return the seconds of choosing and of predicting what was withheld."""
        held = sum(s for what, s in self.seconds.items() if what.endswith(PREDICTING))
        return sum(self.seconds.values()) - held, held


def measured(name: str, method: str) -> dict[str, Any]:
    """Choose and fit once, at the default effort.

    Parameters
    ----------
    name : str
        Rung and case, ``grown/1000`` for a generated raster of 1,000 x 1,000 cells.
    method : str

    Returns
    -------
    dict
        Seconds of choosing, of predicting what was withheld, and of the final fit with the
        prediction of what is missing; `stages` by what was reported.
    """
    points, wanted, task = _case(name)
    stages = Stages()
    problem = Problem(task, wanted, (), Effort.NORMAL, 0, "cpu", stages)
    trial = Trial.of(points, problem)
    with one_thread_each():
        stages.begin()
        choice = method_named(method).choose(trial.points, trial.problem)
        stages("chosen", 1.0)
        choosing, held = stages.by_kind()
        told = {what: round(seconds, 4) for what, seconds in stages.seconds.items()}
        start = time.process_time()
        choice.fit(points, problem).predict(points)
        fitting = time.process_time() - start
    return {
        "choosing_s": round(choosing, 4),
        "withheld_s": round(held, 4),
        "fitting_s": round(fitting, 4),
        "stages": told,
    }


def _case(name: str) -> tuple[PointSet, BoolArray, Task]:
    rung, case_name = name.split("/")
    if rung == GROWN:
        side = int(case_name)
        points = grid_points(surfaces(side, 1), gaps(side, _MISSING))
        return points, wanted_gaps(points, everything=False).wanted, Task.COMPLETION
    case = next((case for case in cases_of(rung) if case.name == case_name), None)
    if case is None:
        raise SystemExit(f"{rung} has no case {case_name!r}")
    return case.points, case.wanted, case.task


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one case and print it; returns the exit status."""
    name, method = sys.argv[1:] if arguments is None else arguments
    print(json.dumps(measured(name, method)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
