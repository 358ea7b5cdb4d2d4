"""Fill gaps in and remove noise from rasters, gridded climate data, meshes and point clouds.

>>> import sinr_geo
>>> outcome = sinr_geo.fill("weather.nc")  # doctest: +SKIP
>>> outcome.outputs  # doctest: +SKIP
(PosixPath('weather.filled.nc'),)
"""

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.description import Description, describe
from sinr_geo.errors import SinrGeoError
from sinr_geo.files import denoise, fill
from sinr_geo.outcome import Outcome
from sinr_geo.points import Lattice, PointSet
from sinr_geo.recovery import Flag, Recovery
from sinr_geo.segmentation import segment
from sinr_geo.version import __version__

__all__ = [
    "Axis",
    "AxisKind",
    "Channel",
    "Description",
    "Flag",
    "Lattice",
    "Outcome",
    "PointSet",
    "Recovery",
    "SinrGeoError",
    "__version__",
    "denoise",
    "describe",
    "fill",
    "segment",
]
