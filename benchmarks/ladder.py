"""Methods side by side on the rungs of the ladder: scores, seconds and peak memory.

    python -m benchmarks.ladder [RUNG ...] [--methods auto,sinr-bayes,...] [--json]
    python -m benchmarks.ladder beyond [--methods auto,gdal,...] [--json]
    python -m benchmarks.ladder RUNG --case CASE --methods METHOD

The rungs are looked for in ``$SINR_GEO_LADDER``, by default ``../shared/ladder``; what they are and
how they are scored stands in the README there. The rung ``beyond`` is apart: real files
(`benchmarks.beyond`), with peers from other libraries (`benchmarks.outside`).

A method is handed the training arrays alone. Every case of every method runs in a process of its
own, one after the other, so that its peak memory is its own; seconds are those of choosing, fitting
and predicting, without imports and reading.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.beyond import RUNG as BEYOND
from benchmarks.beyond import beyond
from benchmarks.outside import OUTSIDE, NotForThisError, outside
from benchmarks.real_files import SHARED
from benchmarks.rungs import FOLDER, RUNGS, Case, cases_of
from benchmarks.scores import scores_of
from sinr_geo.methods.catalogue import METHODS
from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.options import Options
from sinr_geo.points import FloatArray

HEADS = ("auto", "sinr-bayes", "sinr")
PEERS = ("kriging", "rbf", "trees", "nearest")
CUBES = ("cave_noise", "cave_missing")
PICTURES = ("kodim24",)
"""Fitted as they are by the sine head, the only one that represents."""


@dataclass(frozen=True)
class Row:
    """One score of one method on one case; `case` is ``"mean"`` for the mean of all cases."""

    rung: str
    method: str
    metric: str
    case: str
    score: float
    seconds: float
    peak_mib: float


def predict(case: Case, method: str, options: Options) -> tuple[FloatArray, FloatArray | None]:
    """Let a method recover a case from what it is given; -> values and standard errors (n, s)."""
    from sinr_geo.reconstruction import reconstruct
    from sinr_geo.recover import recover_points

    if method in OUTSIDE:
        return outside(method, case), None
    if case.task is Task.RECONSTRUCTION:
        found = reconstruct(case.points, effort=options.effort, seed=options.seed)
        return found.predict(case.points), None
    asked = replace(options, method=method)
    recovery = recover_points(case.points, case.wanted, case.task, asked, lambda what, share: None)
    return recovery.values, recovery.standard_error


def cases(rung: str) -> Iterator[Case]:
    """Yield the cases of a rung of the ladder, or the files beyond it."""
    return beyond(SHARED) if rung == BEYOND else cases_of(rung)


def measured(rung: str, name: str, method: str, options: Options) -> list[Row]:
    """Run one case in this process, which must not have run another."""
    case = next((case for case in cases(rung) if case.name == name), None)
    if case is None:
        raise SystemExit(f"{rung} has no case {name!r}")
    started = time.perf_counter()
    try:
        values, error = predict(case, method, options)
    except NotForThisError:
        return []
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return [
        Row(rung, method, metric, name, score, round(seconds, 1), round(peak, 0))
        for metric, score in scores_of(case, values, error).items()
    ]


def in_a_process(rung: str, name: str, method: str, options: Options) -> list[Row]:
    """Run one case in a process of its own."""
    told = ["--case", name, "--methods", method, "--effort", options.effort, "--json"]
    command = [sys.executable, "-m", "benchmarks.ladder", rung, *told, "--seed", str(options.seed)]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    if ran.returncode:
        last = ran.stderr.strip().splitlines()[-1:] or ["no message"]
        print(f"{rung} {name} {method} failed: {last[0]}", file=sys.stderr)
        return []
    return [Row(**row) for row in json.loads(ran.stdout)]


def rows_of(rung: str, methods: Sequence[str], options: Options) -> Iterator[Row]:
    """Run all cases of a rung by every method; the means come after a method's cases.

    Where a case failed there is no mean.
    """
    names = [case.name for case in cases(rung)]
    for method in methods:
        rows = [row for name in names for row in in_a_process(rung, name, method, options)]
        yield from rows
        if len(names) > 1 and {row.case for row in rows} == set(names):
            yield from means(rows)


def means(rows: Sequence[Row]) -> Iterator[Row]:
    """Average the cases of one method on one rung, metric by metric."""
    for metric in dict.fromkeys(row.metric for row in rows):
        own = [row for row in rows if row.metric == metric]
        columns = {
            key: float(np.mean([getattr(row, key) for row in own]))
            for key in ("score", "seconds", "peak_mib")
        }
        yield Row(own[0].rung, own[0].method, metric, "mean", **columns)


def methods_for(rung: str, asked: Sequence[str] | None) -> Sequence[str]:
    """Return the methods asked for, or those that suit a rung; `sinr` is always among them."""
    if rung in PICTURES:
        return ("sinr",)
    if asked:
        return tuple(dict.fromkeys((*asked, "sinr")))
    if rung == BEYOND:
        return (*HEADS, *PEERS, *OUTSIDE)
    return HEADS if rung in CUBES else (*HEADS, *PEERS)


def whole(rows: Sequence[Row], rungs: Iterable[str], asked: Sequence[str] | None) -> bool:
    """Whether every method ran on every case."""
    ran = {(row.rung, row.method, row.case) for row in rows}
    return all(
        (rung, method, case.name) in ran
        for rung in rungs
        for method in methods_for(rung, asked)
        if method not in OUTSIDE
        for case in cases(rung)
    )


def printed(row: Row) -> str:
    """Lay a row out as text."""
    score = f"{row.score:10.4f}"
    return (
        f"{row.rung:14}{row.method:16}{row.metric:12}{row.case:8}{score}"
        f"{row.seconds:9.1f} s{row.peak_mib:8.0f} MiB"
    )


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("rungs", nargs="*", metavar="RUNG", help=", ".join(RUNGS))
    parser.add_argument("--methods", help="by default those that suit the rung; sinr is added")
    parser.add_argument("--effort", choices=[str(e) for e in Effort], default="normal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one array of objects")
    parser.add_argument("--case", help="one case, by one method, in this process")
    asked = parser.parse_args(arguments)
    unknown = [rung for rung in asked.rungs if rung not in (*RUNGS, BEYOND)]
    if unknown:
        parser.error(f"there is no rung {unknown[0]!r}; there are {', '.join((*RUNGS, BEYOND))}")
    asked.methods = asked.methods.split(",") if asked.methods else None
    unknown = [method for method in asked.methods or () if method not in (*METHODS, *OUTSIDE)]
    if unknown:
        parser.error(f"there is no method {unknown[0]!r}; there are {', '.join(METHODS)}")
    if asked.case and (len(asked.rungs), len(asked.methods or ())) != (1, 1):
        parser.error("--case needs one rung and one method")
    return asked


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print it; returns the exit status."""
    asked = parsed(arguments)
    if not FOLDER.is_dir():
        print(f"the rungs are not in {FOLDER}; SINR_GEO_LADDER says where", file=sys.stderr)
        return 2
    options = Options(effort=Effort(asked.effort), seed=asked.seed)
    if asked.case:
        found = measured(asked.rungs[0], asked.case, asked.methods[0], options)
        print(json.dumps([asdict(row) for row in found]))
        return 0
    rows = []
    for rung in asked.rungs or RUNGS:
        for row in rows_of(rung, methods_for(rung, asked.methods), options):
            rows.append(row)
            print(printed(row), file=sys.stderr if asked.json else sys.stdout, flush=True)
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    return 0 if whole(rows, asked.rungs or RUNGS, asked.methods) else 1


if __name__ == "__main__":
    sys.exit(main())
