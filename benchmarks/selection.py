"""What choosing costs beside the final fit: processor seconds, on one core (Linux).

    python -m benchmarks.selection [RUNG/CASE ...] [--methods auto,sinr-bayes,...] [--json]

*Choosing* is every fit that compares settings; *withheld* predicts what the folds withhold with
the settings that were chosen, which is what methods are stacked and standard errors learned by;
*fitting* is the final fit to all samples, with the prediction of what is missing. Methods that are
asked for alone pay for all that they choose; within `auto` they share some of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TextIO

CASES = ("weather/0.25", "scene1/0.05", "modis_lst/mean", "cave_missing/0.05", "grown/1000")
METHODS = ("auto", "sinr-bayes", "sinr", "kriging", "rbf")


@dataclass(frozen=True)
class Row:
    """Processor seconds of one method on one case."""

    case: str
    method: str
    choosing_s: float
    withheld_s: float
    fitting_s: float
    stages: dict[str, float]


def measured(case: str, method: str) -> Row:
    """Run one case in a process of its own, on the core that this process has."""
    command = [sys.executable, "-m", "benchmarks.selection_case", case, method]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr.strip().rsplit("\n", 1)[-1])
    return Row(case, method, **json.loads(done.stdout))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("cases", nargs="*", default=CASES, metavar="RUNG/CASE")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--json", action="store_true", help="one array of objects")
    asked = parser.parse_args(arguments)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        where = sys.stderr if asked.json else sys.stdout
        rows = _rows(asked.cases, asked.methods.split(","), where)
    finally:
        os.sched_setaffinity(0, cores)
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


def _rows(cases: Sequence[str], methods: Sequence[str], where: TextIO) -> list[Row]:
    where.write(f"{'case':20}{'method':12}{'choosing':>10}{'withheld':>10}{'fitting':>10}\n")
    rows = []
    for case in cases:
        for method in methods:
            rows.append(row := measured(case, method))
            seconds = (row.choosing_s, row.withheld_s, row.fitting_s)
            where.write(f"{case:20}{method:12}{''.join(f'{s:10.1f}' for s in seconds)}\n")
            where.flush()
    return rows


if __name__ == "__main__":
    sys.exit(main())
