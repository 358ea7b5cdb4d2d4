"""What choosing costs beside the final fit: processor seconds of both.

    python -m benchmarks.selection [RUNG/CASE ...] [--methods auto,sinr-bayes,...] [--json]

Choosing is everything that is fitted to folds or to a part of large data; the final fit is that to
all samples, with the prediction of what is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.rungs import cases_of
from sinr_geo.methods.catalogue import method_named
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.trial import Trial
from sinr_geo.workers import one_thread_each

CASES = ("weather/0.25", "scene1/0.05", "modis_lst/mean", "cave_missing/0.05")
METHODS = ("auto", "sinr-bayes", "sinr", "kriging")


@dataclass(frozen=True)
class Row:
    """Processor seconds of one method on one case."""

    rung: str
    case: str
    method: str
    choosing_s: float
    fitting_s: float


def measured(rung: str, name: str, method: str) -> Row:
    """Choose and fit once, at the default effort."""
    case = next((case for case in cases_of(rung) if case.name == name), None)
    if case is None:
        raise SystemExit(f"{rung} has no case {name!r}")
    problem = Problem(case.task, case.wanted, (), Effort.NORMAL, 0, "cpu", lambda what, share: None)
    trial = Trial.of(case.points, problem)
    with one_thread_each():
        start = time.process_time()
        choice = method_named(method).choose(trial.points, trial.problem)
        chosen = time.process_time()
        choice.fit(case.points, problem).predict(case.points)
        fitted = time.process_time()
    return Row(rung, name, method, round(chosen - start, 2), round(fitted - chosen, 2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("cases", nargs="*", default=CASES, metavar="RUNG/CASE")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--json", action="store_true", help="one array of objects")
    asked = parser.parse_args(arguments)
    rows = []
    for case in asked.cases:
        for method in asked.methods.split(","):
            rung, name = case.split("/")
            rows.append(row := measured(rung, name, method))
            print(
                f"{case:20}{method:12}{row.choosing_s:8.1f}{row.fitting_s:8.1f}"
                f"{row.choosing_s / max(row.fitting_s, 0.1):8.1f}",
                file=sys.stderr if asked.json else sys.stdout,
                flush=True,
            )
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
