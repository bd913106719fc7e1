"""Where training looks from: random cameras, crops and backgrounds, the same for both images of a pair."""

from typing import NamedTuple

import torch
from torch import Tensor

from clipface.render.backgrounds import coarse_backgrounds
from clipface.render.camera import random_views
from clipface.render.jitter import random_warps, warp_image
from clipface.settings import Jitter

FACE_SCALES = (1.0, 1.4)  # words about faces are about the face, not about the neck


class Views(NamedTuple):
    """What random views vary in, around the front."""

    count: int
    max_yaw: float = 0.0  # degrees to each side
    max_pitch: float = 0.0  # degrees up and down
    jitter: Jitter = Jitter()


def sample_views(views: Views, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Sample views from around the front.

    Args:
        views: how many, and what varies.
        generator: source of randomness.

    Returns:
        Cameras [count, 4, 4], and backgrounds [count, 3, h, w] in 0..1 to be enlarged, or None if all are white; both
        on the generator's device.
    """
    count, max_yaw, max_pitch, jitter = views
    camera = random_views(count, generator, max_yaw, max_pitch, scale=FACE_SCALES, lens=jitter.lens)
    if jitter.crop or jitter.tilt:
        camera = warp_image(camera, random_warps(count, generator, jitter.crop, jitter.tilt))
    background = coarse_backgrounds(count, generator, 1 - jitter.background) if jitter.background else None
    return camera, background
