"""Motions for the page: those that come with the project, captures that are uploaded, and recordings of both."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from clipface.animation.load import SHIPPED, load_motion
from clipface.animation.motion import PARTS, Motion
from clipface.animation.video_frames import SUFFIXES as VIDEO_SUFFIXES
from clipface.export.video import VideoWriter
from clipface.head import HeadModel
from clipface.view.child import Child
from clipface.view.engine import Engine
from clipface.view.screen.images import BrowserCamera, render_view, shown_surfaces
from clipface.view.screen.player import Player
from clipface.view.session.state import FaceState, ViewSettings

NONE = "none"
SUFFIXES = (".yaml", ".yml", ".csv", ".npz")  # of captures
MOST_BYTES, MOST_VIDEO_BYTES = 32 << 20, 128 << 20  # of their files
MOST_FRAMES = 3000  # of a recording
SIZES = (128, 1080)  # pixels in height, of a recording


def read_capture(name: str, content: bytes, head: HeadModel) -> Motion:
    """Read an uploaded capture.

    Args:
        name: of the file; its ending says of what kind it is.
        content: of the file.
        head: that is to move.

    Raises:
        ValueError: if the file is no capture, is damaged or too large, or does not fit the head.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES or not 0 < len(content) <= MOST_BYTES:
        wanted = f"a file {' '.join(SUFFIXES)} of up to {MOST_BYTES >> 20} MB, or a video {' '.join(VIDEO_SUFFIXES)}"
        raise ValueError(f"capture: expected {wanted}, got {name!r} of {len(content)} bytes")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"capture{suffix}"
        path.write_bytes(content)
        try:
            return load_motion(path, head)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), name)) from error


class VideoMotion(Child):
    """An uploaded video, in which a face is followed."""

    def __init__(self, name: str, content: bytes, head: str) -> None:
        """Start the child process.

        Args:
            name: of the file.
            content: of the file.
            head: that is to move, "open" or "flame".

        Raises:
            ValueError: for too large a file, or an empty one.
        """
        if not 0 < len(content) <= MOST_VIDEO_BYTES:
            raise ValueError(f"video: expected a file of up to {MOST_VIDEO_BYTES >> 20} MB, got {len(content)} bytes")
        super().__init__("clipface.view.video_motion", [(name, content)], "motion.npz", ["--head", head])
        self.name = name

    def motion(self, head: HeadModel) -> Motion:
        """How the face moves, once it has finished."""
        with np.load(io.BytesIO(self.content)) as read:
            parts = [torch.from_numpy(read[part]) for part in PARTS]
            return Motion(*parts, float(read["rate"]), head.expression_names)


def is_video(name: str) -> bool:
    """Whether a file is one by its name."""
    return Path(name).suffix.lower() in VIDEO_SUFFIXES


def motion_of(name: str, head: HeadModel, captures: dict[str, Motion]) -> Motion | None:
    """A motion by its name: shipped or uploaded; None for `NONE`; raises ValueError for another name."""
    if name == NONE:
        return None
    if name in captures:
        return captures[name]
    if name not in SHIPPED:
        raise ValueError(f"motion: expected one of {', '.join((NONE, *SHIPPED, *captures))}, got {name!r}")
    return load_motion(name, head)


def record(
    engine: Engine,
    state: FaceState,
    settings: ViewSettings,
    camera: BrowserCamera,
    player: Player,
    height: int,
    progress: Callable[[float], bool],
) -> bytes | None:
    """Record a motion once, or once around the head, as MP4.

    Args:
        engine: renders.
        state, settings: what.
        camera: the tab's; the width follows from its canvas.
        player: what moves.
        height: of the video, pixels.
        progress: called with the share that is done, 0..1; whether to go on.

    Returns:
        The file; None: it was not to go on.

    Raises:
        ValueError: for a height out of range, or too many frames.
    """
    count = round(player.seconds * player.rate)
    if not SIZES[0] <= height <= SIZES[1]:
        raise ValueError(f"height: expected {SIZES[0]} to {SIZES[1]} pixels, got {height}")
    if count > MOST_FRAMES:
        raise ValueError(f"motion: expected at most {MOST_FRAMES} frames to record, got {count}")
    size = height // 2 * 2, max(round(height * camera.size[1] / camera.size[0]) // 2 * 2, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "motion.mp4"
        with VideoWriter(path, player.rate) as writer:
            for number in range(count):
                if not progress(number / count):
                    return None
                writer.write(_frame(engine, state, settings, player, number / player.rate, camera, size))
        return path.read_bytes()


def _frame(
    engine: Engine,
    state: FaceState,
    settings: ViewSettings,
    player: Player,
    seconds: float,
    camera: BrowserCamera,
    size: tuple[int, int],
) -> torch.Tensor:
    frame, camera = player.at(seconds, camera)
    surfaces = shown_surfaces(engine, state, settings, frame)
    image: np.ndarray = render_view(engine, surfaces, camera, size, 2)
    return torch.from_numpy(image).permute(2, 0, 1).float() / 255
