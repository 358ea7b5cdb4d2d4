"""Settings chosen one after the other by their withheld scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Generic, TypeVar

__all__ = ["Search", "Trial", "described", "plain"]

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Trial(Generic[S]):
    """Settings and the withheld score that they got (lower is better)."""

    settings: S
    score: float


@dataclass(slots=True)
class Search(Generic[S]):
    """Coordinate-wise search on ladders of values.

    Each setting in turn climbs its ladder while the score falls, or descends it, with the others
    fixed. A bad value costs one trial, and values beyond it are not tried.

    Parameters
    ----------
    evaluate : callable
        Scores settings. It may return them changed, where it has chosen a part itself.
    worth : float
        Share by which a value has to be better, because scores of few withheld entries are noisy.
    trials : list of Trial
        Everything that was tried, in order.
    """

    evaluate: Callable[[S], Trial[S]]
    worth: float
    trials: list[Trial[S]] = field(default_factory=list)

    def run(
        self,
        start: S,
        ladders: Mapping[str, Sequence[Any]],
        progress: Callable[[float], None] = lambda share: None,
    ) -> Trial[S]:
        """Start from settings, go once through the ladders, and return the best trial.

        Parameters
        ----------
        start : dataclass
        ladders : mapping of str to sequence
            Increasing values of each field, in the order in which to choose; the value that a
            field has already need not be among them.
        progress : callable
            Told the share that is done.
        """
        progress(0.0)
        best = self._try(start)
        for index, (name, values) in enumerate(ladders.items()):
            ladder = sorted({*values, getattr(best.settings, name)})
            climbed = self._walk(best, name, ladder, +1)
            best = climbed if climbed is not best else self._walk(best, name, ladder, -1)
            progress((index + 1) / len(ladders))
        return best

    def summary(self) -> list[dict[str, Any]]:
        """Return every trial as settings and ``withheld_rmse``, for ``json.dumps``."""
        return [described(trial) for trial in self.trials]

    def _walk(self, best: Trial[S], name: str, ladder: list[Any], direction: int) -> Trial[S]:
        at = ladder.index(getattr(best.settings, name)) + direction
        while 0 <= at < len(ladder):
            trial = self._try(_with(best.settings, name, ladder[at]))
            if not trial.score < (1.0 - self.worth) * best.score:
                break
            best, at = trial, at + direction
        return best

    def _try(self, settings: S) -> Trial[S]:
        trial = self.evaluate(settings)
        self.trials.append(trial)
        return trial


def described(trial: Trial[Any]) -> dict[str, Any]:
    """Return a trial's settings and its ``withheld_rmse``, for ``json.dumps``."""
    return {**plain(trial.settings), "withheld_rmse": round(trial.score, 6)}


def plain(settings: Any) -> dict[str, Any]:
    """Return a dataclass as JSON types only."""
    return asdict(
        settings,
        dict_factory=lambda pairs: {
            name: list(value) if isinstance(value, tuple) else value for name, value in pairs
        },
    )


def _with(settings: S, name: str, value: Any) -> S:
    changed: S = replace(settings, **{name: value})  # type: ignore[type-var]
    return changed
