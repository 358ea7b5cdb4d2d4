"""What an evaluation says in words: who wins, by how much, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinr_geo.evaluation import LayerEvaluation, MethodScore

__all__ = ["findings_of"]

_DEFAULT = "auto"
_PEERS = ("kriging", "rbf", "trees", "nearest")
_CHANCE = 0.01
_WORTH_NAMING = 0.02
_CHANNELS_NAMED = 3
_LEVEL = 0.0005


def findings_of(layer: LayerEvaluation) -> tuple[str, ...]:
    """Return one sentence per finding."""
    return (
        *_what_was_done(layer),
        *_who_wins(layer),
        *_best_peer(layer),
        *_intervals(layer),
        *_by_channel(layer),
        *(f"{name} could not be tried: {why}" for name, why in layer.failed.items()),
        *(f"{note} (the scores cannot see this)" for note in layer.notes),
    )


def _what_was_done(layer: LayerEvaluation) -> Iterator[str]:
    if layer.points_used < layer.points:
        yield (
            f"looked at {layer.points_used:,} of {layer.points:,} points, in regions that hold "
            "most observations and gaps"
        )
    yield (
        f"withheld {layer.withheld:,} of {layer.observed:,} observed samples "
        f"({layer.withheld / layer.observed:.0%}), {layer.how}; no method saw them"
    )


def _who_wins(layer: LayerEvaluation) -> Iterator[str]:
    best = layer.scores[0]
    head = f"{best.method} has the smallest error on this file, {_error(best)}"
    if len(layer.scores) == 1:
        yield f"{best.method} has the error {_error(best)}"
        return
    rival = layer.scores[1] if best.method == _DEFAULT else _rival(layer)
    said = f"{head}, {_below(best, rival)}{_chance(rival)}"
    if best.method == _DEFAULT:
        yield said
    elif rival.p_value <= _CHANCE:
        yield f"{said}: --method {best.method} uses it"
    elif rival.method == _DEFAULT:
        yield f"{said}: no reason to leave {rival.method}"
    else:
        yield said


def _rival(layer: LayerEvaluation) -> MethodScore:
    """Return what another winner is compared with: the default, else the second best."""
    return _named(layer, _DEFAULT) or layer.scores[1]


def _best_peer(layer: LayerEvaluation) -> Iterator[str]:
    """Name the best peer where the sentence about the winner does not."""
    if len(layer.scores) == 1:
        return
    best = layer.scores[0]
    peers = [score for score in layer.scores if score.method in _PEERS]
    named = {best.method, _DEFAULT if best.method != _DEFAULT else layer.scores[1].method}
    if not peers or best.method in _PEERS or peers[0].method in named:
        return
    peer = peers[0]
    yield (
        f"the best peer is {peer.method}, with {_error(peer)}: {best.method} is "
        f"{_below(best, peer, name=False)}{_chance(peer)}"
    )


def _intervals(layer: LayerEvaluation) -> Iterator[str]:
    told = _named(layer, _DEFAULT) or layer.scores[0]
    wide, narrow = told.skill.within_95, told.skill.within_68
    if wide is not None and narrow is not None:
        yield (
            f"the intervals of {told.method} hold {wide:.1%} of the withheld samples where they "
            f"should hold 95 %, and {narrow:.1%} where they should hold 68 %"
        )


def _by_channel(layer: LayerEvaluation) -> Iterator[str]:
    """Name channels that another method than the winner does better on, by 2 % or more."""
    best, shown = layer.scores[0], 0
    for number, own in enumerate(best.skill.channels):
        winner = min(layer.scores, key=lambda score: score.skill.channels[number].rmse)
        found = winner.skill.channels[number]
        gain = 1.0 - found.rmse / own.rmse if own.rmse > 0 else 0.0
        if gain >= _WORTH_NAMING and shown < _CHANNELS_NAMED:
            shown += 1
            yield (
                f"for {found.channel} alone, {winner.method} has the smallest error, "
                f"{_with_unit(found.rmse, found.unit)}, {gain:.1%} below {best.method}: "
                f"--variables {found.channel} --method {winner.method}"
            )


def _named(layer: LayerEvaluation, method: str) -> MethodScore | None:
    return next((score for score in layer.scores if score.method == method), None)


def _error(score: MethodScore) -> str:
    sds = f"{score.skill.rmse_sd:.3g} standard deviations"
    if len(score.skill.channels) > 1:
        return sds
    (only,) = score.skill.channels
    return f"{_with_unit(only.rmse, only.unit)} ({sds})"


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".rstrip()


def _below(best: MethodScore, other: MethodScore, *, name: bool = True) -> str:
    gain = 1.0 - best.skill.rmse_sd / other.skill.rmse_sd if other.skill.rmse_sd > 0 else 0.0
    than = other.method if name else "it"
    return f"{gain:.1%} below {than}" if gain >= _LEVEL else f"level with {than}"


def _chance(other: MethodScore) -> str:
    if other.p_value <= _CHANCE:
        return ""
    return f", which chance alone may do (p = {other.p_value:.2g})"
