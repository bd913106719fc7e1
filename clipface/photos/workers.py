"""Examining photographs in several processes: in order, a bounded number ahead.

A photograph that brings its process down twice is left out with that reason; nothing else is touched by it. Each
process is a pool of its own: a pipe that processes share is useless once one of them is killed while it writes.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_context
from typing import Any

from clipface.photos.examine import Cutout, examine
from clipface.photos.filter import FilterRule
from clipface.startup import need

AHEAD = 4  # photographs for each process that are read before they are asked for
TRIES = 2  # since a process may be ended for what another one does, when memory is short
CHECK = 1.0  # seconds between two looks at whether a process that does not answer is still there
DEADLY = "unreadable: the process that examined it was ended by the system (out of memory, or a crash)"

Task = Callable[[str, FilterRule, int], Cutout | str]


@dataclass
class _Job:
    """A photograph that the process of number `place` examines."""

    path: str
    place: int
    future: Future


class Examiners:
    """Processes that run `examine`; to be used in a `with` block.

    Args:
        count: of processes; 0 examines in this one.
        rule, size: see `examine`.
        task: what is done with each path.

    Raises:
        ImportError: if pebble is missing; says how to get it.
    """

    def __init__(self, count: int, rule: FilterRule, size: int, task: Task = examine) -> None:
        self.count, self.rule, self.size, self.task = count, rule, size, task
        self._pools = [_one_process() for _ in range(count)]
        self._waiting: deque[_Job] = deque()

    def __enter__(self) -> "Examiners":
        return self

    def __exit__(self, *raised: object) -> None:
        """End all processes; those that still examine something must not keep the user waiting."""
        _end(self._pools)

    def examine(self, paths: Iterable[str]) -> Iterator[Cutout | str]:
        """Examine photographs; results come in the order of `paths`."""
        if not self.count:
            yield from (self.task(path, self.rule, self.size) for path in paths)
            return
        self._waiting.clear()
        for path, place in zip(paths, cycle(range(self.count)), strict=False):
            if not self._pools[place].active:  # its process was ended while it had nothing to do
                self._restart(place)
            self._waiting.append(_Job(path, place, self._schedule(path, place)))
            if len(self._waiting) >= AHEAD * self.count:
                yield self._next()
        while self._waiting:
            yield self._next()

    def _schedule(self, path: str, place: int) -> Future:
        return self._pools[place].schedule(self.task, args=(path, self.rule, self.size))

    def _next(self) -> Cutout | str:
        """The result of the photograph that waits longest."""
        from pebble import ProcessExpired

        for left in reversed(range(TRIES)):
            job = self._waiting[0]
            while self._pools[job.place].active and not wait([job.future], CHECK).done:
                pass
            if job.future.done() and not isinstance(job.future.exception(), ProcessExpired | BrokenProcessPool):
                return self._waiting.popleft().future.result()
            if not left:
                self._waiting.popleft()
            self._restart(job.place)
        return DEADLY

    def _restart(self, place: int) -> None:
        """Give a place a new process, which begins again with what waits for it."""
        _end([self._pools[place]])
        self._pools[place] = _one_process()
        for job in self._waiting:
            if job.place == place:
                job.future = self._schedule(job.path, place)


def _one_process() -> Any:
    pebble = need("pebble", 'several processes need the package pebble: pip install -e ".[fit]"')
    # Not forked: threads and CUDA of this process would be copied in whatever state they are.
    return pebble.ProcessPool(1, initializer=_prepare, context=get_context("spawn"))


def _end(pools: Iterable[Any]) -> None:
    for pool in pools:
        pool.stop()
    for pool in pools:
        pool.join()


def _prepare() -> None:
    """Make the process end at once when asked to, and silent."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Libraries that decode images write to the file descriptor itself. Errors are sent.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
