"""Where a camera's images come from, and the newest of them."""

import errno
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from clipface.startup import need

DEVICES = Path("/dev")  # of Linux
# FFmpeg's names of what reads a system's cameras, and what it has to be told: size and rate that cameras mostly have.
FORMATS = {
    "linux": ("v4l2", {"video_size": "640x480"}),
    "darwin": ("avfoundation", {"video_size": "640x480", "framerate": "30"}),
    "win32": ("dshow", {"video_size": "640x480"}),
}
MOST_WIDTH = 640  # pixels of an image: in larger ones no more of a face before a camera is found
SILENT = 10.0  # seconds without an image, after which a camera is given up
AGAIN = 0.01  # seconds until a camera that has no image yet is asked again
FIRST_OF_MACOS = "0"
REMEDIES = {
    errno.EACCES: "allow it: on Linux `sudo usermod -aG video $USER`, on macOS in the settings' Privacy, Camera",
    errno.EBUSY: "another program uses it; end that one",
}
MISSING = "connect one, or name another with --camera"


def find_camera(given: str | None = None) -> str | None:
    """The camera to use.

    Args:
        given: what the command line names: a device (`/dev/video0`; macOS: its number; Windows: `video=NAME`), a
            video's file, which is played over and over, or an address that FFmpeg reads.

    Returns:
        That, or else this machine's first; None: there is none. Windows' cameras have to be named.
    """
    if given is not None:
        there = "://" in given or not given.startswith("/") or Path(given).exists()
        return given if there else None
    if sys.platform == "darwin":
        return FIRST_OF_MACOS
    found = sorted(DEVICES.glob("video[0-9]*"), key=lambda path: (len(path.name), path.name))
    return str(found[0]) if found else None


class Camera:
    """The newest image of a camera; those that nobody has asked for in time are gone.

    A thread reads it until the process ends, which releases it.
    """

    def __init__(self, name: str) -> None:
        """Open it.

        Args:
            name: from `find_camera`.

        Raises:
            ValueError: if it is missing, in use, not permitted, or something else; says what to do.
            ImportError: if PyAV is missing; says how to install it.
        """
        self._av = need("av", "a camera needs the package av: pip install av")
        self.name, self._plays = name, Path(name).is_file()
        self._newest: Any = None
        self._error: Exception | None = None
        self._changed = threading.Condition()
        try:
            self._container = self._open()
            if not self._container.streams.video:
                raise ValueError(f"camera: expected images from {name}, got none; {MISSING}")
        except (OSError, self._av.FFmpegError) as error:
            raise self._named(error) from error
        threading.Thread(target=self._read, name="images of a camera", daemon=True).start()

    def next(self) -> np.ndarray:
        """Wait for an image that was not given yet, the newest: [H, W, 3] uint8, at most `MOST_WIDTH` wide.

        Raises:
            ValueError: if the camera has ended, or gives no images.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._newest is not None or self._error, SILENT):
                raise ValueError(f"camera: expected images from {self.name}, got none in {SILENT:g} s; {MISSING}")
            frame, self._newest = self._newest, None
        if frame is None:
            raise self._error
        width = min(frame.width, MOST_WIDTH)
        height = max(round(frame.height * width / frame.width), 1)
        return frame.reformat(width, height, "rgb24").to_ndarray()

    def _open(self) -> Any:
        if self._plays or "://" in self.name:
            return self._av.open(self.name)
        format_name, options = FORMATS.get(sys.platform, FORMATS["linux"])
        return self._av.open(self.name, format=format_name, options=options)

    def _read(self) -> None:
        try:
            for frame in self._frames():
                with self._changed:
                    self._newest = frame
                    self._changed.notify()
            raise ValueError(f"camera: {self.name} has ended; {MISSING}")
        except (OSError, ValueError, self._av.FFmpegError) as error:
            with self._changed:
                self._error = error if isinstance(error, ValueError) else self._named(error)
                self._changed.notify()

    def _frames(self) -> Iterator[Any]:
        """Images as they come; a file's at their times, and over and over."""
        while True:
            start = time.monotonic()
            try:
                for frame in self._container.decode(video=0):
                    if self._plays:
                        time.sleep(max(start + (frame.time or 0.0) - time.monotonic(), 0.0))
                    yield frame
            except BlockingIOError:  # macOS' cameras, when there is no new image yet
                time.sleep(AGAIN)
                continue
            if not self._plays:
                return
            self._container.seek(0)

    def _named(self, error: Exception) -> ValueError:
        remedy = REMEDIES.get(getattr(error, "errno", None), MISSING)
        words = getattr(error, "strerror", None) or str(error)
        return ValueError(f"camera: expected images from {self.name}, got: {words}; {remedy}")
