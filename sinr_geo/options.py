"""What a user can ask of a recovery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sinr_geo.errors import RequestError
from sinr_geo.methods.protocol import Effort

__all__ = ["Bounds", "Options"]

Bounds = Mapping[str, tuple[float, float]]
"""Lowest and highest value allowed, by channel or variable; ``"*"`` for every one."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to recover.

    Parameters
    ----------
    method : str
        ``"auto"`` or another name of `sinr_geo.methods.catalogue`, which ``sinr-geo fill --help``
        lists.
    effort : Effort
    seed : int
    device : str
        ``"auto"`` (a GPU if there is one), ``"cpu"`` or ``"cuda"``.
    where : str
        ``"auto"``, ``"all"``, a variable of the file or the path of another file.
    max_gap : float, optional
        Leave samples farther than this many typical spacings from any observed one.
    bounds : mapping, optional
        Lowest and highest recovered value by channel; they narrow what the file itself says.
        Observed values are left as they are.
    uncertainty : bool
        Whether standard errors are wanted.
    correct_missingness : bool
        Whether a trend of the observed values towards the gaps is carried on into them.
    """

    method: str = "auto"
    effort: Effort = Effort.NORMAL
    seed: int = 0
    device: str = "auto"
    where: str = "auto"
    max_gap: float | None = None
    bounds: Bounds = field(default_factory=dict)
    uncertainty: bool = True
    correct_missingness: bool = False

    def __post_init__(self) -> None:
        if self.max_gap is not None and not self.max_gap > 0:
            raise RequestError(f"--max-gap must be above 0 cells, not {self.max_gap:g}")
        if not 0 <= self.seed < 2**32:
            raise RequestError(f"the seed must be from 0 to {2**32 - 1}, not {self.seed}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise RequestError(f"the device must be auto, cpu or cuda, not {self.device!r}")
        for name, (lower, upper) in self.bounds.items():
            if not lower <= upper:
                raise RequestError(f"--bounds {name}: {lower:g} lies above {upper:g}")
