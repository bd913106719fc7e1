"""Images moved by affine maps, without aliasing and without blur; all linear in the images.

Source: Karras et al., "Training generative adversarial networks with limited data" (arXiv 2006.06676), appendix B:
images are enlarged twice with an orthogonal wavelet's low-pass filter, sampled there, and reduced with the same
filter. Own code. The filter is applied as a matrix, which matrix units do faster than convolutions, and what lies
outside an image is mirrored in by the sampler, so no margin depends on the transform and the host never waits.
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

# Low-pass filter of Daubechies' least asymmetric wavelet with six vanishing moments ("sym6"; Daubechies, Ten Lectures
# on Wavelets, 1992, table 6.3), sum √2.
SYM6 = np.array([
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
    0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
    0.0017677118642428036, -0.007800708325034148,
])  # fmt: skip
BEFORE = 5  # taps before the one that lies on the left half of its pixel
MARGIN = 5  # of the enlarged image that the reducing filter reads beyond each edge
# The filter's centre of mass is not quite in the middle: so far is an enlarged image shifted, in its own pixels.
SHIFT = float((np.arange(len(SYM6)) * SYM6).sum() / SYM6.sum() - BEFORE - 0.5)


def resample(images: Tensor, transform: Tensor, exact: Tensor) -> Tensor:
    """Move images; what lies outside is mirrored in.

    Args:
        images: [B, C, H, H].
        transform: [B, 2, 3], from places in the result to places in the image, both in [-1, 1].
        exact: [B] bool, where pixels fall on pixels (flips, quarter turns, whole shifts): those are copied unchanged.

    Gradient: to images, any number of times.
    """
    transform = transform.to(images.dtype)
    grid = F.affine_grid(transform, list(images.shape), align_corners=False)
    copied = _Sample.apply(images, grid, _NEAREST)
    return torch.where(exact[:, None, None, None], copied, resample_smoothly(images, transform))


def resample_smoothly(images: Tensor, transform: Tensor) -> Tensor:
    """Move images [B, C, H, H] by maps [B, 2, 3] as `resample` does, all of them through the filter."""
    size = images.shape[-1]
    enlarge, reduce = (matrix.to(images) for matrix in _matrices(size, images.device))
    wide = len(enlarge) + 2 * MARGIN
    linear, move = transform[:, :, :2], transform[:, :, 2]
    # The enlarged result has a margin and, like the enlarged image, is shifted: see SHIFT.
    shift = SHIFT / size
    move = move + shift - linear.sum(2) * shift
    transform = torch.cat((linear * (wide / len(enlarge)), move[..., None]), 2)
    grid = F.affine_grid(transform, [len(images), 1, wide, wide], align_corners=False)
    moved = _Sample.apply(enlarge @ (images @ enlarge.T), grid, _BILINEAR)
    return reduce @ (moved @ reduce.T)


@lru_cache(maxsize=8)
def _matrices(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The filter as matrices: enlarging [2·size, size] with mirrored edges, reducing [size, 2·size + 2·MARGIN]."""
    enlarge, reduce = np.zeros((2 * size, size)), np.zeros((size, 2 * size + 2 * MARGIN))
    for pixel in range(-len(SYM6), size + len(SYM6)):
        for tap, weight in enumerate(SYM6):
            place = 2 * pixel + tap - BEFORE
            if 0 <= place < 2 * size:
                enlarge[place, mirrored(pixel, size)] += weight * 2**0.5
            if 0 <= pixel < size:
                reduce[pixel, place + MARGIN] += weight / 2**0.5
    return tuple(torch.from_numpy(matrix).float().to(device) for matrix in (enlarge, reduce))


def mirrored(place: int, size: int) -> int:
    """Where a place beyond the edges comes from, edge pixels repeated."""
    place %= 2 * size
    return min(place, 2 * size - 1 - place)


_BILINEAR, _NEAREST, _REFLECTION = 0, 1, 2  # PyTorch's numbers for the interpolation and padding modes
_MODES = {_BILINEAR: "bilinear", _NEAREST: "nearest"}


class _Sample(Function):
    """Grid sampling, linear in the image: PyTorch's own backward cannot be differentiated again."""

    @staticmethod
    def forward(ctx, images, grid, mode):
        ctx.save_for_backward(grid)
        ctx.size, ctx.mode = images.shape, mode
        return F.grid_sample(images, grid, mode=_MODES[mode], padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx, gradient):
        return _SampleTransposed.apply(gradient, ctx.saved_tensors[0], ctx.mode, ctx.size), None, None


class _SampleTransposed(Function):
    @staticmethod
    def forward(ctx, gradient, grid, mode, size):
        ctx.save_for_backward(grid)
        ctx.mode = mode
        device = gradient.device
        if torch.are_deterministic_algorithms_enabled():
            gradient, grid = gradient.cpu(), grid.cpu()  # on CUDA pixels are added in any order
        # The operator wants an image; its values do not matter, since the grid gets no gradient.
        image = gradient.new_empty(()).expand(size)
        modes = (mode, _REFLECTION, False, (True, False))
        return torch.ops.aten.grid_sampler_2d_backward(gradient.contiguous(), image, grid, *modes)[0].to(device)

    @staticmethod
    def backward(ctx, gradient):
        return _Sample.apply(gradient, ctx.saved_tensors[0], ctx.mode), None, None, None
