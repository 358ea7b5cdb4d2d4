"""Tasks side by side: results in order, one failure ends all, progress that never goes back."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from functools import partial

import pytest
import torch

from sinr_geo.workers import (
    StoppedError,
    in_order,
    named_side_by_side,
    one_thread_each,
    side_by_side,
)


def _cores() -> int:
    return min(4, len(os.sched_getaffinity(0)))


def _two_cores() -> bool:
    return _cores() > 1


def _all_cores_are_free():
    _wait_for_threads()
    meeting = threading.Barrier(_cores())
    places = side_by_side([lambda: meeting.wait(30)] * _cores())
    assert sorted(places) == list(range(_cores()))


def _wait_for_threads():
    for thread in threading.enumerate():
        if thread.name == "side by side":
            thread.join(30)
            assert not thread.is_alive()


def test_results_come_in_the_order_of_the_tasks():
    first_may_end = threading.Event()

    def first():
        assert first_may_end.wait(30)
        return "first"

    def second():
        first_may_end.set()
        return "second"

    assert side_by_side([second, first, second]) == ["second", "first", "second"]


def test_nothing_to_do_gives_nothing():
    assert side_by_side([]) == []


def test_a_failure_is_raised_while_another_task_still_runs():
    release, ended = threading.Event(), threading.Event()

    def slow():
        release.wait(30)
        ended.set()

    def fails():
        raise ValueError("no samples")

    with pytest.raises(ValueError, match="no samples"):
        side_by_side([slow, fails] if _two_cores() else [fails, slow])
    assert not ended.is_set()
    release.set()


def test_a_task_that_reports_progress_ends_after_another_has_failed():
    failed, told = threading.Event(), []

    def task(name, progress):
        if name == "fails":
            failed.set()
            raise ValueError("no samples")
        assert failed.wait(30)
        try:
            while True:
                progress("working", 0.5)
        except StoppedError as stopped:
            told.append(str(stopped))
            raise

    names = ("works", "fails") if _two_cores() else ("fails", "works")
    with pytest.raises(ValueError, match="no samples"):
        named_side_by_side(names, task, lambda what, share: None, (0.0, 1.0))
    for thread in threading.enumerate():
        if thread.name == "side by side":
            thread.join(30)
    assert told == (["works"] if _two_cores() else [])


def test_progress_is_the_mean_of_all_tasks_and_never_goes_back():
    told = []

    def task(name, progress):
        for share in (0.5, 0.2, 1.0):
            progress("choosing", share)
        return name.upper()

    found = named_side_by_side(
        ("a", "b"), task, lambda what, share: told.append((what, share)), (0.5, 0.75)
    )
    assert found == {"a": "A", "b": "B"}
    assert {what for what, _ in told} == {"a: choosing", "b: choosing"}
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0.5 < shares[0] <= shares[-1] == 0.75


def test_fits_that_run_at_once_leave_the_threads_as_they_were():
    interval, seen = sys.getswitchinterval(), {}
    both, first_began, first_ended = threading.Barrier(2), threading.Event(), threading.Event()
    torch.set_num_threads(2)

    def fit(name):
        if name == "last":
            first_began.wait(30)  # when the process has one thread already
        with one_thread_each():
            first_began.set()
            both.wait(30)
            seen[name] = torch.get_num_threads()
            both.wait(30)
            if name == "last":
                first_ended.wait(30)
        seen[f"{name} after"] = torch.get_num_threads()
        first_ended.set()

    threads = [threading.Thread(target=fit, args=(name,)) for name in ("first", "last")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    new = threading.Thread(target=lambda: seen.update(new=torch.get_num_threads()))
    new.start()
    new.join(30)
    assert seen == {"first": 1, "last": 1, "first after": 2, "last after": 2, "new": 2}
    assert sys.getswitchinterval() == interval


def test_tasks_are_done_where_the_system_gives_no_more_threads(monkeypatch):
    started, start = [], threading.Thread.start

    def hardly(thread):
        started.append(thread)
        if len(started) > 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", hardly)
    for _ in range(3):
        started.clear()
        assert side_by_side([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]
        assert len(started) > 1 or not _two_cores()


def test_tasks_within_tasks_never_run_on_more_threads_than_there_are_cores():
    lock, running, most = threading.Lock(), [0], [0]

    def leaf():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        with lock:
            running[0] -= 1
        return 1

    def branch():
        return sum(side_by_side([leaf] * 5))

    assert side_by_side([branch] * 6) == [5] * 6
    assert most[0] <= _cores()


def test_results_are_yielded_in_order_and_no_more_are_made_than_asked_for():
    lock, made, most_ahead = threading.Lock(), [0], [0]

    def task(number):
        with lock:
            made[0] += 1
            most_ahead[0] = max(most_ahead[0], made[0] - len(taken))
        threading.Event().wait(0.002 * (number % 3))
        return number

    taken: list[int] = []
    for found in in_order([partial(task, number) for number in range(20)], ahead=2):
        threading.Event().wait(0.004)
        with lock:
            taken.append(found)
    assert taken == list(range(20))
    # The one in the consumer's hands does not count as taken here.
    assert most_ahead[0] <= 3
    assert list(in_order([], ahead=2)) == []


def test_results_that_are_yielded_in_order_are_made_side_by_side():
    _wait_for_threads()
    meeting = threading.Barrier(min(2, _cores()))
    found = in_order([partial(meeting.wait, 30)] * meeting.parties, ahead=2)
    assert sorted(found) == list(range(meeting.parties))


def test_a_failure_is_raised_at_once_and_ends_the_rest():
    started = []

    def task(number):
        started.append(number)
        if number == 1:
            raise ValueError("no samples")
        return number

    with pytest.raises(ValueError, match="no samples"):
        list(in_order([partial(task, number) for number in range(50)], ahead=2))
    _wait_for_threads()
    assert len(started) < 10


def test_results_that_nobody_takes_stop_being_made():
    started = []
    results = in_order([partial(started.append, number) for number in range(50)], ahead=2)
    next(results)
    results.close()
    _wait_for_threads()
    assert len(started) < 10
    _all_cores_are_free()


def test_batches_within_batches_come_to_an_end():
    """Once, who waited lent its core, and could wait for ever to get it back."""

    def pause(seconds):
        threading.Event().wait(seconds)

    def branch(seed):
        lot = random.Random(seed)
        tasks = [partial(pause, lot.choice((0.0, 0.0005, 0.001, 0.002))) for _ in range(6)]
        for _ in in_order(tasks, ahead=2):
            pause(lot.choice((0.0, 0.0005, 0.001, 0.002)))

    def every_run():
        for run in range(60):
            side_by_side([partial(branch, 10 * run + number) for number in range(_cores())])

    runs = threading.Thread(target=every_run, daemon=True)
    runs.start()
    runs.join(60)
    assert not runs.is_alive()
    _all_cores_are_free()


def test_a_core_is_given_back_after_a_failure():
    def fails():
        raise ValueError("no samples")

    for _ in range(3 * _cores()):
        with pytest.raises(ValueError, match="no samples"):
            side_by_side([fails, fails, fails])
    _all_cores_are_free()


@pytest.mark.parametrize(("own", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_leave_their_core_to_others_unless_the_user_says_otherwise(own, expected):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    if own is not None:
        environment["OMP_WAIT_POLICY"] = own
    code = "import os, sinr_geo; print(os.environ['OMP_WAIT_POLICY'])"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == expected
