"""`sinr-geo segment`."""

from __future__ import annotations

from typing import Annotated

import typer

from sinr_geo_cli.options import (
    AdapterName,
    ChannelAxes,
    CoordinateAxes,
    InputFile,
    Json,
    MissingRules,
    OutputFile,
    Overwrite,
    Quiet,
    Seed,
    Variables,
    missing_of,
    variables_of,
)
from sinr_geo_cli.output import print_outcome
from sinr_geo_cli.progress import reporting
from sinr_geo_cli.stamp import stamp_of

__all__ = ["segment"]

Superpixels = Annotated[
    int | None,
    typer.Option(metavar="K", help="Number of superpixels; by default 15 to 50, by size."),
]
Alpha = Annotated[float, typer.Option(help="Weight of place against values.")]


def segment(
    context: typer.Context,
    path: InputFile,
    output: OutputFile = None,
    superpixels: Superpixels = None,
    alpha: Alpha = 1.0,
    seed: Seed = 0,
    variables: Variables = None,
    missing: MissingRules = None,
    channels: ChannelAxes = None,
    coordinates: CoordinateAxes = None,
    adapter: AdapterName = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the generalized superpixel of every point, in the format of the file."""
    import sinr_geo

    with reporting(quiet=quiet) as progress:
        outcome = sinr_geo.segment(
            path,
            output,
            superpixels=superpixels,
            alpha=alpha,
            seed=seed,
            variables=variables_of(variables),
            missing=missing_of(missing),
            channels=channels or [],
            coordinates=coordinates or [],
            adapter=adapter,
            overwrite=overwrite,
            stamp=stamp_of(context.obj),
            progress=progress,
        )
    print_outcome("segment", path, outcome, as_json=as_json, quiet=quiet)
