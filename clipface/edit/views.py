"""Where training looks from: random cameras, cut-outs and backgrounds, the same for both pictures of a pair."""

from dataclasses import dataclass

import torch
from torch import Tensor

from clipface.guidance.degrade import coarse_backgrounds
from clipface.render.camera import random_views
from clipface.render.jitter import random_warps, warp_picture

FACE_SCALES = (1.0, 1.4)  # words about faces are about the face, not about the neck


@dataclass
class Jitter:
    """What varies from view to view besides the direction."""

    lens: float = 0.0  # share of the views through a lens, from 0.4 to 1.2 metres; the others are parallel
    crop: float = 0.0  # up to this part of the picture's side is cut off, 0..1
    tilt: float = 0.0  # the picture's plane is tilted by up to this factor, 0..0.5
    background: float = 0.0  # share of the views before another background than white

    def __post_init__(self) -> None:
        """Check what the types cannot; crop and tilt are checked where they are used, and here by the same function."""
        for name, value in (("lens", self.lens), ("background", self.background)):
            if not 0 <= value <= 1:
                raise ValueError(f"jitter.{name}: a number in 0..1 is wanted, {value} was given")
        random_warps(1, torch.Generator(), self.crop, self.tilt)


def draw_views(
    count: int, generator: torch.Generator, max_yaw: float, max_pitch: float, jitter: Jitter
) -> tuple[Tensor, Tensor | None]:
    """Draw views from around the front.

    Args:
        count: how many.
        generator: source of randomness.
        max_yaw, max_pitch: degrees to each side, and up and down.
        jitter: what else varies.

    Returns:
        Cameras [count, 4, 4], and backgrounds [count, 3, h, w] in 0..1 to be enlarged, or None if all are white; both
        on the generator's device.
    """
    camera = random_views(count, generator, max_yaw, max_pitch, scale=FACE_SCALES, lens=jitter.lens)
    if jitter.crop or jitter.tilt:
        camera = warp_picture(camera, random_warps(count, generator, jitter.crop, jitter.tilt))
    background = coarse_backgrounds(count, generator, 1 - jitter.background) if jitter.background else None
    return camera, background
