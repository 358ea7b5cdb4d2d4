"""Choosing settings one at a time on withheld samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, SupportsFloat, TypeVar

from sinr_geo.methods.protocol import Progress

__all__ = ["Searched", "search"]

S = TypeVar("S")
E = TypeVar("E", bound=SupportsFloat)


@dataclass(frozen=True, slots=True)
class Searched(Generic[S]):
    """The best settings found.

    Parameters
    ----------
    settings : dataclass
    score : float
        Their score.
    tried : mapping of str to float
        Score by what was changed, in the order of the search.
    """

    settings: S
    score: float
    tried: Mapping[str, float]


def _lower(score: SupportsFloat, than: SupportsFloat) -> bool:
    return float(score) < float(than)


def search(
    start: S,
    grids: Mapping[str, Sequence[float]],
    score: Callable[[S], E],
    *,
    better: Callable[[E, E], bool] = _lower,
    allowed: Callable[[S], bool] = lambda settings: True,
    progress: Progress,
    what: str,
) -> Searched[S]:
    """Vary one setting after the other, up and down its grid for as long as the score falls.

    Parameters
    ----------
    start : frozen dataclass
    grids : mapping of str to sequence of float
        Increasing values by field, in the order of the search.
    score : callable
        Lower is better.
    better : callable
        Whether a score is enough better than another to be believed. A setting stays as it was
        where that is so of no score on the way up, or down, to the lowest: a first step can be
        sure, and the best place after it uncertain.
    allowed : callable
        Whether settings may be tried; the search does not go beyond ones that may not.
    progress : callable
    what : str
        What `progress` is told.
    """
    progress(what, 0.0)
    best, lowest = start, score(start)
    tried = {"start": float(lowest)}
    for step, (name, grid) in enumerate(grids.items()):
        progress(what, step / len(grids))
        here, line, low = getattr(best, name), best, lowest
        for side in ([v for v in grid if v > here], [v for v in reversed(grid) if v < here]):
            walked, sure = (best, lowest), False
            for value in side:
                changed: Any = {name: type(here)(value)}
                candidate: S = replace(best, **changed)  # type: ignore[type-var]
                if not allowed(candidate):
                    break
                found = score(candidate)
                tried[f"{name}={value:g}"] = float(found)
                if not float(found) < float(walked[1]):
                    break
                walked, sure = (candidate, found), sure or better(found, lowest)
            if sure and float(walked[1]) < float(low):
                line, low = walked
        best, lowest = line, low
    return Searched(best, float(lowest), tried)
