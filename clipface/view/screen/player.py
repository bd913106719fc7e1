"""A motion that plays on a head, and a camera that goes round it, by the clock."""

import math
import time
from collections.abc import Callable

import torch

from clipface.animation.motion import Motion
from clipface.view.screen.frame import Frame
from clipface.view.screen.images import BrowserCamera

ROUND_SECONDS = 8.0  # once around the head
FOLLOW_SECONDS = 0.06  # in which two thirds of the way to a live frame are gone: less jitter, and no steps
RATE = 30.0  # frames a second of a recording without a motion


class Player:
    """Plays over and over again until it is stopped."""

    def __init__(self, motion: Motion | None, turntable: bool) -> None:
        """Begin now.

        Args:
            motion: of the head; None: it stays as it is.
            turntable: whether the camera goes round.

        Raises:
            ValueError: if nothing is to move.
        """
        if motion is None and not turntable:
            raise ValueError("motion: expected one, or the turntable, got neither; choose what is to move")
        self.motion, self.turntable = motion, turntable
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long it takes once."""
        return ROUND_SECONDS if self.motion is None else len(self.motion) / self.motion.rate

    @property
    def rate(self) -> float:
        """Frames a second."""
        return RATE if self.motion is None else self.motion.rate

    def now(self, camera: BrowserCamera) -> tuple[Frame | None, BrowserCamera]:
        """The frame of this moment, and the camera."""
        return self.at(time.perf_counter() - self._start, camera)

    def at(self, seconds: float, camera: BrowserCamera) -> tuple[Frame | None, BrowserCamera]:
        """The frame so many seconds after the beginning, and where a camera then stands."""
        if self.turntable:
            camera = camera.turned(360 * seconds / ROUND_SECONDS)
        if self.motion is None:
            return None, camera
        return Frame.of(self.motion, int(seconds * self.motion.rate) % len(self.motion)), camera


class LivePlayer:
    """Shows what comes as it comes, as from a camera, gliding from each frame to the next."""

    def __init__(self, newest: Callable[[], Frame | None]) -> None:
        """Args: newest: gives the newest frame; None: there is none yet."""
        self._newest, self._shown, self._time = newest, None, 0.0

    def now(self, camera: BrowserCamera) -> tuple[Frame | None, BrowserCamera]:
        """The frame of this moment, and the camera, which stays."""
        newest, before, self._time = self._newest(), self._time, time.perf_counter()
        if newest is not None and self._shown is not None:
            share = 1 - math.exp((before - self._time) / FOLLOW_SECONDS)
            newest = Frame(*(torch.lerp(old, new, share) for old, new in zip(self._shown, newest, strict=True)))
        self._shown = newest
        return newest, camera
