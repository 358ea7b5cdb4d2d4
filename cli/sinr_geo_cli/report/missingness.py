"""Whether values rise or fall towards the gaps: what was tested, how much, what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sinr_geo_cli.report.markup import Content, Html, element, joined
from sinr_geo_cli.report.nested import definitions, shown
from sinr_geo_cli.report.tables import table

__all__ = ["missingness"]

_HEADS = {
    "per_cell": "change per cell",
    "per_cell_sd": "in standard deviations",
    "p_value": "p-value",
    "detected": "trend found",
}
_UNTESTED = (
    "No channel could be tested for a trend of its values towards the gaps: there are no gaps on a "
    "grid, or too few values beside them."
)
_FOUND = (
    "Values change towards the gaps where a trend is found. Withheld samples were observed, so no "
    "score can see it."
)
_NONE = "No channel rises or falls towards its gaps by more than chance would let it."


def missingness(found: Mapping[str, Any]) -> Html:
    """Show the trends of all channels that could be tested, and what was corrected.

    Parameters
    ----------
    found : mapping
        As `sinr_geo.gap_drift.GapDrift.as_dict` returns it, or with more.
    """
    trends: Sequence[Mapping[str, Any]] = found.get("trends", ())
    rest = {key: value for key, value in found.items() if key != "trends"}
    if not trends:
        return joined((element("p", _UNTESTED), definitions(rest)))
    some = any(trend.get("detected") for trend in trends)
    return joined((element("p", _FOUND if some else _NONE), _table(trends), definitions(rest)))


def _table(trends: Sequence[Mapping[str, Any]]) -> Html:
    keys = list(dict.fromkeys(str(key) for trend in trends for key in trend if key != "channel"))
    rows: list[list[Content]] = [
        [str(trend.get("channel")), *(shown(key, trend.get(key)) for key in keys)]
        for trend in trends
    ]
    heads = ("channel", *(_HEADS.get(key, key) for key in keys))
    return table("Change of the values per cell towards the edge of a gap", heads, rows)
