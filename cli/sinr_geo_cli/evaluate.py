"""`sinr-geo evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sinr_geo_cli.options import (
    AdapterName,
    ChannelAxes,
    CoordinateAxes,
    Device,
    Effort,
    InputFile,
    Json,
    MissingRules,
    Quiet,
    ReportFile,
    Seed,
    Variables,
    Where,
    methods_of,
    missing_of,
    variables_of,
)
from sinr_geo_cli.output import print_json, print_lines, report_entry
from sinr_geo_cli.progress import reporting
from sinr_geo_cli.stamp import is_repeatable, stamp_of

if TYPE_CHECKING:
    from rich.table import Table

    from sinr_geo.evaluation import Evaluation, LayerEvaluation, MethodScore

__all__ = ["evaluate"]

_CHANNELS_SHOWN = 4
_WIDTH_WITHOUT_TERMINAL = 160

MethodNames = Annotated[
    str | None,
    typer.Option(
        "--method", metavar="A,B", help="Methods; by default auto, both heads and the peers."
    ),
]

Overwrite = Annotated[
    bool, typer.Option("--overwrite", metavar="", help="Replace an existing report.")
]


def evaluate(
    context: typer.Context,
    path: InputFile,
    variables: Variables = None,
    method: MethodNames = None,
    effort: Effort = "normal",
    seed: Seed = 0,
    device: Device = "auto",
    where: Where = "auto",
    missing: MissingRules = None,
    channels: ChannelAxes = None,
    coordinates: CoordinateAxes = None,
    adapter: AdapterName = None,
    report: ReportFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Withhold pieces of a file, fill them by several methods, and say which does best on it."""
    import sinr_geo
    from sinr_geo.version import __version__

    page = None
    if report is not None:
        from sinr_geo_cli.report.evaluated import EvaluationReport

        page = EvaluationReport.checked(
            report, path, stamp_of(context.obj), timed=not is_repeatable(), overwrite=overwrite
        )
    with reporting(quiet=quiet) as progress:
        found = sinr_geo.evaluate(
            path,
            variables=variables_of(variables),
            methods=methods_of(method),
            effort=effort,
            seed=seed,
            device=device,
            where=where,
            missing=missing_of(missing),
            channels=channels or [],
            coordinates=coordinates or [],
            adapter=adapter,
            progress=progress,
        )
        if page is not None:
            page.write(found)
    if as_json:
        told = {**found.as_dict(), **report_entry(report)}
        print_json({"command": "evaluate", "version": __version__, **told})
    elif not quiet:
        _print(found, report)


def _print(found: Evaluation, report: Path | None) -> None:
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    console = Console(file=sys.stdout, width=width)
    if report is not None:
        print_lines([f"wrote {report}"])
    for layer in found.layers:
        print_lines([f"{layer.name}:", *(f"  {finding}" for finding in layer.findings)])
        console.print(_table(layer))
    print_lines([f"note: {note}" for note in found.notes])


def _table(layer: LayerEvaluation) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    shown = layer.scores[0].skill.channels[:_CHANNELS_SHOWN]
    table = Table(box=box.SIMPLE)
    table.add_column("method", no_wrap=True)
    names = [f"{c.channel} RMSE{f' [{c.unit}]' if c.unit else ''}" for c in shown]
    for name in (*names, "RMSE [sd]", "CRPS [sd]", "in 95 %", "in 68 %", "seconds"):
        table.add_column(escape(name), justify="right")
    for score in layer.scores:
        table.add_row(*_cells(score))
    return table


def _cells(score: MethodScore) -> list[str]:
    skill = score.skill
    return [
        score.method,
        *(f"{channel.rmse:.4g}" for channel in skill.channels[:_CHANNELS_SHOWN]),
        f"{skill.rmse_sd:.4f}",
        "-" if skill.crps_sd is None else f"{skill.crps_sd:.4f}",
        "-" if skill.within_95 is None else f"{skill.within_95:.1%}",
        "-" if skill.within_68 is None else f"{skill.within_68:.1%}",
        f"{score.seconds:.1f}",
    ]
