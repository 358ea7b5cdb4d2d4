"""The report of `fill` and `denoise`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sinr_geo.files import output_of
from sinr_geo.methods.protocol import Task
from sinr_geo_cli.report.choice import choice_section
from sinr_geo_cli.report.destination import Destination
from sinr_geo_cli.report.markup import Content, Html, element, joined
from sinr_geo_cli.report.page import Run, page
from sinr_geo_cli.report.pictures import pictures
from sinr_geo_cli.report.sights import Sight, Sights
from sinr_geo_cli.report.tables import table
from sinr_geo_cli.report.words import number, percent

if TYPE_CHECKING:
    from sinr_geo.adapters import Stamp
    from sinr_geo.outcome import LayerOutcome, Outcome

__all__ = ["RecoveryReport"]

_TASKS = {"fill": Task.COMPLETION, "denoise": Task.DENOISING}

_FOOT = (
    "Flags: observed samples are as they were in the input; filled ones were gaps; denoised ones "
    "were observed and replaced; extrapolated ones were gaps that lie farther from any observation "
    "than what was tested; unfilled ones were left. Numbers are shown to four digits; the value "
    "attribute of their element has all of them."
)


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """A report that is asked for, before the run and after it.

    Parameters
    ----------
    destination : Destination
    command : str
        ``"fill"`` or ``"denoise"``.
    stamp : Stamp
    sights : Sights
        To be shown every layer while it is recovered.
    """

    destination: Destination
    command: str
    stamp: Stamp
    sights: Sights = field(default_factory=Sights)

    @classmethod
    def checked(
        cls,
        path: Path,
        command: str,
        source: Path,
        output: Path | None,
        stamp: Stamp,
        *,
        overwrite: bool,
    ) -> RecoveryReport:
        """Return the report, if it can be written; errors are those of `Destination.checked`."""
        outputs = (output_of(_TASKS[command], source, output),)
        destination = Destination.checked(path, source, outputs, overwrite=overwrite)
        return cls(destination, command, stamp)

    def write(self, outcome: Outcome) -> None:
        """Draw and write the page, once the outputs are in their place."""
        run = Run(self.stamp, self.destination.source, outcome.outputs)
        layers = zip(outcome.layers, self.sights.layers, strict=True)
        sections = [_layer(layer, sight) for layer, sight in layers]
        title = f"sinr-geo {self.command} of {run.source.name}"
        self.destination.write(page(title, run, outcome.notes, sections, _FOOT))


def _layer(layer: LayerOutcome, sight: Sight) -> Html:
    return element(
        "section",
        element("h2", f"Layer {layer.name}"),
        element("h3", "What was recovered"),
        _counts(layer, sight),
        *pictures(sight),
        choice_section(layer.choice) if layer.choice else _untouched(),
    )


def _untouched() -> Html:
    return element("p", "Nothing was recovered in this layer: it is as it was.")


def _counts(layer: LayerOutcome, sight: Sight) -> Html:
    """Show the samples of every channel by their flag, and of all together."""
    flags = [
        flag for flag, count in layer.samples.items() if count or flag in ("observed", "filled")
    ]
    rows = [
        _count_row(joined((count.name, _unit(count.unit))), count.samples, flags)
        for count in sight.counts
    ]
    if len(rows) > 1:
        rows.append(_count_row("all channels", layer.samples, flags))
    heads = ("channel", *flags, "recovered")
    return table("Samples by flag, and the share that was recovered", heads, rows)


def _count_row(name: Content, samples: Mapping[str, int], flags: Sequence[str]) -> list[Content]:
    total = sum(samples.values())
    kept = samples.get("observed", 0) + samples.get("unfilled", 0)
    share = percent(1.0 - kept / total if total else None)
    return [name, *(number(samples.get(flag, 0)) for flag in flags), share]


def _unit(unit: str) -> Html | str:
    return element("span", f" [{unit}]", class_="muted") if unit else ""
