"""Work that a child process does, so that the server's memory stays small: one file made of somebody's own files."""

import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_STEP = re.compile(r"^step: (.+)", re.M)
_ERROR = re.compile(r"^(?:error|left out): (.+)", re.M)


class Child:
    """A child process, and its files in a private folder, which is gone when all is done."""

    def __init__(
        self, module: str, files: Sequence[tuple[str, bytes]], out: str | Path, options: Sequence[str]
    ) -> None:
        """Start it as `python -m MODULE FILES --out OUT OPTIONS`.

        Args:
            module: which prints lines "step: ..." and, before it fails, "error: ...".
            files: names and contents of what it reads.
            out: what it writes; a plain name: into the private folder, and what it holds is read into `content`.
            options: more of the module's.
        """
        self._started, self._cancelled = time.monotonic(), False
        self._folder = Path(tempfile.mkdtemp(prefix="clipface_"))  # for its owner alone
        self._out, self.content = self._folder / out, b""
        names = []
        for number, (name, content) in enumerate(files):
            names.append(self._folder / f"{number}{Path(name).suffix.lower()[:8]}")
            names[-1].write_bytes(content)
        command = [sys.executable, "-m", module, *map(str, names), "--out", str(self._out), *options]
        self._log = self._folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self._words = ""
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether it has not ended; the private folder is removed when it has."""
        with self._lock:
            if self._process.poll() is None:
                return True
            if self._folder.exists():
                self._words = self._read()
                if self._out.parent == self._folder and self._out.is_file():
                    self.content = self._out.read_bytes()
                shutil.rmtree(self._folder, ignore_errors=True)
            return False

    @property
    def finished(self) -> bool:
        """Whether it left what it was to make."""
        made = not self.running and (self.content or self._out.is_file())
        return bool(made) and not self._cancelled and self._process.returncode == 0

    def progress(self, typical: float) -> tuple[float, str]:
        """How far it is, 0 to 1, by the seconds that it typically takes and never quite 1, and what it does."""
        seconds = time.monotonic() - self._started
        steps = _STEP.findall(self._read() if self.running else self._words)
        return 1 - 2 ** (-seconds / typical * 2), f"{steps[-1] if steps else 'starting'}, {seconds:.0f} s"

    def error(self) -> str:
        """Why nothing was made, in one line; empty if something was, or it was cancelled."""
        if self.running or self.finished or self._cancelled:
            return ""
        found = _ERROR.findall(self._words)
        words = found[-1] if found else f"it ended with code {self._process.returncode}"
        return words.replace(f"{self._folder}/", "file ")

    def cancel(self) -> None:
        """End it, and keep nothing."""
        self._cancelled = True
        self._process.kill()
        self._process.wait()
        self._out.unlink(missing_ok=True)
        _ = self.running

    def _read(self) -> str:
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return self._words


class Children:
    """Where at most one child process works at a time, for all tabs."""

    def __init__(self) -> None:
        """None works yet."""
        self._current: Child | None = None
        self._closed = False
        self._lock = threading.Lock()

    def begin(self, make: Callable[[], Child]) -> Child:
        """Start one; raises ValueError if another one is at work, and whatever `make` raises."""
        with self._lock:
            if self._closed:
                raise ValueError("files: the editor is ending")
            if self._current is not None and self._current.running:
                raise ValueError("files: one person or video at a time, another is being read; try again in a minute")
            self._current = make()
            return self._current

    def close(self) -> None:
        """Cancel what is at work; nothing begins any more."""
        with self._lock:
            self._closed = True
            if self._current is not None and self._current.running:
                self._current.cancel()
