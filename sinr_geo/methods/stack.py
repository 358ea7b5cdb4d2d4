"""A stack of methods: their weights, their common standard error, and what they scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sinr_geo.folds import Fold
from sinr_geo.methods.protocol import Choice, Fitted, HeldOut, Problem, Progress, Task
from sinr_geo.points import FloatArray, IntArray, PointSet
from sinr_geo.recovery import Prediction
from sinr_geo.scoring import channel_spreads, held_out_rmse, known_score
from sinr_geo.stacked_error import Signs, StackedError
from sinr_geo.stacking import channel_weights
from sinr_geo.surroundings import Surroundings
from sinr_geo.workers import in_order, named_side_by_side

__all__ = ["SHARE_OF_CHOOSING", "Stack"]

SHARE_OF_CHOOSING = 0.7
"""Of the progress of a fit; the rest is for the members with weight."""

_AT_A_TIME = 2


@dataclass(frozen=True, slots=True)
class Stack:
    """Choices with their weights.

    Parameters
    ----------
    members : mapping of str to Choice
        Those that have weight.
    weights : ndarray, shape (s, q)
        Weight of every member in every channel; rows add up to 1.
    error : StackedError
    spread : ndarray, shape (s,)
        Standard deviation of each channel's observed values.
    withheld : tuple of HeldOut
        What the stack says of every fold.
    report : mapping
    """

    members: Mapping[str, Choice]
    weights: FloatArray
    error: StackedError
    spread: FloatArray
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    @classmethod
    def of(cls, choices: Mapping[str, Choice], points: PointSet, problem: Problem) -> Stack:
        """Weigh choices that were made on the folds of a problem.

        Weights are found on the entries that all of them predicted; where there is none, the best
        one stands alone.
        """
        spread, channels = channel_spreads(points), len(points.channels)
        asked = _Asked.of(list(choices.values()), points, problem.folds, spread)
        if asked.truth.size == 0:
            best = min(
                choices,
                key=lambda name: held_out_rmse(points, problem.folds, choices[name].withheld),
            )
            choices = {best: choices[best]}
            asked = _Asked.of(list(choices.values()), points, problem.folds, spread)
        weights = channel_weights(asked.values, asked.truth, asked.channel, channels)
        used = np.flatnonzero(weights.any(axis=0))
        names = [list(choices)[number] for number in used]
        weights = weights[:, used]
        entries = weights[asked.channel]
        mean = (entries * asked.values[:, used]).sum(axis=1)
        signs = Signs.of(
            asked.values[:, used], asked.errors[:, used], entries, asked.around, asked.channel
        )
        error = StackedError.of_members(channels)
        if problem.task is not Task.DENOISING:
            error = StackedError.fit(signs, mean - asked.truth, asked.fold, channels)
        withheld = asked.held_out(
            mean * spread[asked.channel], error(signs) * spread[asked.channel]
        )
        report = _report(asked, choices, names, weights, error, withheld, points, problem)
        return cls(
            {name: choices[name] for name in names}, weights, error, spread, withheld, report
        )

    def fit(self, points: PointSet, problem: Problem) -> FittedStack:
        """Fit every member to all observed entries."""

        def fitted(name: str, progress: Progress) -> Fitted:
            return self.members[name].fit(points, replace(problem, progress=progress))

        names = tuple(self.members)
        found = named_side_by_side(names, fitted, problem.progress, (SHARE_OF_CHOOSING, 1.0))
        return FittedStack(self, found)


@dataclass(frozen=True, slots=True)
class FittedStack:
    """Members that were fitted to all observed entries."""

    stack: Stack
    members: Mapping[str, Fitted]

    @property
    def report(self) -> Mapping[str, Any]:
        """Weights and scores, and what every member with weight chose."""
        return {
            **self.stack.report,
            "members": {name: dict(fitted.report) for name, fitted in self.members.items()},
        }

    def predict(self, points: PointSet) -> Prediction:
        """Predict with two members at a time, and keep the weighted mean and spread.

        Of all predictions only running sums are held, so that the memory does not grow with the
        number of members.
        """
        sums = _RunningSums.none(points.values.shape)
        predictions = self._predicted(points)
        for weight in self.stack.weights.T:
            # Not zipped: that would hold a prediction while the next one is awaited.
            sums.add(weight, next(predictions), self.stack.spread)
        around = Surroundings.of(points, points, np.isfinite(sums.mean)).scaled(self.stack.spread)
        errors = self._errors(sums.own, sums.apart, around, sums.mean)
        return Prediction(sums.mean * self.stack.spread, errors)

    def _predicted(self, points: PointSet) -> Iterator[Prediction]:
        tasks = [partial(member.predict, points) for member in self.members.values()]
        yield from in_order(tasks, _AT_A_TIME)

    def _errors(
        self, own: FloatArray, apart: FloatArray, around: Surroundings, mean: FloatArray
    ) -> FloatArray:
        """Return standard errors from the signs, each (n, s)."""
        errors = np.empty(own.shape)
        for column, spread in enumerate(self.stack.spread):
            channel = np.full(len(own), column)
            signs = Signs(
                np.sqrt(own[:, column]),
                np.sqrt(apart[:, column]),
                around.spread[:, column],
                around.one_sidedness[:, column],
                mean[:, column],
                channel,
            )
            errors[:, column] = self.stack.error(signs) * spread
        return errors


@dataclass(slots=True)
class _RunningSums:
    """Weighted mean and spread of predictions, added one by one (West 1979).

    Parameters
    ----------
    mean, apart, own : ndarray, each of shape (n, s)
        The weighted mean, the weighted sum of squared deviations from it, and that of squared
        standard errors, in units of the channel's spread.
    total : ndarray, shape (s,)
        Of the weights.
    """

    mean: FloatArray
    apart: FloatArray
    own: FloatArray
    total: FloatArray

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> _RunningSums:
        """Start with no prediction of n points and s channels."""
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape[1]))

    def add(self, weight: FloatArray, found: Prediction, spread: FloatArray) -> None:
        """Add a prediction with a weight (s,) per channel; spread (s,) of each.

        What it says of channels where it has no weight does not count, NaN neither.
        """
        idle = weight == 0.0
        self.total += weight
        step = np.divide(weight, self.total, out=np.zeros_like(weight), where=self.total > 0)
        values = found.values / spread
        values[:, idle] = self.mean[:, idle]
        before = values - self.mean
        self.mean += step * before
        values -= self.mean
        before *= weight
        before *= values
        self.apart += before
        self.own += weight * Signs.known(found.standard_error / spread) ** 2


@dataclass(frozen=True, slots=True)
class _Asked:
    """The asked entries that every member predicted, of all folds one after the other.

    Parameters
    ----------
    values, errors : ndarray, each of shape (m, q)
        In units of the channel's spread.
    truth : ndarray, shape (m,)
    around : Surroundings, shape (m,)
        What a fold leaves around them.
    channel : ndarray of int, shape (m,)
    told : list of ndarray of bool
        Which of each fold's asked entries they are.
    """

    values: FloatArray
    errors: FloatArray
    truth: FloatArray
    around: Surroundings
    channel: IntArray
    told: list[Any]

    @classmethod
    def of(
        cls, choices: Sequence[Choice], points: PointSet, folds: Sequence[Fold], spread: FloatArray
    ) -> _Asked:
        parts, around, told = [], [], []
        for number, fold in enumerate(folds):
            channel = np.nonzero(fold.asked)[1]
            held = [choice.withheld[number] for choice in choices]
            scale = spread[channel, None]
            values = np.stack([h.values for h in held], axis=1) / scale
            errors = np.stack([h.standard_error for h in held], axis=1) / scale
            truth = points.values[fold.asked] / scale[:, 0]
            known = np.isfinite(values).all(axis=1)
            around.append(Surroundings.left_by(fold, points).scaled(scale[:, 0]).at(known))
            told.append(known)
            parts.append([part[known] for part in (values, errors, truth, channel)])
        joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
        return cls(joined[0], joined[1], joined[2], Surroundings.joined(around), joined[3], told)

    @property
    def fold(self) -> IntArray:
        """Fold of every entry, shape (m,)."""
        sizes = [int(known.sum()) for known in self.told]
        return np.repeat(np.arange(len(sizes)), sizes)

    def common(self, withheld: Sequence[HeldOut]) -> tuple[HeldOut, ...]:
        """Leave what a member said of entries that another was not tried on out."""
        return tuple(
            HeldOut(np.where(known, held.values, np.nan), held.standard_error)
            for known, held in zip(self.told, withheld, strict=True)
        )

    def held_out(self, values: FloatArray, errors: FloatArray) -> tuple[HeldOut, ...]:
        """Sort predictions (m,) into the folds again, NaN where a member was not tried."""
        found, start = [], 0
        for known in self.told:
            own = slice(start, start := start + int(known.sum()))
            value, error = np.full((2, known.size), np.nan)
            value[known], error[known] = values[own], errors[own]
            found.append(HeldOut(value, error))
        return tuple(found)


def _report(
    asked: _Asked,
    choices: Mapping[str, Choice],
    names: Sequence[str],
    weights: FloatArray,
    error: StackedError,
    withheld: tuple[HeldOut, ...],
    points: PointSet,
    problem: Problem,
) -> dict[str, Any]:
    """Say every candidate's score on the common entries, the weights and the law of the error."""
    folds = problem.folds
    by_channel = {
        channel.name: dict(zip(names, row, strict=True))
        for channel, row in zip(points.channels, weights.tolist(), strict=True)
    }
    alike = bool((weights == weights[:1]).all())
    return {
        "method": "auto",
        "withheld_rmse": known_score(held_out_rmse(points, folds, withheld)),
        "scores": {
            name: known_score(held_out_rmse(points, folds, asked.common(choice.withheld)))
            for name, choice in choices.items()
        },
        "weights": dict(zip(names, weights.mean(axis=0).tolist(), strict=True)),
        **({} if alike else {"weights_by_channel": by_channel}),
        "standard_error_law": error.as_dict(),
    }
