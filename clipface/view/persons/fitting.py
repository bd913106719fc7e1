"""One person's photographs on their way to a face: a child process, and what it says."""

import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from clipface.view.persons.store import Persons

TYPICAL_SECONDS = 30.0  # of one photograph on two cores, for a progress bar that never quite ends
MOST_PHOTOS = 8
MOST_BYTES = 40 << 20  # of a photograph's file
_STEP = re.compile(r"^step: (.+)", re.M)
_ERROR = re.compile(r"^(?:error|left out): (.+)", re.M)


class Fitting:
    """One person's photographs in a private folder, which is gone when all is done."""

    def __init__(self, photos: Sequence[tuple[str, bytes]], key: str, out: Path, options: Sequence[str]) -> None:
        """Start the child process.

        Args:
            photos: names and contents of one person's files.
            key: of the person to be.
            out: its file.
            options: more of `clipface.view.persons.fit`.

        Raises:
            ValueError: for too many or too large files, or none.
        """
        check_photos(photos)
        self.key, self._out = key, out
        self._started, self._cancelled = time.monotonic(), False
        self._folder = Path(tempfile.mkdtemp(prefix="photographs_"))  # for its owner alone
        files = []
        for number, (name, content) in enumerate(photos):
            files.append(self._folder / f"{number}{Path(name).suffix.lower()[:8]}")
            files[-1].write_bytes(content)
        command = [sys.executable, "-m", "clipface.view.persons.fit", "--photo", *map(str, files), "--out", str(out)]
        self._log = self._folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self._words = ""

    @property
    def running(self) -> bool:
        """Whether it has not ended; the photographs are removed when it has."""
        if self._process.poll() is None:
            return True
        if self._folder.exists():
            self._words = self._read()
            shutil.rmtree(self._folder, ignore_errors=True)
        return False

    @property
    def finished(self) -> bool:
        """Whether it left a person."""
        return not self.running and not self._cancelled and self._process.returncode == 0 and self._out.is_file()

    def progress(self) -> tuple[float, str]:
        """How far it is, 0 to 1, by the time that it usually takes, and what it does."""
        seconds = time.monotonic() - self._started
        steps = _STEP.findall(self._read() if self.running else self._words)
        return 1 - 2 ** (-seconds / TYPICAL_SECONDS * 2), f"{steps[-1] if steps else 'starting'}, {seconds:.0f} s"

    def error(self) -> str:
        """Why there is no person, in one line; empty if there is one, or it was cancelled."""
        if self.running or self.finished or self._cancelled:
            return ""
        found = _ERROR.findall(self._words)
        words = found[-1] if found else f"fitting ended with code {self._process.returncode}"
        return words.replace(f"{self._folder}/", "photograph ")

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


class FittingJobs:
    """Where at most one person is fitted at a time, for all tabs."""

    def __init__(self, persons: Persons, options: Sequence[str] = ()) -> None:
        """Args: persons: where results go; options: of `clipface.view.persons.fit`."""
        self.persons, self._options = persons, tuple(options)
        self._current: Fitting | None = None
        self._lock = threading.Lock()

    def start(self, photos: Sequence[tuple[str, bytes]]) -> Fitting:
        """Begin with somebody's photographs.

        Raises:
            ValueError: if somebody else's are being fitted, or these cannot be.
        """
        with self._lock:
            if self._current is not None and self._current.running:
                raise ValueError("photographs: one person at a time, another one is being made; try again in a minute")
            key = self.persons.new_key()
            self._current = Fitting(photos, key, self.persons.place(key), self._options)
            return self._current

    def close(self) -> None:
        """Cancel what is at work."""
        with self._lock:
            if self._current is not None and self._current.running:
                self._current.cancel()


def check_photos(photos: Sequence[tuple[str, bytes]]) -> None:
    """Refuse no, too many, or too large photographs."""
    if not 1 <= len(photos) <= MOST_PHOTOS:
        raise ValueError(f"photographs: expected 1 to {MOST_PHOTOS} of one person, got {len(photos)}")
    for _, content in photos:
        if not 0 < len(content) <= MOST_BYTES:
            raise ValueError(f"photographs: expected files of up to {MOST_BYTES >> 20} MB, got {len(content)} bytes")
