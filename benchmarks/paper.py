"""The tables and figures of the S-INR paper beside ours: same data or stand-ins, same metrics.

    python -m benchmarks.paper --table {1,2,3,4,5} [--quick] [--json]
    python -m benchmarks.paper --figure {2,3,4,5,6,7} [--quick] [--json] [--out FOLDER]

Every score has two forms. *As published*: the **test values** choose learning rate, iteration and,
for points, the superpixel of every test point; that is a leak and no user could do it. *Honest*:
entries withheld from the training data choose. Table 1 has no test values, so no leak. `--quick`
cuts the numbers of steps (fixed for every method, `_QUICK_STEPS` in `benchmarks.paper_fits`), tries
one setting, and cuts images to their central 64 x 64 pixels; point data and their splits are always
whole. `--original NAME=PATH` takes the paper's own data.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.paper_ablation import FORMS, SUPERPIXELS, Parts, tried
from benchmarks.paper_cases import ORIGINALS, cases_for
from benchmarks.paper_fits import REGRESSORS, Found, Given, as_published, honest
from benchmarks.paper_published import ABLATION, METHODS, STANDS_FOR, TABLES, published
from benchmarks.rungs import FOLDER, Case
from benchmarks.scores import scores_of
from sinr_geo.points import PointSet
from sinr_geo.workers import one_thread_each

__all__ = ["Row", "main", "rows_of"]

_BYTES, _MIB = 4, 2.0**20
_STEPS = 1_001
_QUICK_SUPERPIXELS = 4


@dataclass(frozen=True)
class Row:
    """One figure of ours beside the paper's.

    Parameters
    ----------
    table : int or str
        Table, or ``"figure 3"``.
    data, case, method, metric : str
        `data` is a rung of the ladder, a stand-in or an original; `case` is its rate, ``"mean"``
        for the mean of all rates and, in Table 5, the form of the network.
    published : float, optional
        The paper's figure for the data that ours stand for.
    ours : float
    honest : bool
        False where test values chose anything.
    parameters : float, optional
        In MiB, at 4 bytes each.
    seconds : float
    """

    table: int | str
    data: str
    case: str
    method: str
    metric: str
    published: float | None
    ours: float
    honest: bool
    parameters: float | None
    seconds: float


def rows_of(table: int, asked: argparse.Namespace) -> Iterator[Row]:
    """Run a table, some fits at a time; the means of several rates come last."""
    fits: list[Fit] = []
    for case in cases_for(table, asked.original, quick=asked.quick):
        if asked.data in (None, case.rung):
            given = Given.of(case, asked.seed, asked.device)
            fits += (_ablation if table == 5 else _compared)(table, case, given, asked)
    rows = []
    for row in chain.from_iterable(_results(fits, asked.jobs)):
        rows.append(row)
        yield row
    if table == 4:
        yield from _means(rows)
    if not rows:
        what = " by ".join(repr(name) for name in (asked.data, asked.method) if name)
        raise SystemExit(f"table {table} has no {what}")


Fit = Callable[[], list[Row]]
Told = Callable[[str], float | None]
"""What the paper says of a metric."""


def _results(fits: Sequence[Fit], jobs: int) -> Iterator[list[Row]]:
    """Run fits in so many processes, each on one thread; -> results in order.

    Threads of one process would wait for each other: small networks hold the interpreter's lock.
    """
    if jobs == 1:
        with one_thread_each():
            yield from (fit() for fit in fits)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_on_one_thread) as pool:
        yield from (future.result() for future in [pool.submit(fit) for fit in fits])


def _on_one_thread() -> None:
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def _compared(table: int, case: Case, given: Given, asked: argparse.Namespace) -> Iterator[Fit]:
    """Yield the fits of a table's methods on one case, as published and honest."""
    quick = asked.quick
    for method in (name for name in TABLES[table] if asked.method in (None, name)):
        told = partial(published, case.rung, case.name, method)
        if table != 1 and method not in REGRESSORS:
            fit = partial(as_published, method, case, given, quick=quick)
            yield partial(_timed, table, case, method, False, told, fit)
        fit = partial(honest, method, given, case.kind, quick=quick)
        yield partial(_timed, table, case, method, True, told, fit)


def _timed(
    table: int, case: Case, method: str, fair: bool, told: Told, fit: Callable[[], Found]
) -> list[Row]:
    """Run a fit and score it."""
    started = time.perf_counter()
    found = fit()
    seconds = round(time.perf_counter() - started, 1)
    size = None if found.parameters is None else round(found.parameters * _BYTES / _MIB, 3)
    return [
        Row(table, case.rung, case.name, method, metric, told(metric), score, fair, size, seconds)
        for metric, score in scores_of(case, found.values, None).items()
    ]


