"""What the keys of `--json` are called for people, and how numbers are printed.

A key that has no words here is shown as it is, so a method can report something new without this
file knowing of it.
"""

from __future__ import annotations

import math
from typing import Any

from sinr_geo_cli.report.markup import Html, element, joined

__all__ = ["label", "number", "percent", "scalar"]

_DIGITS = 4
_LABELS = {
    "alpha": "Weight of place in the segmentation",
    "alternatives": "Alternatives tried",
    "bic_less_constant": "BIC, less that of constant noise",
    "brightness": "By brightness",
    "by_channel": "By channel",
    "caution": "Noise that covariances are weighed against",
    "chosen_by": "Chosen by",
    "coarse": "Block means per coarser level",
    "coefficient": "Drift inside a gap",
    "corrected": "Corrected",
    "curvature": "Spacings per unit of curvature",
    "effects_tried": "Effects tried",
    "gain_of_boosted_trees": "Log-likelihood that boosted trees add on withheld folds",
    "gaps": "Gaps, recovered before noise is removed",
    "head": "Kind of model",
    "helps": "Improves on the pilot, by channel",
    "kriging": "The kriging underneath",
    "level_deciles": "Deciles of its level, evened out before anything else",
    "method": "Method",
    "metric": "What distance means",
    "missingness": "What missingness says of the values",
    "neighbours": "Nearest samples",
    "noise": "Noise",
    "noise_by_place": "Noise that is stronger in one part of the grid",
    "noise_follows_signal": "Noise that follows the signal",
    "normals": "Spacings per unit of surface normals",
    "nugget": "Nugget",
    "order": "Order of the splines",
    "overlap": "Overlap of superpixels",
    "parameters": "Parameters of the networks",
    "passes": "Passes",
    "pilot_score": "Withheld error of the pilot",
    "place": "By place",
    "power": "Power of the kernel",
    "rank": "Rank",
    "ratio": "Spacings per step of time, height or wavelength",
    "ratio_factor": "Factor on spacings per step of time, height or wavelength",
    "samples": "Samples per superpixel or neighbourhood",
    "scale": "Scale by channel",
    "scale_cells": "Width, in cells",
    "score": "Withheld error",
    "slope_of_disagreement": "Exponent of the members' disagreement",
    "samples_a_query": "Nearest samples per place that is asked for; 0 for all samples",
    "slope_of_local_spread": "Exponent of the local spread of the values",
    "slope_of_members_error": "Exponent of the members' own standard error",
    "slope_of_one_sidedness": "Growth from 0 to 1 of one-sidedness, as a logarithm",
    "standard_error_law": "Law of the standard error",
    "standard_error_scale": "Calibration: factor on standard errors",
    "stretch": "Anisotropy, logarithms of the axes' factors",
    "thinning_score": "Error on thinned data",
    "thinning_tried": "Alternatives tried on thinned data",
    "treated": "Treated",
    "tried": "Alternatives tried",
    "weight": "Weight",
    "weight_by_channel": "Weight by channel",
    "widths": "Widths of windows, in cells",
    "windows": "Windows on the grid",
    "windows_per_superpixel": "Windows per superpixel",
    "withheld_rmse": "Withheld error",
    "withheld_rmse_without": "Withheld error without the drift",
    "yeo_johnson": "Made nearly normal before kriging (Yeo-Johnson), by channel",
}


def label(key: str) -> Html:
    """Return the words for a key, and the key itself for whoever reads the JSON object."""
    words = _LABELS.get(key)
    if words is None:
        return element("code", key)
    return joined((words, element("code", key)), " ")


def scalar(value: Any) -> Html:
    """Show a value that is neither a mapping nor a list."""
    if value is None:
        return element("span", "not known", class_="muted")
    if isinstance(value, bool):
        return joined(("yes" if value else "no",))
    if isinstance(value, int | float):
        return number(value)
    return joined((str(value),))


def number(value: float | None) -> Html:
    """Show a number to four digits; the element keeps all of them.

    Not known is whatever JSON has no number for.
    """
    if value is None or not math.isfinite(value):
        return scalar(None)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:.{_DIGITS}g}"
    return element("data", shown, value=repr(value))


def percent(share: float | None) -> Html:
    """Show a share of 1 as a percentage."""
    if share is None or not math.isfinite(share):
        return scalar(None)
    return element("data", f"{share:.1%}", value=repr(share))
