"""What works for a server's tabs, so that its end can wait for it, and for no other threads of the process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Workers:
    """Threads of one server, and what others do for it. Safe to use from several threads."""

    def __init__(self) -> None:
        """None works yet."""
        self._threads: list[threading.Thread] = []
        self._acts = 0
        self._over = False
        self._changed = threading.Condition()

    def start(self, work: Callable[[], None], name: str) -> None:
        """Have a thread of its own do some work; a process whose main thread ends does not wait for it."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self._changed:
            if not self._over:
                thread.start()
                self._threads = [*self._working(), thread]

    @contextmanager
    def act(self) -> Iterator[bool]:
        """Count what the calling thread does inside as work; gives whether it is still wanted."""
        with self._changed:
            wanted = not self._over
            self._acts += wanted
        try:
            yield wanted
        finally:
            with self._changed:
                self._acts -= wanted
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until none works, not even those that are started meanwhile, and start none any more.

        Returns:
            Whether that came in time.
        """
        end = time.monotonic() + seconds
        while True:
            with self._changed:
                working, left = self._working(), end - time.monotonic()
                if not (working or self._acts) or left <= 0:
                    self._over = True
                    return not (working or self._acts)
                if not working:
                    self._changed.wait(left)
            if working:
                working[0].join(left)

    def _working(self) -> list[threading.Thread]:
        return [thread for thread in self._threads if thread.is_alive()]