def _ablation(table: int, case: Case, given: Given, asked: argparse.Namespace) -> Iterator[Fit]:
    """Yield the fits of the forms of Table 5, all of one number of parameters."""
    superpixels = _QUICK_SUPERPIXELS if asked.quick else SUPERPIXELS
    for name, parts in FORMS.items():
        method = "S-INR" if parts.superpixels else "SIREN"
        if asked.method not in (None, method):
            continue
        named = replace(case, name=f"{case.name} {name}")
        told = dict(zip(("psnr", "ssim"), ABLATION[name], strict=False)).get
        for fair in (False, True):
            if fair:
                fit = partial(_ablated_honestly, parts, given, superpixels)
            else:
                fit = partial(_ablated_as_published, parts, case, given, superpixels)
            yield partial(_timed, table, named, method, fair, told, fit)


def _ablated_honestly(parts: Parts, given: Given, superpixels: int) -> Found:
    """Stop a form where withheld entries say."""
    fold = given.fold()
    assert fold is not None
    train = replace(given, points=fold.train(given.points))
    choice = tried(parts, train, superpixels, _STEPS, (given.points, fold.asked))
    found = tried(parts, given, superpixels, _STEPS, None, choice.step)
    return Found(found.values, found.parameters, f"step {choice.step} of {_STEPS}")


def _ablated_as_published(parts: Parts, case: Case, given: Given, superpixels: int) -> Found:
    """Stop a form where the **test values** say."""
    truth: PointSet = replace(given.points, values=case.truth)
    found = tried(parts, given, superpixels, _STEPS, (truth, case.scored))
    return Found(found.values, found.parameters, f"step {found.step} of {_STEPS}")


def _means(rows: Sequence[Row]) -> Iterator[Row]:
    """Average over the rates, as Table 4 does."""
    keys = dict.fromkeys((row.data, row.method, row.metric, row.honest) for row in rows)
    for data, method, metric, fair in keys:
        own = [
            r
            for r in rows
            if (r.data, r.method, r.metric, r.honest) == (data, method, metric, fair)
        ]
        told = published(data, "mean", method, metric)
        score = float(np.mean([row.ours for row in own]))
        seconds = round(sum(row.seconds for row in own), 1)
        yield replace(own[0], case="mean", published=told, ours=score, seconds=seconds)


def printed(row: Row) -> str:
    """Lay a row out as text."""
    told = "-" if row.published is None else f"{row.published:.3f}"
    size = "-" if row.parameters is None else f"{row.parameters:.3f}"
    scene = STANDS_FOR.get(row.data, row.data)
    data = row.data if scene.startswith(row.data.rstrip("24")) else f"{row.data} (for {scene})"
    column = "honest" if row.honest else "as published (LEAKED)"
    return (
        f"{data:28}{row.case:40}{row.method:9}{row.metric:7}{told:>9}{row.ours:9.4f}  "
        f"{column:23}{size:>8}{row.seconds:8.1f}"
    )


def header() -> str:
    """Name the columns of `printed`."""
    return (
        f"{'data':28}{'case':40}{'method':9}{'metric':7}{'paper':>9}{'ours':>9}  {'column':23}"
        f"{'MiB':>8}{'seconds':>8}"
    )


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--table", type=int, choices=sorted(TABLES))
    what.add_argument("--figure", type=int, choices=range(2, 8))
    parser.add_argument("--quick", action="store_true", help="fewer steps, images 64 x 64")
    parser.add_argument("--json", action="store_true", help="one array of objects")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    cores = os.cpu_count() or 1
    parser.add_argument("--jobs", type=int, default=min(4, cores), help="fits at a time")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="for figures")
    parser.add_argument("--data", help="only these: weather, scene1, kodim24, samson, ...")
    parser.add_argument("--method", choices=METHODS, help="only this one")
    parser.add_argument("--original", action="append", default=[], metavar="NAME=PATH")
    asked = parser.parse_args(arguments)
    pairs = [text.partition("=") for text in asked.original]
    asked.original = {name: Path(path) for name, _, path in pairs}
    names = sorted({name for names in ORIGINALS.values() for name in names})
    for name, path in asked.original.items():
        if name not in names:
            parser.error(f"the paper has no data {name!r}; there are {', '.join(names)}")
        if not path.is_file():
            parser.error(f"--original {name}: there is no file {path}")
    return asked


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print it; returns the exit status."""
    asked = parsed(arguments)
    if not asked.original and not FOLDER.is_dir():
        print(f"the rungs are not in {FOLDER}; SINR_GEO_LADDER says where", file=sys.stderr)
        return 2
    aside = sys.stderr if asked.json else sys.stdout
    print(header(), file=aside)
    rows = []
    for row in _asked_rows(asked):
        rows.append(row)
        print(printed(row), file=aside, flush=True)
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


def _asked_rows(asked: argparse.Namespace) -> Iterator[Row]:
    if asked.table:
        return rows_of(asked.table, asked)
    from benchmarks.paper_figures import figure

    return figure(asked.figure, asked)


if __name__ == "__main__":
    sys.exit(main())
