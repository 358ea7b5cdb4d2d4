"""What an output's history says: the command as it was typed, and when."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinr_geo.adapters import Stamp

__all__ = ["is_repeatable", "stamp_of"]


def stamp_of(arguments: Sequence[str]) -> Stamp:
    """Return the stamp of a run; ``SOURCE_DATE_EPOCH`` decides the time where it is set.

    Parameters
    ----------
    arguments : sequence of str
        As typed, without the program's name.
    """
    from sinr_geo.adapters import Stamp
    from sinr_geo.version import __version__

    return Stamp(shlex.join(["sinr-geo", *arguments]), __version__, _moment())


def is_repeatable() -> bool:
    """Whether the same run shall write the same bytes: then nothing may depend on the clock."""
    return "SOURCE_DATE_EPOCH" in os.environ


def _moment() -> datetime:
    from sinr_geo.errors import RequestError

    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        raise RequestError(
            f"SOURCE_DATE_EPOCH must be a whole number of seconds since 1970, not {epoch!r}"
        ) from None
