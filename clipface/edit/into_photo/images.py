"""Images of a part of a photograph: cut out, looked up through a matrix, enlarged along edges."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

REFINED, CONTRAST = 4, 0.02**2  # of the guided filter: radius in pixels of the small image, variance of a flat area


def as_tensor(part: np.ndarray, size: tuple[int, int]) -> Tensor:
    """A part of a photograph [h, w, 3] uint8 as [1, 3, rows, columns] in 0..1, enlarged or shrunk without aliasing."""
    if part.shape[:2] != size:
        part = np.asarray(Image.fromarray(part).resize(size[::-1], Image.Resampling.BILINEAR))
    return torch.tensor(np.asarray(part)).permute(2, 0, 1)[None].float() / 255


def looked_up(values: Tensor, matrix: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Values [1, C, S, S] at the places that a matrix takes pixels of another image to: [1, C, *size], 0 beyond."""
    rows, columns = (torch.arange(count, dtype=torch.float64) + 0.5 for count in size)
    place = torch.stack([columns.expand(size), rows[:, None].expand(size), torch.ones(size, dtype=torch.float64)], -1)
    place = (place @ torch.from_numpy(matrix[:2]).T) / (values.shape[-1] / 2) - 1
    return functional.grid_sample(values, place[None].to(values), align_corners=False)


def guided(values: Tensor, small: Tensor, large: Tensor) -> Tensor:
    """Enlarge values [1, 1, h, w] so that their edges follow those of an image.

    Args:
        values: in 0..1.
        small: [1, 3, h, w], the image at the values' size.
        large: [1, 3, H, W], the same larger.

    Returns:
        [1, 1, H, W].

    Source: He, Sun, "Fast guided filter" (2015), on grey images.
    """
    grey, full = small.mean(1, keepdim=True), large.mean(1, keepdim=True)
    mean, other = _box(grey), _box(values)
    slope = (_box(grey * values) - mean * other) / (_box(grey * grey) - mean * mean + CONTRAST)
    line = torch.cat([_box(slope), _box(other - slope * mean)], 1)
    slope, start = functional.interpolate(line, large.shape[-2:], mode="bilinear", align_corners=False).split(1, 1)
    return slope * full + start


def _box(values: Tensor) -> Tensor:
    return functional.avg_pool2d(values, 2 * REFINED + 1, 1, REFINED, count_include_pad=False)
