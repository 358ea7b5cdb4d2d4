"""The report of `evaluate`: who wins on this file, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sinr_geo_cli.report.destination import Destination
from sinr_geo_cli.report.markup import Content, Html, element
from sinr_geo_cli.report.page import Run, page
from sinr_geo_cli.report.tables import table
from sinr_geo_cli.report.words import number, percent

if TYPE_CHECKING:
    from sinr_geo.adapters import Stamp
    from sinr_geo.evaluation import Evaluation, LayerEvaluation, MethodScore

__all__ = ["EvaluationReport"]

_FOOT = (
    "RMSE is the root mean square error of withheld samples that no method saw, in standard "
    "deviations (sd) of the channel or in its unit. CRPS is the continuous ranked probability "
    "score of the predicted Gaussians; lower is better for both. The intervals of 95 and 68 % "
    "should hold that share of the withheld samples. The p-value is that of a paired test over "
    "compact blocks against the best method."
)
_UNTIMED = "Seconds are left out: SOURCE_DATE_EPOCH asks for a report that can be repeated."


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """A report that is asked for, before the run and after it.

    Parameters
    ----------
    destination : Destination
    stamp : Stamp
    timed : bool
        Whether the seconds that every method took are shown; no two runs have the same.
    """

    destination: Destination
    stamp: Stamp
    timed: bool

    @classmethod
    def checked(
        cls, path: Path, source: Path, stamp: Stamp, *, timed: bool, overwrite: bool
    ) -> EvaluationReport:
        """Return the report, if it can be written; errors are those of `Destination.checked`."""
        return cls(Destination.checked(path, source, overwrite=overwrite), stamp, timed)

    def write(self, found: Evaluation) -> None:
        """Write the page."""
        run = Run(self.stamp, self.destination.source)
        sections = [_layer(layer, timed=self.timed) for layer in found.layers]
        title = f"Methods side by side on {run.source.name}"
        self.destination.write(page(title, run, found.notes, sections, _FOOT))


def _layer(layer: LayerEvaluation, *, timed: bool) -> Html:
    return element(
        "section",
        element("h2", f"Layer {layer.name}"),
        element("ul", *(element("li", finding) for finding in layer.findings)),
        element("h3", "All methods"),
        _methods(layer, timed=timed),
        "" if timed else element("p", _UNTIMED, class_="muted"),
        *_failed(layer),
        element("h3", "By channel"),
        _channels(layer),
        element("h3", "What was withheld"),
        _withheld(layer),
    )


def _methods(layer: LayerEvaluation, *, timed: bool) -> Html:
    best = layer.scores[0].skill.rmse_sd
    rows = [_method(score, best, timed=timed) for score in layer.scores]
    heads = ["method", "RMSE [sd]", "above the best", "p-value", "CRPS [sd]", "in 95 %", "in 68 %"]
    heads += ["seconds"] if timed else []
    return table("Errors over all channels, the best method first", heads, rows, marked=0)


def _method(score: MethodScore, best: float, *, timed: bool) -> list[Content]:
    skill = score.skill
    above = percent(skill.rmse_sd / best - 1.0) if best > 0 else ""
    row: list[Content] = [
        score.method,
        number(skill.rmse_sd),
        above,
        number(score.p_value),
        number(skill.crps_sd),
        percent(skill.within_95),
        percent(skill.within_68),
    ]
    return [*row, number(round(score.seconds, 1))] if timed else row


def _failed(layer: LayerEvaluation) -> Iterator[Html]:
    if layer.failed:
        rows = list(layer.failed.items())
        yield table("Methods that could not be tried", ("method", "why"), rows)


def _channels(layer: LayerEvaluation) -> Html:
    """Show every score of every channel, the best method of each channel first."""
    rows = [row for number in range(_count(layer)) for row in _channel(layer, number)]
    heads = ("channel", "method", "samples", "RMSE", "RMSE [sd]", "CRPS", "in 95 %", "in 68 %")
    return table("Errors by channel, the best method of each first", heads, rows)


def _count(layer: LayerEvaluation) -> int:
    return len(layer.scores[0].skill.channels)


def _channel(layer: LayerEvaluation, place: int) -> Iterator[list[Content]]:
    ranked = sorted(layer.scores, key=lambda score: score.skill.channels[place].rmse)
    for score in ranked:
        own = score.skill.channels[place]
        yield [
            f"{own.channel} [{own.unit}]" if own.unit else own.channel,
            score.method,
            number(own.samples),
            number(own.rmse),
            number(own.rmse_sd),
            number(own.crps),
            percent(own.within_95),
            percent(own.within_68),
        ]


def _withheld(layer: LayerEvaluation) -> Html:
    facts: dict[str, Content] = {
        "Points": number(layer.points),
        "Points looked at": number(layer.points_used),
        "Observed samples among them": number(layer.observed),
        "Withheld from every method": number(layer.withheld),
        "How": layer.how,
    }
    pairs = [(element("dt", name), element("dd", fact)) for name, fact in facts.items()]
    return element("dl", *(piece for pair in pairs for piece in pair))
