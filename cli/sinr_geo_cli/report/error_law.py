"""The law by which a stack says its standard error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sinr_geo_cli.report.markup import Html, element, joined
from sinr_geo_cli.report.nested import definitions

__all__ = ["error_law"]

_LAW = (
    "The standard error is a scale times a product of powers: of the members' own standard error, "
    "of their disagreement and of the local spread of the values, each in standard deviations of "
    "the channel and relative to its mean, and an exponential of how far to one side the nearest "
    "samples lie (0 to 1). Exponents and scales were learned on the withheld samples: intervals of "
    "68 and 95 % hold there as nearly what they promise as one scale can make them, and in the "
    "gaps as far as these are like the withheld samples. Where withheld folds say "
    "that it helps, boosted trees of the same signs and the predicted value correct it."
)
_AS_IT_IS = "The standard error is what the members say, weighted; nothing was learned about it."


def error_law(law: Mapping[str, Any]) -> Html:
    """Show the exponents and the scale of every channel."""
    return joined((element("p", _AS_IT_IS if _is_plain(law) else _LAW), definitions(law)))


def _is_plain(law: Mapping[str, Any]) -> bool:
    slopes = {key: value for key, value in law.items() if key.startswith("slope_")}
    of_members = slopes.pop("slope_of_members_error", None)
    unscaled = all(scale == 1.0 for scale in law.get("scale", ()))
    return of_members == 1.0 and not any(slopes.values()) and unscaled
