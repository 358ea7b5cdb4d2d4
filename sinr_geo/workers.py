"""Independent work side by side, one core each.

Batches of small matrices gain nothing from several threads (a batched triangular solve of 3,000
systems of 96 took 0.1 s on one thread and 7.6 s on two that shared a busy machine), whole methods
beside each other do. So each method runs on one thread, and several methods run at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import TypeVar

__all__ = ["StoppedError", "named_side_by_side", "one_thread_each", "side_by_side"]

_MOST = 4
_Result = TypeVar("_Result")
_Progress = Callable[[str, float], None]


class StoppedError(RuntimeError):
    """Another task has failed or the user has interrupted; nobody waits for this one."""


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let every matrix operation run on the thread that asks for it."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def side_by_side(tasks: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """Run tasks on as many threads as there are cores, at most four; -> results in order.

    Where one fails, or the user interrupts, the others are not waited for: those that have not
    begun never do, and those that are running end by themselves.
    """
    pool = ThreadPoolExecutor(min(_MOST, _cores(), max(1, len(tasks))))
    running = [pool.submit(task) for task in tasks]
    try:
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        failed = [future for future in running if future in done and future.exception()]
        return [future.result() for future in (failed or running)]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def named_side_by_side(
    names: Sequence[str],
    task: Callable[[str, _Progress], _Result],
    progress: _Progress,
    between: tuple[float, float],
) -> dict[str, _Result]:
    """Run a task for every name, each with a progress of its own.

    Parameters
    ----------
    names : sequence of str
    task : callable
        Gets a name and where to report progress, 0 to 1. Reporting ends it once another has failed.
    progress : callable
        Gets the mean of all shares, between the two of `between`.
    between : (float, float)
    """
    stop, shares = Event(), dict.fromkeys(names, 0.0)
    first, last = between

    def report(name: str, what: str, share: float) -> None:
        if stop.is_set():
            raise StoppedError(name)
        shares[name] = max(shares[name], share)
        mean = sum(shares.values()) / len(shares)
        progress(f"{name}: {what}", first + (last - first) * mean)

    try:
        found = side_by_side([partial(task, name, partial(report, name)) for name in names])
    except BaseException:
        stop.set()
        raise
    return dict(zip(names, found, strict=True))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
