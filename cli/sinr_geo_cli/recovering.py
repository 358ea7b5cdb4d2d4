"""What `fill` and `denoise` have in common: their options, and how their outcome is printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Unpack

import typer

from sinr_geo_cli.options import (
    AdapterName,
    BoundsRules,
    ChannelAxes,
    CoordinateAxes,
    CorrectMissingness,
    Device,
    Effort,
    InputFile,
    Json,
    MaxGap,
    MethodName,
    MissingRules,
    NoUncertainty,
    OutputFile,
    Overwrite,
    Quiet,
    ReportFile,
    Seed,
    Variables,
    Where,
    bounds_of,
    missing_of,
    variables_of,
)
from sinr_geo_cli.output import print_outcome
from sinr_geo_cli.progress import reporting
from sinr_geo_cli.stamp import stamp_of

if TYPE_CHECKING:
    from sinr_geo.files import Asked
    from sinr_geo.outcome import Outcome

__all__ = ["recovery_command"]


class Recover(Protocol):
    """`sinr_geo.fill` or `sinr_geo.denoise`."""

    __name__: str

    def __call__(self, path: Path, output: Path | None, **asked: Unpack[Asked]) -> Outcome:
        """Recover a file."""
        ...


def recovery_command(recover: Recover) -> Callable[..., None]:
    """Make a command of a call that recovers a file; name and help are those of the call."""

    def command(
        context: typer.Context,
        path: InputFile,
        output: OutputFile = None,
        variables: Variables = None,
        method: MethodName = "auto",
        effort: Effort = "normal",
        seed: Seed = 0,
        device: Device = "auto",
        where: Where = "auto",
        missing: MissingRules = None,
        max_gap: MaxGap = None,
        bounds: BoundsRules = None,
        channels: ChannelAxes = None,
        coordinates: CoordinateAxes = None,
        adapter: AdapterName = None,
        correct_missingness: CorrectMissingness = False,
        no_uncertainty: NoUncertainty = False,
        report: ReportFile = None,
        overwrite: Overwrite = False,
        as_json: Json = False,
        quiet: Quiet = False,
    ) -> None:
        from sinr_geo.files import unseen

        stamp, page = stamp_of(context.obj), None
        if report is not None:
            from sinr_geo_cli.report.recovered import RecoveryReport

            page = RecoveryReport.checked(
                report, recover.__name__, path, output, stamp, overwrite=overwrite
            )
        with reporting(quiet=quiet) as progress:
            outcome = recover(
                path,
                output,
                variables=variables_of(variables),
                method=method,
                effort=effort,
                seed=seed,
                device=device,
                where=where,
                missing=missing_of(missing),
                max_gap=max_gap,
                bounds=bounds_of(bounds),
                channels=channels or [],
                coordinates=coordinates or [],
                adapter=adapter,
                correct_missingness=correct_missingness,
                uncertainty=not no_uncertainty,
                overwrite=overwrite,
                stamp=stamp,
                progress=progress,
                witness=unseen if page is None else page.sights,
            )
            if page is not None:
                progress("writing the report", 0.0)
                page.write(outcome)
        print_outcome(recover.__name__, path, outcome, report, as_json=as_json, quiet=quiet)

    command.__name__, command.__doc__ = recover.__name__, recover.__doc__
    return command
