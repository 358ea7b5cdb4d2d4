"""Progress on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["PlainProgress", "reporting"]

_SECONDS_BETWEEN_LINES = 1.0
_SECONDS_BETWEEN_SHARES = 30.0

Report = Callable[[str, float], None]


@contextmanager
def reporting(*, quiet: bool) -> Iterator[Report]:
    """Yield a progress callback that suits standard error.

    Parameters
    ----------
    quiet : bool
        Report to nobody.
    """
    if quiet:
        yield lambda what, share: None
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield PlainProgress(sys.stderr)


@contextmanager
def _bar() -> Iterator[Report]:
    """Show one bar, which starts anew with every stage and is gone at the end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=1.0)
        stage = ""

        def report(what: str, share: float) -> None:
            nonlocal stage
            if what != stage:
                stage = what
                progress.reset(task, description=what)
            progress.update(task, completed=share)

        yield report


class PlainProgress:
    """Print a line when a stage begins, and its share now and then while it lasts.

    Parameters
    ----------
    stream : text stream
    clock : callable
        Returns seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._stage = ""
        self._last = float("-inf")

    def __call__(self, what: str, share: float) -> None:
        """Report that a share (0 to 1) of a stage is done."""
        waited = self._clock() - self._last
        if what != self._stage and waited >= _SECONDS_BETWEEN_LINES:
            self._print(what, what)
        elif what == self._stage and waited >= _SECONDS_BETWEEN_SHARES:
            self._print(what, f"{what} ({share:.0%})")

    def _print(self, stage: str, text: str) -> None:
        self._stage, self._last = stage, self._clock()
        self._stream.write(f"sinr-geo: {text}\n")
        self._stream.flush()
