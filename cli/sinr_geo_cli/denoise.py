"""`sinr-geo denoise`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from sinr_geo_cli.recovering import recovery_command

if TYPE_CHECKING:
    from sinr_geo.files import Asked
    from sinr_geo.outcome import Outcome

__all__ = ["denoise"]


@recovery_command
def denoise(path: Path, output: Path | None, **asked: Unpack[Asked]) -> Outcome:
    """Remove the noise of a file, and fill its gaps too."""
    import sinr_geo

    return sinr_geo.denoise(path, output, **asked)
