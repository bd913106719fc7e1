"""Pointwise operations of the texture networks in plain PyTorch: what a CPU runs, and what the kernels must equal.

Memory traffic is all that counts here, so results go where memory is already at hand, and no large image is filtered
that a small one can stand for. Every function has a twin of the same name in pointwise_triton.py.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SLOPE = 0.2  # of leaky ReLU
CLAMP = 256.0  # the published networks limit every activation; float16 would overflow without it


def blend(
    x: Tensor, factor: Tensor | None, bias: Tensor | None, noise: Tensor | None, gain: float, active: bool
) -> Tensor:
    """Give x · factor + gain · (bias + noise), if active through leaky ReLU and clamp; in place without a factor.

    Args:
        x: [B, C, H, W].
        factor: [B, C].
        bias: [C].
        noise: [B or 1, 1, H, W].
        gain: of bias and noise.
        active: whether leaky ReLU follows.
    """
    shift = None
    if bias is not None:
        shift = bias[:, None, None] if noise is None else bias[:, None, None] + noise
        shift = shift.to(x.dtype) * gain
    if factor is None:
        result = x if shift is None else x.add_(shift)
    elif shift is None:
        result = x * factor.to(x.dtype)[:, :, None, None]
    else:  # into memory of x's format: of its own accord PyTorch would follow the shift's
        result = torch.addcmul(shift, x, factor.to(x.dtype)[:, :, None, None], out=torch.empty_like(x))
    return F.leaky_relu_(result, SLOPE).clamp_(-CLAMP, CLAMP) if active else result


def blend_gradient(
    gradient: Tensor, y: Tensor | None, x: Tensor | None, factor: Tensor | None, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of `blend` with a gain of one.

    Args:
        gradient: of the result.
        y: the result if it was active.
        x, factor: as they went in; None if there was no factor.
        wanted: whether those of factor, bias and noise are.

    Returns:
        Gradients of x [B, C, H, W], factor [B, C], bias [C], noise [B, 1, H, W]; None if not wanted.
    """
    if y is not None:
        gradient = slope(gradient, y)
    of_x = gradient if factor is None else gradient * factor.to(gradient.dtype)[:, :, None, None]
    return (
        of_x,
        dot(gradient, x) if wanted[0] else None,
        gradient.sum((0, 2, 3), dtype=torch.promote_types(gradient.dtype, torch.float32)) if wanted[1] else None,
        gradient.sum(1, keepdim=True, dtype=torch.promote_types(gradient.dtype, torch.float32)) if wanted[2] else None,
    )


def slope(gradient: Tensor, y: Tensor) -> Tensor:
    """Multiply a gradient by the slope of leaky ReLU and clamp, told from their result."""
    gradient = torch.ops.aten.leaky_relu_backward(gradient, y, SLOPE, True)
    return torch.ops.aten.hardtanh_backward.grad_input(gradient, y, -CLAMP, CLAMP, grad_input=gradient)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Sum over pixels of a product: [B, C, H, W] twice → [B, C]."""
    if a.is_contiguous() and b.is_contiguous():  # then a product need not be stored
        pixels = a[0, 0].numel()
        return torch.bmm(a.view(-1, 1, pixels), b.view(-1, pixels, 1)).view(a.shape[:2])
    return (a * b).sum((2, 3), dtype=torch.promote_types(a.dtype, torch.float32))


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
