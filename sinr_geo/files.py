"""The five calls between a file and its recovered copy.

Find the adapter, open, read, recover, write: `fill` and `denoise` are these five calls for every
layer of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from sinr_geo.adapters import Document, Layer, MissingRule, Query, Stamp
from sinr_geo.errors import NothingToDoError, RequestError
from sinr_geo.methods.protocol import Progress, Task
from sinr_geo.options import Bounds, Options
from sinr_geo.outcome import LayerOutcome, Outcome
from sinr_geo.points import PointSet
from sinr_geo.recover import recover_points, sparse_channels
from sinr_geo.recovery import Flag, Recovery
from sinr_geo.registry import find_adapter
from sinr_geo.request import effort_named, gaps_asked_for, silent
from sinr_geo.staging import check_folder, check_output, output_path, write_whole
from sinr_geo.version import __version__

__all__ = ["Asked", "Witness", "denoise", "fill", "output_of", "unseen"]

_WORDS = {Task.COMPLETION: "filled", Task.DENOISING: "denoised"}

Witness = Callable[[str, PointSet, Recovery], None]
"""Called with the name, the points as read and the recovery of every layer, before anything is
written. Whoever wants to show them keeps what is needed: nobody else holds the points on."""


class Asked(TypedDict, total=False):
    """Keywords that `fill` and `denoise` share; see `fill`."""

    variables: Sequence[str] | None
    method: str
    effort: str
    seed: int
    device: str
    where: str
    missing: Sequence[MissingRule]
    max_gap: float | None
    bounds: Bounds
    channels: Sequence[str]
    coordinates: Sequence[str]
    adapter: str | None
    uncertainty: bool
    correct_missingness: bool
    overwrite: bool
    stamp: Stamp
    progress: Progress
    witness: Witness


def fill(path: str | Path, output: str | Path | None = None, **asked: Unpack[Asked]) -> Outcome:
    """Fill the gaps of a file and write the result beside it, in the same format.

    Parameters
    ----------
    path : path-like
        A file that an installed adapter opens. It is not written to.
    output : path-like, optional
        By default ``weather.filled.nc`` beside ``weather.nc``.
    variables : sequence of str, optional
        Variables or bands to fill; by default every one that can be.
    method : str, default "auto"
        ``"auto"`` (the methods that suit the data, stacked on withheld samples) or any name of
        `sinr_geo.methods.catalogue.METHODS`.
    effort : str, default "normal"
        ``"fast"``, ``"normal"`` or ``"best"``.
    seed : int, default 0
        The same seed gives the same arrays on a CPU.
    device : str, default "auto"
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    where : str, default "auto"
        Which gaps are wanted: ``"auto"``, ``"all"``, a variable of the file or another file.
    missing : sequence of MissingRule
        What else counts as missing.
    max_gap : float, optional
        Leave samples farther than this many typical spacings from any observed one.
    bounds : mapping of str to (float, float), optional
        Lowest and highest value by variable or channel, ``"*"`` for all.
    channels, coordinates : sequence of str
        Axes whose role is fixed.
    adapter : str, optional
        Name of the adapter to use.
    uncertainty : bool, default True
        Whether standard errors are written.
    correct_missingness : bool, default False
        Whether a trend of the observed values towards the gaps, where one is found, is carried on
        into them (`sinr_geo.gap_drift`).
    overwrite : bool, default False
        Whether existing outputs may be replaced.
    stamp : Stamp, optional
        What the output's history says; by default this call, now.
    progress : callable, optional
        Called with what is being done and the share of it that is done.
    witness : callable, optional
        Called with the name, points and recovery of every layer before the output is written.

    Returns
    -------
    Outcome

    Raises
    ------
    SinrGeoError
        If the file, an option or the output is not as it has to be. Nothing is written then.
    """
    return _recover_file(Task.COMPLETION, Path(path), output, asked)


def denoise(path: str | Path, output: str | Path | None = None, **asked: Unpack[Asked]) -> Outcome:
    """Remove the noise of a file, fill its gaps too, and write the result beside it.

    Parameters, results and errors are those of `fill`; the default output is
    ``scene.denoised.tif`` beside ``scene.tif``.
    """
    return _recover_file(Task.DENOISING, Path(path), output, asked)


def output_of(task: Task, source: Path, output: str | Path | None = None) -> Path:
    """Return where `fill` (completion) or `denoise` writes to.

    Parameters
    ----------
    task : Task
    source : Path
        The input.
    output : path-like, optional
        As given to `fill` or `denoise`.
    """
    return output_path(source, output, _WORDS[task])


def _recover_file(task: Task, source: Path, output: str | Path | None, asked: Asked) -> Outcome:
    options = _options(asked)
    adapter = find_adapter(source, asked.get("adapter"))
    target = output_of(task, source, output)
    overwrite = asked.get("overwrite", False)
    check_output(source, target, overwrite=overwrite)
    check_folder(target.parent)
    query = _query(asked)
    document = adapter.open(source, query)
    adapter.check_target(document, target)
    _check_bounds(document, options.bounds)
    progress = asked.get("progress", silent)
    witness = asked.get("witness", unseen)
    recoveries, outcomes, notes = _recover_layers(document, task, options, query, progress, witness)
    stamp = asked.get("stamp") or Stamp(f"{task} of {source.name}", __version__, datetime.now(UTC))

    def write(staged: Path) -> tuple[Path, ...]:
        return adapter.write(document, recoveries, staged, stamp)

    written = write_whole(source, target, write, overwrite=overwrite)
    return Outcome(written, tuple(outcomes), (*document.notes, *notes))


def _recover_layers(
    document: Document,
    task: Task,
    options: Options,
    query: Query,
    progress: Progress,
    witness: Witness,
) -> tuple[list[Recovery], list[LayerOutcome], list[str]]:
    """Recover every layer; one that cannot be is left as it is if another one can."""
    recoveries, outcomes, notes, failures = [], [], [], []
    for layer in document.layers:
        points = layer.read()
        gaps = gaps_asked_for(document.path, layer, points, options)
        seen = bool(points.observed.any())
        notes += [f"{layer.name}: {note}" for note in gaps.notes if seen]
        recovery = _as_read(points)
        if task is Task.COMPLETION and seen and not gaps.wanted.any():
            notes.append(f"{layer.name}: no gap to fill")
        else:
            try:
                recovery = recover_points(points, gaps.wanted, task, options, progress)
                notes += [f"{layer.name}: {note}" for note in recovery.notes]
            except NothingToDoError as error:
                failures.append((layer.name, error))
        notes += _too_sparse(document.path, layer, points, query)
        witness(layer.name, points, recovery)
        recoveries.append(recovery)
        names = tuple(channel.name for channel in layer.channels)
        outcomes.append(LayerOutcome.of(layer.name, names, recovery, points.observed))
    if len(failures) == len(document.layers):
        name, why = failures[0]
        where = document.path if name == document.path.name else f"{document.path}: {name}"
        raise NothingToDoError(f"{where}: {why}")
    notes += [f"{name}: {why}" for name, why in failures]
    return recoveries, outcomes, notes


def unseen(name: str, points: PointSet, recovery: Recovery) -> None:
    """Show a layer to nobody: the witness where none is given."""


def _too_sparse(path: Path, layer: Layer, points: PointSet, query: Query) -> list[str]:
    """Say which channels are left because too little of them was observed."""
    sparse = [points.channels[int(j)] for j in sparse_channels(points)]
    if not sparse or len(sparse) == len(points.channels):
        return []
    names = ", ".join(channel.name for channel in sparse)
    sentence = f"too little was observed of {names} to recover anything from"
    if query.variables is not None and {c.source for c in sparse} & set(query.variables):
        raise NothingToDoError(f"{path}: {sentence}; leave it out of --variables")
    return [f"{layer.name}: {sentence}; left as it is"]


def _as_read(points: PointSet) -> Recovery:
    """Return a recovery that changes nothing."""
    flag = np.full(points.values.shape, Flag.OBSERVED, dtype=np.uint8)
    return Recovery(points.values, None, flag)


def _check_bounds(document: Document, bounds: Bounds) -> None:
    """Refuse bounds for what the file does not have."""
    channels = [channel for layer in document.layers for channel in layer.channels]
    known = {"*", *(c.name for c in channels), *(c.source for c in channels)}
    for name in bounds:
        if name not in known:
            raise RequestError(
                f"--bounds {name}: {document.path} has no such variable or band; it has "
                f"{', '.join(sorted(known - {'*'}))}"
            )


def _query(asked: Asked) -> Query:
    named = asked.get("variables")
    return Query(
        variables=None if named is None else tuple(named),
        missing=tuple(asked.get("missing", ())),
        channels=tuple(asked.get("channels", ())),
        coordinates=tuple(asked.get("coordinates", ())),
    )


def _options(asked: Asked) -> Options:
    return Options(
        method=asked.get("method", "auto"),
        effort=effort_named(asked.get("effort", "normal")),
        seed=asked.get("seed", 0),
        device=asked.get("device", "auto"),
        where=asked.get("where", "auto"),
        max_gap=asked.get("max_gap"),
        bounds=asked.get("bounds", {}),
        uncertainty=asked.get("uncertainty", True),
        correct_missingness=asked.get("correct_missingness", False),
    )
