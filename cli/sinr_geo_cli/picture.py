"""The picture of the demo: gaps, filled field, truth and standard error side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from sinr_geo.demonstration import FillScore
    from sinr_geo.sample import WeatherSample

__all__ = ["GAP", "UNSURE", "draw_demo"]

_INCHES = (15.0, 8.6)
_DPI = 100
_COLOURS = {"t2m": "RdYlBu_r", "precipitation": "YlGnBu"}
GAP = "0.82"
"""Grey of what is not known."""

UNSURE = "magma_r"
"""Colours of standard errors."""


def draw_demo(
    filled: Path, sample: WeatherSample, scores: tuple[FillScore, ...], picture: Path, title: str
) -> None:
    """Draw the step with the most gaps of every variable as PNG.

    Parameters
    ----------
    filled : Path
        The filled NetCDF file.
    sample : WeatherSample
        What it was made from.
    scores : tuple of FillScore
        Errors that the row titles give.
    picture : Path
    title : str
        Kept in the picture's metadata.
    """
    import xarray as xr
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
    rows = figure.subfigures(len(scores), 1, squeeze=False)[:, 0]
    with xr.open_dataset(filled) as dataset:
        for row, score in zip(rows, scores, strict=True):
            _draw_variable(row, dataset, sample, score)
    figure.savefig(picture, format="png", metadata={"Title": title, "Software": None})


def _draw_variable(
    row: SubFigure, dataset: xr.Dataset, sample: WeatherSample, score: FillScore
) -> None:
    name = score.channel
    truth, observed = sample.truth[name], sample.observed[name]
    step = int(np.argmin(observed.sum(axis=(1, 2))))
    variable = dataset[name].isel(time=step)
    row.suptitle(
        f"{variable.attrs['long_name']} on {str(variable.time.values)[:10]}; root mean square "
        f"error of all filled samples {score.rmse:.2f} {score.unit}, "
        f"of nearest neighbours {score.nearest_rmse:.2f} {score.unit}",
        fontsize=13,
    )
    fields = {
        "observed, gaps grey": np.where(observed[step], truth[step], np.nan),
        "filled": variable.values,
        "truth": truth[step],
    }
    style = {
        "cmap": _COLOURS[name],
        "vmin": float(truth[step].min()),
        "vmax": float(truth[step].max()),
    }
    panels = row.subplots(1, 4, sharex=True, sharey=True)
    for panel, (title, field) in zip(panels, fields.items(), strict=False):
        drawn = _draw_field(panel, variable, field, title, style)
    row.colorbar(drawn, ax=panels[:3], shrink=0.85, pad=0.01, label=score.unit)
    error = dataset[f"{name}_standard_error"].isel(time=step).values
    unsure = _draw_field(panels[3], variable, error, "standard error", {"cmap": UNSURE})
    row.colorbar(unsure, ax=panels[3], shrink=0.85, label=score.unit)


def _draw_field(
    panel: Axes, variable: xr.DataArray, field: Any, title: str, style: dict[str, Any]
) -> Any:
    panel.set_title(title, fontsize=11)
    panel.set_facecolor(GAP)
    panel.set_xlabel("longitude")
    panel.set_ylabel("latitude")
    panel.label_outer()
    return panel.pcolormesh(
        variable.lon.values, variable.lat.values, np.ma.masked_invalid(field), **style
    )
