"""Photographs examined in several processes: in order, not too far ahead, and a deadly one hurts only itself."""

import multiprocessing
import os
import signal
import threading
import time
from itertools import count
from multiprocessing.connection import Connection

import numpy as np
import pytest

from clipface.photos.filter import FilterRule
from clipface.photos.workers import AHEAD, DEADLY, Examiners


def task(path, rule, size):
    if path == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "half":
        # Killed while it writes a result that is larger than a pipe holds.
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return "x" * 10_000_000
    if path == "wrong":
        raise ZeroDivisionError("a fault of ours")
    if path == "slow":
        time.sleep(30)
    time.sleep(0.02 * (len(path) % 2))
    return f"{path} {rule.least_face:.0f} {size}"


@pytest.fixture
def waiting_threads():
    """Gives the threads, of those begun since the test began, that would keep Python from ending."""
    before = set(threading.enumerate())  # other libraries have threads of their own
    return lambda: [one for one in threading.enumerate() if one not in before and not one.daemon]


def test_results_come_in_order_and_a_deadly_photograph_is_left_out():
    paths = ["a", "bb", "deadly", "c", "dd"]
    with Examiners(2, FilterRule(), 64, task) as examiners:
        results = list(examiners.examine(paths))
    assert results == ["a 100 64", "bb 100 64", DEADLY, "c 100 64", "dd 100 64"]


def late(recv, at_once):
    """`Connection.recv` that reads what has begun to arrive only when its process has been killed."""
    calls = count()

    def read(connection):
        if next(calls) >= at_once and connection.poll(None):
            time.sleep(0.5)
        return recv(connection)

    return read


def test_processes_killed_in_the_middle_of_an_answer_hang_nobody(monkeypatch, waiting_threads):
    recv = Connection.recv
    for at_once in (0, 1):  # messages: a process says that it has begun, then sends the result
        monkeypatch.setattr(Connection, "recv", late(recv, at_once))
        with Examiners(1, FilterRule(), 64, task) as examiners:
            assert list(examiners.examine(["half", "a"])) == [DEADLY, "a 100 64"]
        with Examiners(1, FilterRule(), 64, task) as examiners:
            results = examiners.examine(["a"] * 9)
            next(results)
        assert waiting_threads() == []


def test_a_process_killed_while_it_waits_is_replaced():
    with Examiners(1, FilterRule(), 64, task) as examiners:
        for _ in range(2):
            assert list(examiners.examine(["a"])) == ["a 100 64"]
            (process,) = multiprocessing.active_children()
            process.kill()
            process.join()


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


def large(path, rule, size):
    return np.zeros(2**22, np.uint8)


def test_ending_while_results_are_handed_over_leaves_nothing_waiting(waiting_threads):
    for _ in range(3):
        with Examiners(2, FilterRule(), 64, large) as examiners:
            next(examiners.examine(map(str, range(8))))
        assert waiting_threads() == []
