"""Means over squares."""

from torch import Tensor
from torch.nn import functional


def box_mean(image: Tensor, width: int) -> Tensor:
    """Mean [B, C, H, W] over a square, an odd number of texels wide: rows, then columns, which is far cheaper."""
    rows = functional.avg_pool2d(image, (width, 1), 1, (width // 2, 0), count_include_pad=False)
    return functional.avg_pool2d(rows, (1, width), 1, (0, width // 2), count_include_pad=False)
