"""The members of a stack: what each scored, and what weight it got."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sinr_geo_cli.report.markup import Content, Html, element
from sinr_geo_cli.report.tables import table
from sinr_geo_cli.report.words import number, percent

__all__ = ["members_table", "weights_table"]

_LONGEST_BAR = 8.0


def members_table(choice: Mapping[str, Any]) -> Html:
    """Show every method that was scored, those that were dropped too.

    Parameters
    ----------
    choice : mapping
        With ``scores``; with ``weights`` where methods were stacked.
    """
    scores, weights = choice["scores"], choice.get("weights")
    names = list(dict.fromkeys((*(weights or {}), *scores)))
    if weights is None:
        names.sort(key=lambda name: _order(scores[name]))
        rows: list[tuple[Content, ...]] = [(name, number(scores[name])) for name in names]
        caption = "What every method scored, lower is better; the best was taken"
        return table(caption, ("method", "error"), rows, marked=_taken(choice, names))
    names.sort(key=lambda name: (-weights.get(name, 0.0), _order(scores.get(name))))
    rows = [(name, _weight(weights.get(name)), number(scores.get(name))) for name in names]
    return table(
        "Weight of every member, and the error of what was withheld from it, in standard "
        "deviations; lower is better",
        ("member", "weight", "withheld error"),
        rows,
    )


def weights_table(by_channel: Mapping[str, Mapping[str, float]]) -> Html:
    """Show the weights of every channel, where they differ."""
    names = list(dict.fromkeys(name for weights in by_channel.values() for name in weights))
    rows: list[list[Content]] = [
        [channel, *(percent(weights.get(name)) for name in names)]
        for channel, weights in by_channel.items()
    ]
    return table("Weight by channel", ("channel", *names), rows)


def _weight(weight: float | None) -> Html:
    if weight is None:
        return element("span", "dropped", class_="muted")
    bar = element("span", class_="bar", style=f"width:{_LONGEST_BAR * weight:.2f}em")
    return element("span", bar, percent(weight), class_="weight")


def _taken(choice: Mapping[str, Any], names: list[str]) -> int | None:
    method = choice.get("method")
    return names.index(method) if method in names else None


def _order(score: float | None) -> float:
    return math.inf if score is None or math.isnan(score) else score
