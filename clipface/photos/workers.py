"""Examining photographs in several processes: in order, a bounded number ahead.

A photograph that brings its process down twice is left out with that reason; nothing else is touched by it. Each
process has a pipe of its own, watched by a thread: the shared queue of `concurrent.futures` hangs for ever when a
process is killed while it writes a result.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import NamedTuple

from clipface.photos.examine import Cutout, examine
from clipface.photos.filter import FilterRule

AHEAD = 4  # photographs for each process that are read before they are asked for
TRIES = 2  # since a process may be ended for what another one does, when memory is short
DEADLY = "unreadable: the process that examined it was ended by the system (out of memory, or a crash)"

Task = Callable[[str, FilterRule, int], Cutout | str]


class _Worker(NamedTuple):
    process: BaseProcess
    connection: Connection


class Examiners:
    """Processes that run `examine`.

    Args:
        count: of processes; 0 examines in this one.
        rule, size: see `examine`.
        task: what is done with each path.
    """

    def __init__(self, count: int, rule: FilterRule, size: int, task: Task = examine) -> None:
        self.count, self.rule, self.size, self.task = count, rule, size, task
        self._threads = ThreadPoolExecutor(max(1, count))
        self._own = threading.local()  # each thread's worker
        self._workers: set[_Worker] = set()
        self._lock = threading.Lock()  # of the set, and of the flag
        self._ended = False

    def __enter__(self) -> "Examiners":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End all processes; those that still examine something must not keep the user waiting."""
        with self._lock:
            self._ended = True
            for worker in self._workers:
                worker.process.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()

    def examine(self, paths: Iterable[str]) -> Iterator[Cutout | str]:
        """Examine photographs; results come in the order of `paths`."""
        if not self.count:
            yield from (self.task(path, self.rule, self.size) for path in paths)
            return
        waiting: deque[Future] = deque()
        for path in paths:
            waiting.append(self._threads.submit(self._examine, path))
            if len(waiting) >= AHEAD * self.count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _examine(self, path: str) -> Cutout | str:
        """Have this thread's process examine a photograph."""
        for _ in range(TRIES):
            worker = self._worker()
            try:
                worker.connection.send(path)
                result = worker.connection.recv()
            except (EOFError, OSError):  # the process is gone, maybe in the middle of its answer
                self._forget(worker)
                continue
            if isinstance(result, Exception):
                raise result
            return result
        return DEADLY

    def _worker(self) -> _Worker:
        if getattr(self._own, "worker", None) is None:
            with self._lock:
                if self._ended:
                    raise RuntimeError("the examiners have been dismissed")
                # Not forked: threads and CUDA of this process would be copied in whatever state they are.
                context = get_context("spawn")
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, self.task, self.rule, self.size), daemon=True)
                process.start()
                theirs.close()  # or the pipe would not end with the process
                self._own.worker = _Worker(process, ours)
                self._workers.add(self._own.worker)
        return self._own.worker

    def _forget(self, worker: _Worker) -> None:
        self._own.worker = None
        with self._lock:
            if not self._ended:
                self._workers.discard(worker)
                worker.process.kill()
                worker.process.join()
                worker.connection.close()


def _serve(connection: Connection, task: Task, rule: FilterRule, size: int) -> None:
    """Life of a process: examine what comes through the pipe, until it ends, which it does with the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's, which then ends this one
    # MediaPipe writes some lines for every model to the file descriptor itself. Errors are sent.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while True:
        try:
            path = connection.recv()
        except EOFError:
            return
        try:
            result: Cutout | str | Exception = task(path, rule, size)
        except Exception as error:
            result = error
        try:
            connection.send(result)
        except OSError:
            return
