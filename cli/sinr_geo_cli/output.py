"""What commands print: one JSON object, or a few lines for people, on standard output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinr_geo.outcome import LayerOutcome, Outcome

__all__ = ["outcome_object", "print_json", "print_lines", "print_outcome", "report_entry"]

_CHANNELS_NAMED = 4
_WORDS = {
    "denoised": "samples denoised",
    "filled": "samples filled",
    "extrapolated": "extrapolated, far from any observed sample",
    "unfilled": "left unfilled",
}


def print_json(content: Mapping[str, Any]) -> None:
    """Print one JSON object; numbers that JSON does not have become null."""
    sys.stdout.write(json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")


def print_lines(lines: Sequence[str]) -> None:
    """Print lines."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def outcome_object(
    command: str, path: Path, outcome: Outcome, report: Path | None = None
) -> dict[str, Any]:
    """Return what ``--json`` prints of an outcome, and of a report where one was written."""
    from sinr_geo.version import __version__

    return {
        "command": command,
        "version": __version__,
        "input": str(path),
        **outcome.as_dict(),
        **report_entry(report),
    }


def report_entry(report: Path | None) -> dict[str, str]:
    """Return what ``--json`` says of a report: nothing where none was asked for."""
    return {} if report is None else {"report": str(report)}


def print_outcome(
    command: str,
    path: Path,
    outcome: Outcome,
    report: Path | None = None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print an outcome the way that was asked for."""
    if as_json:
        print_json(outcome_object(command, path, outcome, report))
    elif not quiet:
        print_lines(_outcome_lines(outcome, report))


def _outcome_lines(outcome: Outcome, report: Path | None) -> list[str]:
    files = outcome.outputs if report is None else (*outcome.outputs, report)
    written = [f"wrote {path}" for path in files]
    layers = [f"  {_layer_line(layer)}" for layer in outcome.layers if layer.choice]
    notes = [f"note: {note}" for note in outcome.notes]
    return written + layers + notes


def _layer_line(layer: LayerOutcome) -> str:
    few = 0 < len(layer.channels) <= _CHANNELS_NAMED
    name = ", ".join(layer.channels) if few else layer.name
    if "connected" in layer.choice:
        return f"{name}: {layer.choice['connected']} superpixels"
    counts = [f"{layer.samples[f]:,} {word}" for f, word in _WORDS.items() if layer.samples.get(f)]
    return f"{name}: {', '.join(counts) or 'nothing changed'}; {_method(layer.choice)}"


def _method(choice: Mapping[str, Any]) -> str:
    """Name the method, of a stack its members, and the withheld error."""
    name = f"method {choice.get('method', 'unknown')}{_members(choice)}"
    error = choice.get("withheld_rmse")
    if not isinstance(error, int | float):
        return name
    return f"{name}, withheld error {error:.3g} standard deviations{_alone(choice)}"


def _members(choice: Mapping[str, Any]) -> str:
    """Say what a stack is made of, the heaviest member first."""
    weights = sorted(choice.get("weights", {}).items(), key=lambda pair: -pair[1])
    parts = [f"{weight:.0%} {name}" for name, weight in weights]
    return f" ({', '.join(parts)})" if parts else ""


def _alone(choice: Mapping[str, Any]) -> str:
    """Say which method scored best alone."""
    scores = {n: s for n, s in choice.get("scores", {}).items() if isinstance(s, int | float)}
    if "weights" not in choice or len(scores) < 2:
        return ""
    best = min(scores, key=lambda name: scores[name])
    return f" (best alone: {best}, {scores[best]:.3g})"


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content
