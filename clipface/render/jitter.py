"""Crops and tilts of the image, made by the camera: nothing is resampled, so nothing blurs, and it costs nothing.

A projective map of the image's plane and a camera multiply to another camera. Cut-outs and "perspective jitter", with
which CLIP is usually kept from following an encoder's weaknesses, are such maps.
"""

import torch
from torch import Tensor

from clipface.render.camera import compose
from clipface.render.rasterize.interface import check_batch
from clipface.shapes import expect


def warp_image(camera: Tensor, warp: Tensor) -> Tensor:
    """Turn a camera into one that renders the same image, warped.

    Args:
        camera: [B, 4, 4].
        warp: [B or 1, 3, 3], a projective map of the image's coordinates in [-1, 1] (x to the right, y down) to the
            new image's; its last row is (a, b, 1) with |a| + |b| < 1, so that no point of the image is at infinity.

    Returns:
        Camera [B, 4, 4]. Not for the clay view, whose light needs the camera's own axes.

    Gradient: to both.
    """
    batch = expect("camera", camera, ("B", 4, 4))["B"]
    check_batch("warp", expect("warp", warp, ("B", 3, 3))["B"], batch)
    solid = torch.zeros_like(warp[:, :1, :1]).repeat(1, 4, 4)
    flat = [0, 1, 3]  # x, y and w of clip space
    for row, into in enumerate(flat):
        solid[:, into, flat] = warp[:, row]
    # Along a ray the new w is the old one times a factor, so depths keep their order; the least factor in the image
    # keeps them in range too.
    solid[:, 2, 2] = 1 - warp[:, 2, :2].abs().sum(1)
    return compose(solid, camera)


def random_warps(n: int, generator: torch.Generator, crop: float = 0.0, tilt: float = 0.0) -> Tensor:
    """Random cut-outs, tilted.

    Args:
        n: how many.
        generator: source of randomness; the maps live on its device.
        crop: up to this part of the image's side is cut off, in 0..1; the cut-out lies anywhere.
        tilt: one side of the image comes nearer and the other goes away by up to this factor, in 0..0.5.

    Returns:
        [n, 3, 3], see `warp_image`.

    Raises:
        ValueError: if crop or tilt is out of range.
    """
    for name, value, most in (("crop", crop, 1.0), ("tilt", tilt, 0.5)):
        if not 0 <= value < most:
            raise ValueError(f"{name}: expected a number from 0 to below {most:g}, got {value}")
    cut, x, y, a, b = torch.rand(5, n, generator=generator, device=generator.device).unbind()
    half = 1 - crop * cut  # of the cut-out's side
    warp = torch.eye(3, device=generator.device).repeat(n, 1, 1)
    warp[:, 0, 0] = warp[:, 1, 1] = 1 / half
    warp[:, 0, 2], warp[:, 1, 2] = ((2 * at - 1) * (1 - half) / half for at in (x, y))
    tilted = torch.eye(3, device=generator.device).repeat(n, 1, 1)
    tilted[:, 2, 0], tilted[:, 2, 1] = ((2 * at - 1) * tilt for at in (a, b))
    return compose(warp, tilted)  # tilted first: the last row stays (a, b, 1)
