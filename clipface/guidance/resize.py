"""Square images at an encoder's size, antialiased."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional


def resized(images: Tensor, side: int) -> Tensor:
    """Resize images as encoders were trained with: bicubic, antialiased.

    PyTorch's gradient of that is added in any order on CUDA, which `torch.use_deterministic_algorithms(True)` refuses;
    it is then done by two matrix products, slower and the same.

    Args:
        images: [B, C, S, S].
        side: of the result, pixels.

    Returns:
        [B, C, side, side]. Gradient: to images.
    """
    if images.is_cuda and torch.are_deterministic_algorithms_enabled():
        return by_matrices(images, side)
    return functional.interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False)


def by_matrices(images: Tensor, side: int) -> Tensor:
    """What `resized` gives, as a product with a matrix for rows and one for columns."""
    weights = _weights(images.shape[-1], side).to(images)
    return weights @ images @ weights.T


@lru_cache(maxsize=8)
def _weights(size: int, side: int) -> Tensor:
    """How much [side, size] of each pixel of a row is in each of the resized row."""
    pixels = torch.eye(size)[None, None]
    return functional.interpolate(pixels, (side, size), mode="bicubic", antialias=True, align_corners=False)[0, 0]
