"""Threads that work for a server's tabs, so that its end can wait for them, and for no others of the process."""

import threading
import time
from collections.abc import Callable


class Workers:
    """Threads of one server. Safe to use from several of them."""

    def __init__(self) -> None:
        """None works yet."""
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self, work: Callable[[], None], name: str) -> None:
        """Have a thread of its own do some work; a process whose main thread ends does not wait for it."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self._lock:
            thread.start()
            self._threads = [*self._working(), thread]

    def wait(self, seconds: float) -> bool:
        """Wait until none works, not even those that are started meanwhile; returns whether that came in time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with self._lock:
                working = self._working()
            if not working:
                return True
            working[0].join(left)
        return False

    def _working(self) -> list[threading.Thread]:
        return [thread for thread in self._threads if thread.is_alive()]
