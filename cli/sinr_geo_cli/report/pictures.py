"""Pictures inside the page, with a caption, and words for whoever does not see them."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np

from sinr_geo.points import FloatArray
from sinr_geo_cli.report.drawing import draw_view
from sinr_geo_cli.report.markup import Html, element
from sinr_geo_cli.report.sights import Sight
from sinr_geo_cli.report.views import View

__all__ = ["pictures"]

_NO_ROOM = "No pictures of this layer: those before it have taken the room."


def pictures(sight: Sight) -> Iterator[Html]:
    """Draw the views of a layer, one figure each."""
    if sight.views or not sight.is_drawn:
        yield element("h3", "Pictures")
    if not sight.is_drawn:
        yield element("p", _NO_ROOM, class_="muted")
    for view in sight.views:
        source = "data:image/png;base64," + base64.b64encode(draw_view(view)).decode("ascii")
        image = element("img", src=source, alt=_words(view))
        yield element("figure", image, element("figcaption", view.title))


def _words(view: View) -> str:
    panels = ["as observed with gaps in grey", "recovered"]
    if view.standard_error is not None:
        panels.append("the standard error")
    said = f"{view.title}, side by side: {', '.join(panels)}."
    if view.is_coloured:
        return said
    said += f" Observed {_range(view.observed, view.unit)}, recovered"
    said += f" {_range(view.recovered, view.unit)}"
    if view.standard_error is None:
        return f"{said}."
    return f"{said}, standard error {_range(view.standard_error, view.unit)}."


def _range(values: FloatArray, unit: str) -> str:
    known = values[np.isfinite(values)]
    if known.size == 0:
        return "nowhere"
    return f"{known.min():.4g} to {known.max():.4g} {unit}".rstrip()
