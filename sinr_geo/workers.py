"""Tasks side by side, as many in all as there are cores, each on one thread.

Linear algebra releases the interpreter's lock, so threads of one process do; and batches of small
systems, which is what superpixels and neighbourhoods are, gain nothing from more threads within an
operation: on a busy machine two threads per operation took up to 60 times as long as one. Tasks may
have tasks of their own: these get a core that another batch has left, or share their parent's.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Condition, Event, Lock, Semaphore, Thread
from typing import Generic, TypeVar

__all__ = [
    "StoppedError",
    "in_order",
    "named_side_by_side",
    "one_thread_each",
    "side_by_side",
]

_MOST = 4
_SWITCHING = 5e-4
"""Seconds after which a thread gives the interpreter's lock away."""

_fits_lock = Lock()
_fits, _threads = 0, 1
_before = ExitStack()

_Result = TypeVar("_Result")
_Progress = Callable[[str, float], None]


class StoppedError(RuntimeError):
    """Another task has failed or the user has interrupted; nobody waits for this one."""


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let every matrix operation run on the thread that asks for it.

    Threads ask for the interpreter's lock more often meanwhile: one that computes in Python, as
    SciPy's splines do, keeps it for 5 ms else, and operations that take less wait for it each time.
    Of fits that run at once, each in a thread of its own, the last one to end puts things back;
    each gives its thread as many threads of torch as there were before the first.
    """
    global _fits, _threads
    import torch
    from threadpoolctl import threadpool_limits

    with _fits_lock:
        if not _fits:
            _threads = torch.get_num_threads()
            _before.callback(sys.setswitchinterval, sys.getswitchinterval())
            _before.enter_context(threadpool_limits(1))
            sys.setswitchinterval(_SWITCHING)
        _fits += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        with _fits_lock:
            _fits -= 1
            if not _fits:
                _before.close()
        torch.set_num_threads(_threads)


def side_by_side(tasks: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """Run tasks on the cores that nobody uses, at most four in all; -> results in order.

    Where one fails, or the user interrupts, the others are not waited for: those that have not
    begun never do, and those that are running end by themselves.
    """
    return _Batch(tasks).results() if tasks else []


def in_order(tasks: Sequence[Callable[[], _Result]], ahead: int) -> Iterator[_Result]:
    """Run tasks as `side_by_side` does, and yield their results one by one.

    Parameters
    ----------
    tasks : sequence of callable
    ahead : int
        Results that are being made or wait to be taken, at most, so that memory is bounded; one
        more is in the hands of whoever takes them.
    """
    if tasks:
        yield from _Batch(tasks, ahead).one_by_one()


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
    stop, lock, shares = Event(), Lock(), dict.fromkeys(names, 0.0)
    first, last = between

    def report(name: str, what: str, share: float) -> None:
        if stop.is_set():
            raise StoppedError(name)
        with lock:
            shares[name] = max(shares[name], share)
            mean = sum(shares.values()) / len(shares)
            progress(f"{name}: {what}", first + (last - first) * mean)

    try:
        found = side_by_side([partial(task, name, partial(report, name)) for name in names])
    except BaseException:
        stop.set()
        raise
    return dict(zip(names, found, strict=True))


class _Batch(Generic[_Result]):
    """Tasks that wait, and threads that take them: one, and one more for every spare core."""

    def __init__(self, tasks: Sequence[Callable[[], _Result]], ahead: int | None = None) -> None:
        self._waiting = deque(enumerate(tasks))
        self._found: dict[int, _Result] = {}
        self._count = len(tasks)
        self._allowed = self._count if ahead is None else ahead
        self._failure: BaseException | None = None
        self._changed = Condition()

    def results(self) -> list[_Result]:
        """Start, and wait for all results or the first failure."""
        self._start(spare=False)
        try:
            with self._changed:
                self._changed.wait_for(self._ended)
        finally:
            self._waiting.clear()
        if self._failure is not None:
            raise self._failure
        return [self._found[number] for number in range(self._count)]

    def one_by_one(self) -> Iterator[_Result]:
        """Start, and wait for the results in turn; raises the first failure."""
        self._start(spare=False)
        try:
            for number in range(self._count):
                yield self._take(number)
        finally:
            with self._changed:
                self._waiting.clear()
                self._allowed = 0
                self._changed.notify_all()

    def _take(self, number: int) -> _Result:
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None or number in self._found)
            if self._failure is not None:
                raise self._failure
            self._allowed += 1
            self._changed.notify_all()
            return self._found.pop(number)

    def _may_begin(self, number: int) -> bool:
        """Wait until a task's turn has come; False if nobody wants it any more."""
        if number < self._allowed:
            return True
        with self._changed:
            self._changed.wait_for(lambda: number < self._allowed or not self._wanted())
            return self._wanted()

    def _wanted(self) -> bool:
        return self._failure is None and self._allowed > 0

    def _ended(self) -> bool:
        return self._failure is not None or len(self._found) == self._count

    def _start_another(self) -> None:
        """Start one more thread, or go on without where the system gives none."""
        try:
            self._start(spare=True)
        except RuntimeError:
            _spare_cores.release()

    def _start(self, *, spare: bool) -> None:
        Thread(target=self._work, args=(spare,), name="side by side", daemon=True).start()

    def _work(self, spare: bool) -> None:
        try:
            while self._waiting:
                number, task = self._waiting.popleft()
                if self._waiting and _spare_cores.acquire(blocking=False):
                    self._start_another()
                if not self._may_begin(number):
                    break
                self._note(number, task)
        except IndexError:
            pass  # another thread took the last one
        finally:
            if spare:
                _spare_cores.release()

    def _note(self, number: int, task: Callable[[], _Result]) -> None:
        try:
            found = task()
        except BaseException as failure:  # whoever waits raises it
            with self._changed:
                self._failure = self._failure or failure
                self._waiting.clear()
                self._changed.notify_all()
            return
        with self._changed:
            self._found[number] = found
            self._changed.notify_all()


def _cores() -> int:
    """Count the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


_spare_cores = Semaphore(min(_MOST, _cores()) - 1)
