"""Photographs examined in several processes: in order, not too far ahead, and a deadly one hurts only itself."""

import os
import signal
import time

import pytest

from clipface.fit.filter import FilterRule
from clipface.fit.workers import AHEAD, Examiners


def task(path, rule, size):
    if path == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "wrong":
        raise ZeroDivisionError("a fault of ours")
    if path == "slow":
        time.sleep(30)
    time.sleep(0.02 * (len(path) % 2))
    return f"{path} {rule.least_face:.0f} {size}"


def test_results_come_in_order_and_a_deadly_photograph_is_left_out():
    paths = ["a", "bb", "deadly", "c", "dd", "deadly", "e"]
    with Examiners(2, FilterRule(), 64, task) as examiners:
        results = list(examiners.examine(paths))
    assert [result.split()[0] for result in results] == ["a", "bb", "unreadable:", "c", "dd", "unreadable:", "e"]
    assert results[0] == "a 100 64" and "ended by the system" in results[2]


def test_a_bounded_number_is_read_ahead():
    taken = []
    paths = (taken.append(number) or str(number) for number in range(1000))
    with Examiners(1, FilterRule(), 64, task) as examiners:
        results = examiners.examine(paths)
        assert next(results) and len(taken) <= AHEAD + 1
        with pytest.raises(StopIteration):
            results.close()
            next(results)


def test_a_fault_of_ours_is_raised_and_nobody_waits_for_a_slow_one():
    start = time.monotonic()
    with pytest.raises(ZeroDivisionError), Examiners(2, FilterRule(), 64, task) as examiners:
        list(examiners.examine(["slow", "wrong"][::-1]))
    assert time.monotonic() - start < 20


def test_without_processes():
    with Examiners(0, FilterRule(), 32, task) as examiners:
        assert list(examiners.examine(["a", "bb"])) == ["a 100 32", "bb 100 32"]
