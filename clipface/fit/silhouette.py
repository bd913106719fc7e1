"""A head lies inside the person: how far points stick out of a mask."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect


def distance_outside(mask: Tensor) -> Tensor:
    """Distance of every pixel to the nearest pixel of a mask.

    Args:
        mask: [B, H, W] bool.

    Returns:
        [B, H, W] pixels, 0 in the mask; where a mask is empty, 0 everywhere.

    Source: the distance transform is separable (Felzenszwalb and Huttenlocher, "Distance transforms of sampled
    functions", 2012); written as two dense minima, which suits small images in batches.
    """
    sizes = expect("mask", mask, ("B", "H", "W"))
    height, width = sizes["H"], sizes["W"]
    far = float(4 * (height**2 + width**2))
    square = torch.where(mask, 0.0, far)
    for size, axis in ((width, 2), (height, 1)):
        place = torch.arange(size, device=mask.device)
        apart = (place[:, None] - place).square().float()  # [size, size]
        along = square.movedim(axis, -1)
        square = (along[..., None, :] + apart).amin(-1).movedim(-1, axis)
    return torch.where(square < far, square, 0.0).sqrt()


def sticking_out(places: Tensor, outside: Tensor) -> Tensor:
    """How far points lie outside, in half images.

    Args:
        places: [B, N, 2] in [-1, 1], y down.
        outside: [B, S, S], from `distance_outside`, pixels.

    Returns:
        [B, N]; points beyond the image count by its border. Gradient: to places.
    """
    looked_up = functional.grid_sample(outside[:, None], places[:, None], padding_mode="border", align_corners=False)
    return looked_up[:, 0, 0] / (outside.shape[-1] / 2)
