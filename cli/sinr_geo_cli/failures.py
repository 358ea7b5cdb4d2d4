"""Exit statuses, and the sentence that goes with an error.

0    done
1    our own fault: a short sentence that asks to report it
2    the user can mend it: one sentence that names the file or option and the cause
130  interrupted with Ctrl-C
143  terminated

``SINR_GEO_TRACEBACK=1`` adds the traceback.
"""

from __future__ import annotations

import errno
import os
import traceback
from dataclasses import dataclass
from enum import IntEnum

import typer

__all__ = ["Failure", "Status", "failure_of", "traceback_of"]

_MENDABLE = {"EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT"}


class Status(IntEnum):
    """Exit status of the command line."""

    DONE = 0
    OUR_FAULT = 1
    USER_ERROR = 2
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True)
class Failure:
    """An exit status and the sentence that explains it."""

    status: Status
    message: str


def failure_of(error: BaseException) -> Failure:
    """Say what an error means to the user."""
    from sinr_geo.errors import SinrGeoError

    if isinstance(error, SinrGeoError):
        return Failure(Status.USER_ERROR, _one_line(str(error)))
    if isinstance(error, typer.TyperException):
        return Failure(Status.USER_ERROR, _one_line(error.format_message()))
    if isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in _MENDABLE:
        place = f"{error.filename}: " if error.filename else ""
        return Failure(Status.USER_ERROR, f"{place}{error.strerror}")
    if isinstance(error, MemoryError):
        return Failure(
            Status.USER_ERROR, "there is not enough memory for this; name fewer --variables"
        )
    if isinstance(error, KeyboardInterrupt):
        return Failure(Status.INTERRUPTED, "interrupted")
    return Failure(
        Status.OUR_FAULT,
        f"an error of sinr-geo itself, please report it ({_one_line(_named(error))}); "
        "SINR_GEO_TRACEBACK=1 shows where",
    )


def traceback_of(error: BaseException) -> str:
    """Return the traceback if the user asked for tracebacks, else nothing."""
    if os.environ.get("SINR_GEO_TRACEBACK", "0") in ("", "0"):
        return ""
    return "".join(traceback.format_exception(error))


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())
