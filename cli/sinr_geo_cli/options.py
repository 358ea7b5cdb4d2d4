"""Options that several commands share, and how their words are read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.models import OptionInfo

if TYPE_CHECKING:
    from sinr_geo.adapters import MissingRule

__all__ = [
    "AdapterName",
    "BoundsRules",
    "ChannelAxes",
    "CoordinateAxes",
    "CorrectMissingness",
    "Device",
    "Effort",
    "InputFile",
    "Json",
    "MaxGap",
    "MethodName",
    "MissingRules",
    "NoUncertainty",
    "OutputFile",
    "Overwrite",
    "Quiet",
    "ReportFile",
    "Seed",
    "Variables",
    "Where",
    "bounds_of",
    "methods_of",
    "missing_of",
    "variables_of",
]


def _flag(name: str, text: str) -> OptionInfo:
    """Declare an option that takes no value."""
    option: OptionInfo = typer.Option(name, metavar="", help=text)
    return option


InputFile = Annotated[Path, typer.Argument(metavar="INPUT", help="A file; it is not written to.")]
OutputFile = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Where to write; by default beside the input."),
]
Variables = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Variables or bands; by default every one that can be."),
]
MethodName = Annotated[
    str,
    typer.Option(
        "--method",
        help="auto, sinr-bayes, sinr, sinr-paper, sinr-steps, residual-trees, attention, kriging, "
        "rbf, trees, nearest; or one to compare with: siren, fourier, gauss, wire, finer, dip, "
        "knr, dt, rf, subspace-bm3d.",
    ),
]
Effort = Annotated[str, typer.Option(help="fast, normal or best.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same arrays on a CPU.")]
Device = Annotated[str, typer.Option(help="auto (a GPU if there is one), cpu or cuda.")]
Where = Annotated[
    str,
    typer.Option(
        metavar="auto|all|MASK",
        help="Which gaps: auto leaves land and collars; all; or a variable of the file or "
        "another file that is not 0 where gaps are wanted.",
    ),
]
MissingRules = Annotated[
    list[str] | None,
    typer.Option(
        "--missing",
        metavar="NAME=VALUE",
        help="What else counts as missing: alpha=0, rgb=0, nan, an attribute's value, or "
        "value=NUMBER for any channel. Repeatable.",
    ),
]
MaxGap = Annotated[
    float | None,
    typer.Option(metavar="CELLS", help="Leave samples farther than this from any observed one."),
]
BoundsRules = Annotated[
    list[str] | None,
    typer.Option(
        "--bounds",
        metavar="NAME=LOW:HIGH",
        help="Lowest and highest value of a variable, * for all; either may be empty. Repeatable.",
    ),
]
ChannelAxes = Annotated[
    list[str] | None,
    typer.Option("--channels", metavar="AXIS", help="Every step of this axis is a channel."),
]
CoordinateAxes = Annotated[
    list[str] | None,
    typer.Option("--coordinates", metavar="AXIS", help="This axis is a coordinate."),
]
AdapterName = Annotated[
    str | None,
    typer.Option("--adapter", metavar="NAME", help="Read with this adapter; see formats."),
]
CorrectMissingness = Annotated[
    bool,
    _flag(
        "--correct-missingness",
        "Carry a trend of the values towards the gaps, where one is found, on into them.",
    ),
]
NoUncertainty = Annotated[bool, _flag("--no-uncertainty", "Write flags but no standard errors.")]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="PATH.html",
        help="Write an HTML page too: what was found, how it was chosen, pictures.",
    ),
]
Overwrite = Annotated[bool, _flag("--overwrite", "Replace an existing output or report.")]
Json = Annotated[bool, _flag("--json", "Print one JSON object; all else goes to standard error.")]
Quiet = Annotated[bool, _flag("--quiet", "Print nothing but errors.")]


def variables_of(text: str | None) -> list[str] | None:
    """Read ``a,b``."""
    return _names(text, "--variables")


def methods_of(text: str | None) -> list[str] | None:
    """Read ``auto,rbf``."""
    return _names(text, "--method")


def missing_of(rules: list[str] | None) -> list[MissingRule]:
    """Read ``alpha=0``, ``nan`` or ``NAME=VALUE``."""
    from sinr_geo.adapters import MissingRule

    return [
        MissingRule("nan") if rule == "nan" else MissingRule(*_missing_pair(rule))
        for rule in rules or []
    ]


def bounds_of(rules: list[str] | None) -> dict[str, tuple[float, float]]:
    """Read ``NAME=LOW:HIGH``; a side that is empty is not bounded."""
    return dict(_bounds_pair(rule) for rule in rules or [])


def _names(text: str | None, option: str) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise typer.BadParameter(f"expected names A,B, not {text!r}", param_hint=option)
    return names


def _missing_pair(rule: str) -> tuple[str, float]:
    name, _, value = rule.rpartition("=")
    try:
        if name:
            return name, float(value)
    except ValueError:
        pass
    raise typer.BadParameter(
        f"expected NAME=VALUE with a number (alpha=0, rgb=0) or nan, not {rule!r}",
        param_hint="--missing",
    )


def _bounds_pair(rule: str) -> tuple[str, tuple[float, float]]:
    name, _, sides = rule.rpartition("=")
    low, colon, high = sides.partition(":")
    try:
        if name and colon:
            bounds = float(low or -math.inf), float(high or math.inf)
            if not any(map(math.isnan, bounds)):
                return name, bounds
    except ValueError:
        pass
    raise typer.BadParameter(
        f"expected NAME=LOW:HIGH with numbers (rain=0:), not {rule!r}", param_hint="--bounds"
    )
