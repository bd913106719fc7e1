"""A camera that moves the head of one tab: the child process that follows the face, and what it says."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque

import torch

from clipface.view.camera.follow import PARTS
from clipface.view.camera.source import find_camera
from clipface.view.screen.frame import Frame
from clipface.view.server.workers import Workers

RECENT = 3.0  # seconds over which images are counted
BEYOND = "The webcam is offered only where the page is served to this machine alone (no --host)."
NONE = "No webcam is connected to the machine that runs the page; --camera names another."
_ERROR = re.compile(r"^error: (.+)", re.M)


class Webcam:
    """A camera at work.

    Attributes:
        newest: how the face moves in the newest image; None before the first.
    """

    def __init__(self, camera: str, head: str, device: torch.device, workers: Workers) -> None:
        """Start the child process.

        Args:
            camera: from `find_camera`.
            head: that is to move, "open" or "flame".
            device: of the frames.
            workers: whose thread listens.
        """
        self.newest: Frame | None = None
        self._device, self._said, self._unread = device, "Starting", ""
        self._times: deque[float] = deque()
        self._stopped, self._heard = False, threading.Event()
        command = [sys.executable, "-m", "clipface.view.camera.follow", "--camera", camera, "--head", head]
        one_core = os.environ | {"OMP_NUM_THREADS": "1"}  # the page's images need the others
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", env=one_core,
        )  # fmt: skip
        workers.start(self._listen, "a webcam's motion")

    @property
    def running(self) -> bool:
        """Whether it has not ended, or what it said last is still to be read."""
        return not self._heard.is_set()

    def words(self) -> str:
        """What it does, and how many images a second move the head."""
        since = time.monotonic() - RECENT
        count = sum(moment > since for moment in list(self._times))
        return f"{self._said} …" if self._said else f"{count / RECENT:.0f} images a second"

    def error(self) -> str:
        """Why it has ended, in one line; empty if it was stopped, or works."""
        if self._stopped or self.running:
            return ""
        found = _ERROR.findall(self._unread)
        return found[-1] if found else f"webcam: it ended with code {self._process.returncode}"

    def stop(self) -> None:
        """End it, which releases the camera."""
        self._stopped = True
        self._process.kill()
        self._heard.wait()

    def _listen(self) -> None:
        try:
            for line in self._process.stdout:
                self._take(line)
        finally:
            self._process.stdout.close()
            self._process.wait()
            self._heard.set()

    def _take(self, line: str) -> None:
        try:
            told = json.loads(line)
            self._said = told.get("say", "")
            if not self._said:
                self._hear(told)
        except (ValueError, AttributeError, KeyError):  # a library's words, or an error
            self._unread = (self._unread + line)[-4096:]

    def _hear(self, told: dict) -> None:
        expression, pose, eye_pose = (torch.tensor([told[name]], device=self._device) for name in PARTS)
        self.newest = Frame(expression, pose, torch.zeros_like(pose[:, :3]), eye_pose)
        self._times.append(time.monotonic())
        while self._times[0] < self._times[-1] - RECENT:
            self._times.popleft()


class Cameras:
    """This machine's camera, for one tab at a time."""

    def __init__(self, given: str | None, head: str, device: torch.device, loopback: bool) -> None:
        """Nothing is opened yet.

        Args:
            given: what the command line names, see `find_camera`.
            head, device: as of `Webcam`.
            loopback: whether the page is served to this machine alone.
        """
        self._given, self._head, self._device, self._loopback = given, head, device, loopback
        self._current: Webcam | None = None
        self._closed = False
        self._lock = threading.Lock()

    def refusal(self) -> str:
        """Why no camera is offered; empty: there is one."""
        if not self._loopback:
            return BEYOND
        return "" if find_camera(self._given) else NONE

    def begin(self, workers: Workers) -> Webcam:
        """Start it for a tab.

        Raises:
            ValueError: if there is none for this page, or another tab uses it.
        """
        with self._lock:
            if self._closed:
                raise ValueError("webcam: the editor is ending")
            if refusal := self.refusal():
                raise ValueError(f"webcam: {refusal}")
            if self._current is not None and self._current.running:
                raise ValueError("webcam: expected a free one, got one that moves another tab's head; stop it there")
            self._current = Webcam(find_camera(self._given), self._head, self._device, workers)
            return self._current

    def close(self) -> None:
        """End what is at work; nothing begins any more."""
        with self._lock:
            self._closed = True
            if self._current is not None and self._current.running:
                self._current.stop()
