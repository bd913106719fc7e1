"""Means and greatest values over squares, whose cost hardly grows with their width."""

import torch
from torch import Tensor
from torch.nn import functional


def box_mean(image: Tensor, width: int) -> Tensor:
    """Mean [B, C, H, W] over a square, an odd number of texels wide, of what lies in the image."""
    for axis in (2, 3):
        places = torch.arange(image.shape[axis], device=image.device)
        inside = (places + width // 2).clamp_max(len(places) - 1) - (places - width // 2).clamp_min(0) + 1
        image = _sums(image, width, axis) / inside.to(image).view(-1, *[1] * (3 - axis))
    return image


def greatest(image: Tensor, width: int) -> Tensor:
    """The greatest value [B, C, H, W] within a square, an odd number of texels wide."""
    for axis in (2, 3):
        count, reach = image.shape[axis], 1
        window = _padded(image, width, axis, -torch.inf)
        while 2 * reach <= width:
            window, reach = torch.maximum(*_neighbours(window, reach, axis)), 2 * reach
        # Two windows that overlap make the width.
        image = torch.maximum(window.narrow(axis, 0, count), window.narrow(axis, width - reach, count))
    return image


def _sums(image: Tensor, width: int, axis: int) -> Tensor:
    """Sums along an axis over `width` places, of windows 1, 2, 4 and so on wide."""
    count, start, reach = image.shape[axis], 0, 1
    window, total = _padded(image, width, axis, 0.0), 0
    while reach <= width:
        if width & reach:
            total = total + window.narrow(axis, start, count)
            start += reach
        if 2 * reach <= width:
            window = torch.add(*_neighbours(window, reach, axis))
        reach *= 2
    return total


def _padded(image: Tensor, width: int, axis: int, value: float) -> Tensor:
    half = [width // 2] * 2
    return functional.pad(image, half if axis == 3 else [0, 0, *half], value=value)


def _neighbours(window: Tensor, reach: int, axis: int) -> tuple[Tensor, Tensor]:
    count = window.shape[axis] - reach
    return window.narrow(axis, 0, count), window.narrow(axis, reach, count)
