"""Cameras that move over the frames of a sequence."""

import math

import torch
from torch import Tensor

from clipface.render.camera import view
from clipface.settings import CAMERA_PATHS


def camera_path(
    name: str,
    count: int,
    *,
    degrees: float = 25.0,
    period: float | None = None,
    pitch: float = 0.0,
    scale: float = 1.0,
) -> Tensor:
    """Return one standard camera for each frame of a sequence.

    A path of one's own needs no function: `camera.view(yaw, pitch, scale)` takes one angle for each frame.

    Args:
        name: "front": still; "turntable": once around the head, at even speed; "sway": to one side, to the other and
            back, slowest where it turns.
        count: T, the number of frames.
        degrees: how far "sway" goes to each side.
        period: frames of one round; None: all `count`. The frame after a round is its first one again, so a video of
            whole rounds plays in a loop.
        pitch: of all frames, degrees (see `camera.rotation`).
        scale: of all frames (see `camera.view`).

    Returns:
        Cameras [T, 4, 4] on the CPU, for square images; the first looks at the face from the front.

    Raises:
        ValueError: for an unknown name, listing the known ones, no frames, or a period that is not positive.
    """
    if name not in CAMERA_PATHS:
        raise ValueError(f"name: expected one of {', '.join(CAMERA_PATHS)}, got {name!r}")
    if count < 1:
        raise ValueError(f"count: expected at least 1 frame, got {count}")
    if period is not None and not period > 0:
        raise ValueError(f"period: expected a positive number of frames, or None for all, got {period}")
    # In float64: float32 would lose thousandths of a degree in long sequences.
    rounds = torch.arange(count, dtype=torch.float64) / (count if period is None else period)
    yaw = {
        "front": torch.zeros_like(rounds),
        "turntable": 360 * (rounds % 1),
        "sway": degrees * torch.sin(2 * math.pi * rounds),
    }[name]
    return view(yaw.float(), torch.full_like(yaw, pitch).float(), scale)
