"""Pictures of views: as observed, recovered and the standard error, side by side as PNG."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from sinr_geo.points import FloatArray
from sinr_geo_cli.picture import GAP, UNSURE
from sinr_geo_cli.report.views import Place, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_view"]

_INCHES, _FRAME, _LOWEST, _HIGHEST = 10.0, 1.0, 1.4, 4.6
_DPI = 100
_VALUES = "viridis"
_RANGE = (0.5, 99.5)
_INK = 6.0e4
"""Square points of ink that a panel's points share."""
_FULL_SCALES = (1.0, 255.0, 65535.0)


def draw_view(view: View) -> bytes:
    """Draw a view; the same view gives the same bytes."""
    with warnings.catch_warnings():
        # A name in a script that the font lacks is no reason to go without the picture.
        warnings.simplefilter("ignore")
        kept = io.BytesIO()
        _figure(view).savefig(kept, format="png", metadata={"Software": None})
    return kept.getvalue()


def _figure(view: View) -> Figure:
    from matplotlib.figure import Figure

    error = view.standard_error
    panels = 2 if error is None else 3
    figure = Figure(figsize=(_INCHES, _height(view.place, panels)), dpi=_DPI, layout="constrained")
    axes = figure.subplots(1, panels, sharex=True, sharey=True, squeeze=False)[0]
    if view.is_coloured:
        _draw_colours(axes, view)
    else:
        _draw_values(figure, axes, view)
    if error is not None:
        style = {"cmap": UNSURE, **_limits(error, lowest=0.0)}
        drawn = _draw(axes[2], view.place, error, "standard error", style)
        _colour_bar(figure, drawn, [axes[2]], view.unit)
    return figure


def _height(place: Place, panels: int) -> float:
    """Return the height that panels of the place's own shape need, within reason."""
    across, up = float(np.ptp(place.x)), float(np.ptp(place.y))
    shape = 0.8 if place.aspect is None or across == 0 else place.aspect * up / across
    return float(np.clip(shape * 0.8 * _INCHES / panels, _LOWEST, _HIGHEST)) + _FRAME


def _draw_values(figure: Figure, axes: Any, view: View) -> None:
    style = {"cmap": _VALUES, **_limits(np.stack((view.observed, view.recovered)))}
    _draw(axes[0], view.place, view.observed, "as observed, gaps grey", style)
    drawn = _draw(axes[1], view.place, view.recovered, "recovered", style)
    _colour_bar(figure, drawn, list(axes[:2]), view.unit)


def _colour_bar(figure: Figure, drawn: Any, axes: list[Axes], unit: str) -> None:
    bar = figure.colorbar(drawn, ax=axes, shrink=0.85, pad=0.01)
    bar.set_label(unit, parse_math=False)
    bar.ax.tick_params(labelsize=8)


def _draw_colours(axes: Any, view: View) -> None:
    largest = np.nanmax(np.stack((view.observed, view.recovered)), initial=0.0)
    full = next((scale for scale in _FULL_SCALES if largest <= scale), float(largest))
    for panel, title, field in (
        (axes[0], "as observed, gaps grey", view.observed),
        (axes[1], "recovered", view.recovered),
    ):
        known = np.isfinite(field).all(axis=-1)
        colours = np.full(field.shape, float(GAP))
        colours[known] = np.clip(field[known] / full, 0.0, 1.0)
        _frame(panel, view.place, title)
        panel.scatter(view.place.x, view.place.y, c=colours, **_dots(view.place))


def _draw(panel: Axes, place: Place, field: FloatArray, title: str, style: dict[str, Any]) -> Any:
    _frame(panel, place, title)
    if place.is_grid:
        panel.set_facecolor(GAP)
        shown = np.ma.masked_invalid(field)
        return panel.pcolormesh(_edges(place.x), _edges(place.y), shown, **style)
    known = np.isfinite(field)
    panel.scatter(place.x[~known], place.y[~known], color=GAP, **_dots(place))
    return panel.scatter(place.x[known], place.y[known], c=field[known], **style, **_dots(place))


def _frame(panel: Axes, place: Place, title: str) -> None:
    panel.set_title(title, fontsize=10)
    # Names and units come from files: a dollar in them is no formula.
    panel.set_xlabel(place.x_label, parse_math=False)
    panel.set_ylabel(place.y_label, parse_math=False)
    panel.tick_params(labelsize=8)
    panel.locator_params(nbins=5)
    panel.label_outer()
    if place.aspect is not None:
        panel.set_aspect(place.aspect)


def _dots(place: Place) -> dict[str, Any]:
    """Make points as large as lets them just cover the panel."""
    size = float(np.clip(_INK / max(1, place.x.size), 0.5, 40.0))
    return {"s": size, "linewidths": 0.0}


def _edges(centres: FloatArray) -> FloatArray:
    """Return the edges of cells between their centres; a single cell is one unit wide."""
    if centres.size == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = 0.5 * (centres[1:] + centres[:-1])
    ends = 1.5 * centres[[0, -1]] - 0.5 * centres[[1, -2]]
    return np.concatenate((ends[:1], middle, ends[1:]))


def _limits(values: FloatArray, lowest: float | None = None) -> dict[str, float]:
    """Return the range of colours, without the few values that would flatten all others."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        return {"vmin": 0.0, "vmax": 1.0}
    low, high = np.percentile(known, _RANGE)
    low = low if lowest is None else lowest
    return {"vmin": float(low), "vmax": float(high if high > low else low + 1.0)}
