"""Where training looks from: random cameras, cut-outs and backgrounds, the same for both images of a pair."""

import torch
from torch import Tensor

from clipface.guidance.degrade import coarse_backgrounds
from clipface.render.camera import random_views
from clipface.render.jitter import random_warps, warp_image
from clipface.settings import Jitter

FACE_SCALES = (1.0, 1.4)  # words about faces are about the face, not about the neck


def sample_views(
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
        camera = warp_image(camera, random_warps(count, generator, jitter.crop, jitter.tilt))
    background = coarse_backgrounds(count, generator, 1 - jitter.background) if jitter.background else None
    return camera, background
