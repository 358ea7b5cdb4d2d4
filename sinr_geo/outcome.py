"""What a command did, for people and for ``--json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sinr_geo.points import BoolArray
from sinr_geo.recovery import Recovery

__all__ = ["LayerOutcome", "Outcome"]


@dataclass(frozen=True, slots=True)
class LayerOutcome:
    """What was done to one layer.

    Parameters
    ----------
    name : str
    channels : tuple of str
        Channels that were recovered.
    samples : mapping of str to int
        Number of entries by the name of their flag.
    choice : mapping
        How it was chosen, with withheld scores.
    """

    name: str
    channels: tuple[str, ...]
    samples: Mapping[str, int]
    choice: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, name: str, channels: tuple[str, ...], recovery: Recovery, observed: BoolArray
    ) -> LayerOutcome:
        """Summarise a recovery of points with a mask of observed entries (n, s)."""
        touched = tuple(c for j, c in enumerate(channels) if recovery.touches(j))
        samples = {flag: int(count.sum()) for flag, count in recovery.counts(observed).items()}
        return cls(name, touched, samples, recovery.choice)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did.

    Parameters
    ----------
    outputs : tuple of Path
        Files written, the main one first.
    layers : tuple of LayerOutcome
    notes : tuple of str
        One sentence each about what was left and what passed through.
    """

    outputs: tuple[Path, ...]
    layers: tuple[LayerOutcome, ...]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            "outputs": [str(path) for path in self.outputs],
            "layers": [
                {
                    "name": layer.name,
                    "channels": list(layer.channels),
                    "samples": dict(layer.samples),
                    "choice": dict(layer.choice),
                }
                for layer in self.layers
            ],
            "notes": list(self.notes),
        }
