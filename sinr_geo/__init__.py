"""Fill gaps in and remove noise from rasters, gridded climate data, meshes and point clouds.

>>> import sinr_geo
>>> outcome = sinr_geo.fill("weather.nc")  # doctest: +SKIP
>>> outcome.outputs  # doctest: +SKIP
(PosixPath('weather.filled.nc'),)
"""

import os
from typing import TYPE_CHECKING, Any

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.description import Description, describe
from sinr_geo.errors import SinrGeoError
from sinr_geo.evaluation import Evaluation, evaluate
from sinr_geo.files import denoise, fill
from sinr_geo.outcome import Outcome
from sinr_geo.points import Lattice, PointSet
from sinr_geo.recovery import Flag, Recovery
from sinr_geo.segmentation import segment
from sinr_geo.version import __version__

if TYPE_CHECKING:
    from sinr_geo.reconstruction import reconstruct

__all__ = [
    "Axis",
    "AxisKind",
    "Channel",
    "Description",
    "Evaluation",
    "Flag",
    "Lattice",
    "Outcome",
    "PointSet",
    "Recovery",
    "SinrGeoError",
    "__version__",
    "denoise",
    "describe",
    "evaluate",
    "fill",
    "reconstruct",
    "segment",
]


# Threads of torch that wait for more work keep a core busy; on a busy machine that core is somebody
# else's, and everybody waits. Torch reads this when it is first imported, which is later.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Import `reconstruct` when it is asked for: it brings torch, which takes seconds."""
    if name == "reconstruct":
        from sinr_geo.reconstruction import reconstruct

        return reconstruct
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
