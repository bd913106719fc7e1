"""The operations of upsample.py in plain PyTorch: what a CPU runs, and what the kernels must equal.

No large image is filtered that a small one can stand for. Every function has a twin of the same name in
upsample_triton.py.
"""

import torch
from torch import Tensor

from clipface.texture.ops.activation_torch import blend


def upsample(x: Tensor) -> Tensor:
    """Double the resolution: nearest neighbour, replicate-pad (2, 1), then the filter [1, 3, 3, 1]/8 on each axis.

    On each axis this is one average and one three-tap filter of the small image (even and odd outputs).
    """
    return _double(_double(x, 2), 3)


def upsample_blend(x: Tensor, bias: Tensor, noise: Tensor | None, gain: float) -> Tensor:
    """`upsample`, then an active `blend` without a factor."""
    return blend(upsample(x), None, bias, noise, gain, True)


def upsample_transposed(gradient: Tensor) -> Tensor:
    """Gradient of `upsample`."""
    return _halve(_halve(gradient, 3), 2)


def downsample(x: Tensor) -> Tensor:
    """Halve the resolution with the filter [1, 3, 3, 1]/8 on each axis, zero outside like StyleGAN2."""
    return _thin(_thin(x, 3), 2)


def downsample_transposed(gradient: Tensor) -> Tensor:
    """Gradient of `downsample`."""
    return _spread(_spread(gradient, 2), 3)


def _format(x: Tensor) -> torch.memory_format:
    nhwc = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if nhwc else torch.contiguous_format


def _pairs(x: Tensor, axis: int) -> tuple[Tensor, Tensor, int]:
    """Views of the even and the odd entries of an axis, and the index of their last."""
    pairs = x.unflatten(axis, (-1, 2))
    return pairs.select(axis + 1, 0), pairs.select(axis + 1, 1), pairs.shape[axis] - 1


def _empty_double(x: Tensor, axis: int) -> Tensor:
    shape = list(x.shape)
    shape[axis] *= 2
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=_format(x))


def _thin(x: Tensor, axis: int) -> Tensor:
    even, odd, last = _pairs(x, axis)
    result = torch.add(even, odd).mul_(0.375)
    result.narrow(axis, 1, last).add_(odd.narrow(axis, 0, last), alpha=0.125)
    result.narrow(axis, 0, last).add_(even.narrow(axis, 1, last), alpha=0.125)
    return result


def _spread(gradient: Tensor, axis: int) -> Tensor:
    result = _empty_double(gradient, axis)
    even, odd, last = _pairs(result, axis)
    torch.mul(gradient, 0.375, out=even)
    torch.mul(gradient, 0.375, out=odd)
    even.narrow(axis, 1, last).add_(gradient.narrow(axis, 0, last), alpha=0.125)
    odd.narrow(axis, 0, last).add_(gradient.narrow(axis, 1, last), alpha=0.125)
    return result


def _double(x: Tensor, axis: int) -> Tensor:
    result = _empty_double(x, axis)
    even, odd, last = _pairs(result, axis)
    even.narrow(axis, 0, 1).copy_(x.narrow(axis, 0, 1))
    torch.lerp(x.narrow(axis, 0, last), x.narrow(axis, 1, last), 0.5, out=even.narrow(axis, 1, last))
    # (x[i-1] + 6 x[i] + x[i+1]) / 8 is the middle between x[i] and the mean of the two even outputs beside it.
    torch.lerp(even.narrow(axis, 0, last), even.narrow(axis, 1, last), 0.5, out=odd.narrow(axis, 0, last))
    torch.lerp(even.narrow(axis, last, 1), x.narrow(axis, last, 1), 0.5, out=odd.narrow(axis, last, 1))
    odd.lerp_(x, 0.5)
    return result


def _halve(gradient: Tensor, axis: int) -> Tensor:
    even, odd, last = _pairs(gradient, axis)
    result = odd * 0.5
    even = torch.add(even, odd, alpha=0.25)
    even.narrow(axis, 1, last).add_(odd.narrow(axis, 0, last), alpha=0.25)
    result.narrow(axis, last, 1).add_(odd.narrow(axis, last, 1), alpha=0.25)
    result.narrow(axis, 0, 1).add_(even.narrow(axis, 0, 1))
    result.narrow(axis, 0, last).add_(even.narrow(axis, 1, last), alpha=0.5)
    result.narrow(axis, 1, last).add_(even.narrow(axis, 1, last), alpha=0.5)
    return result
