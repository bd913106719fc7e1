"""Examining photographs in several processes: in order, a bounded number ahead.

A photograph that brings its process down is left out with that reason; the others are examined again.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from types import TracebackType

from clipface.fit.examine import Cutout, examine
from clipface.fit.filter import FilterRule

AHEAD = 4  # photographs for each process that are read before they are asked for


class Examiners:
    """Processes that run `examine`.

    Args:
        count: of processes; 0 examines in this one.
        rule, size: see `examine`.
        task: what is done with each path.
    """

    def __init__(self, count: int, rule: FilterRule, size: int, task: Callable[..., Cutout | str] = examine) -> None:
        self.count, self.rule, self.size, self.task = count, rule, size, task
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Examiners":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def examine(self, paths: Iterable[str]) -> Iterator[Cutout | str]:
        """Examine photographs; results come in the order of `paths`."""
        if not self.count:
            yield from (self.task(path, self.rule, self.size) for path in paths)
            return
        waiting: deque[tuple[str, Future]] = deque()
        source, more = iter(paths), True
        while more or waiting:
            while more and len(waiting) < AHEAD * self.count:
                path = next(source, None)
                more = path is not None
                if more:
                    waiting.append((path, self._submit(path)))
            if waiting:
                path, future = waiting.popleft()
                try:
                    yield future.result()
                except BrokenProcessPool:
                    yield from self._one_by_one([path, *(path for path, _ in waiting)])
                    waiting.clear()

    def _submit(self, path: str) -> Future:
        try:
            return self._started().submit(self.task, path, self.rule, self.size)
        except BrokenProcessPool as error:
            future: Future = Future()
            future.set_exception(error)
            return future

    def _one_by_one(self, paths: list[str]) -> Iterator[Cutout | str]:
        """After a process died: nobody knows of which photograph, so each has the processes to itself."""
        self._end()
        for path in paths:
            try:
                yield self._started().submit(self.task, path, self.rule, self.size).result()
            except BrokenProcessPool:
                self._end()
                yield "unreadable: the process that examined it was ended by the system (out of memory, or a crash)"

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Not forked: threads and CUDA of this process would be copied in whatever state they are.
            self._pool = ProcessPoolExecutor(self.count, get_context("spawn"), _begin)
        return self._pool

    def _end(self) -> None:
        if self._pool is not None:
            processes = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:  # those that still examine something must not keep the user waiting
                process.terminate()
            for process in processes:
                process.join()
            self._pool = None


def _begin() -> None:
    """Set up a process: it leaves Ctrl-C to the main one, ends with it, and does not print MediaPipe's chatter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # MediaPipe writes some lines for every model to the file descriptor itself. Errors come back as exceptions.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _end_with_parent() -> None:
    """End this process when the main one is gone, however it ended."""
    wait([parent_process().sentinel])
    os._exit(1)
