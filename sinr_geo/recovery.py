"""What a recovery gives back: values, standard errors, flags and how they were chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.errors import RequestError
from sinr_geo.points import BoolArray, FloatArray

__all__ = ["Flag", "Prediction", "Recovery"]


class Flag(IntEnum):
    """Where a value of an output comes from; names and numbers are those of the CF flag."""

    OBSERVED = 0
    FILLED = 1
    DENOISED = 2
    EXTRAPOLATED = 3
    UNFILLED = 4


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a method says of every entry of a point set.

    Parameters
    ----------
    values : ndarray of float, shape (n, s)
    standard_error : ndarray of float, shape (n, s)
    """

    values: FloatArray
    standard_error: FloatArray


@dataclass(frozen=True, slots=True)
class Recovery:
    """The recovered entries of one point set.

    Parameters
    ----------
    values : ndarray of float, shape (n, s)
        Observed values as read (in `fill`), recovered ones elsewhere, NaN where unfilled.
    standard_error : ndarray of float, shape (n, s), or None
        Standard error of recovered entries in the unit of the channel, 0 where observed and NaN
        where unfilled. None if the user does not want it.
    flag : ndarray of uint8, shape (n, s)
        A `Flag` per entry.
    choice : mapping
        How it was chosen: method, hyper-parameters, withheld scores. Fit for ``json.dumps``.
    notes : tuple of str
        One sentence each about what the user should know of the data.
    """

    values: FloatArray
    standard_error: FloatArray | None
    flag: NDArray[np.uint8]
    choice: Mapping[str, Any] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.flag.shape != self.values.shape:
            raise RequestError("a recovery has one flag per value")
        if self.standard_error is not None and self.standard_error.shape != self.values.shape:
            raise RequestError("a recovery has one standard error per value")

    @property
    def changed(self) -> BoolArray:
        """Entries that a writer has to patch: everything but observed and unfilled ones."""
        return np.asarray((self.flag != Flag.OBSERVED) & (self.flag != Flag.UNFILLED))

    def touches(self, channel: int) -> bool:
        """Whether any entry of the channel was recovered or is left unfilled."""
        return bool((self.flag[:, channel] != Flag.OBSERVED).any())

    def counts(self, observed: BoolArray) -> dict[str, NDArray[np.int64]]:
        """Count the entries of every channel by the name of their flag.

        Parameters
        ----------
        observed : ndarray of bool, shape (n, s)
            A gap that no flag was written for, because its layer was left as it is, is unfilled.

        Returns
        -------
        dict of str to ndarray of int64, each of shape (s,)
        """
        left = (self.flag == Flag.OBSERVED) & ~observed
        flags = np.where(left, Flag.UNFILLED, self.flag)
        return {flag.name.lower(): (flags == flag).sum(axis=0) for flag in Flag}
