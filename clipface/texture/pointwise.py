"""Pointwise operations of the texture networks with cheap gradients.

Between two convolutions the networks only move memory. Written plainly, the backward pass makes several times as many
passes over it as needed, and on a CPU that costs more than the convolutions. Each operation here is linear in its
gradient and its backward is again an operation of this file, so second derivatives come by themselves.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

SLOPE = 0.2  # of leaky ReLU
CLAMP = 256.0  # the published networks limit every activation; float16 would overflow without it


def scale_channels(x: Tensor, factor: Tensor) -> Tensor:
    """Multiply x [B, C, H, W] by factor [B, C]."""
    return _Scale.apply(x, factor)


def shift_channels(x: Tensor, factor: Tensor, shift: Tensor) -> Tensor:
    """Give x · factor + shift for x [B, C, H, W], factor [B, C] and any shift that broadcasts to x."""
    return _ScaleShift.apply(x, factor, shift)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU and clamp, in the memory of x, which is lost: new memory costs more than the operation itself.

    The gain √2 is left to the caller, who folds it into a factor that is applied anyway.
    """
    return _Activate.apply(x)


def upsample(x: Tensor) -> Tensor:
    """Double the resolution of [B, C, H, W]: nearest neighbour, replicate-pad (2, 1), then the filter [1, 3, 3, 1]/8.

    On each axis this is one average and one three-tap filter of the small image (even and odd outputs), so no large
    image is ever filtered.
    """
    return _Upsample.apply(x)


def downsample(x: Tensor) -> Tensor:
    """Halve the resolution of [B, C, H, W] with the filter [1, 3, 3, 1]/8 on each axis, zero outside like StyleGAN2."""
    return _Thin.apply(x)


def _format(x: Tensor) -> torch.memory_format:
    nhwc = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if nhwc else torch.contiguous_format


class _Scale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x, factor)
        return x * factor[:, :, None, None]

    @staticmethod
    def backward(ctx, gradient):
        x, factor = ctx.saved_tensors
        wanted_x, wanted_factor = ctx.needs_input_grad
        return (
            _Scale.apply(gradient, factor) if wanted_x else None,
            _Dot.apply(gradient, x) if wanted_factor else None,
        )


class _Dot(Function):
    """Sum over pixels of a product: [B, C, H, W] twice → [B, C]."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        if a.is_contiguous() and b.is_contiguous():  # then a product need not be stored
            pixels = a[0, 0].numel()
            return torch.bmm(a.view(-1, 1, pixels), b.view(-1, pixels, 1)).view(a.shape[:2])
        return (a * b).sum((2, 3))

    @staticmethod
    def backward(ctx, gradient):
        a, b = ctx.saved_tensors
        return _Scale.apply(b, gradient), _Scale.apply(a, gradient)


class _ScaleShift(Function):
    @staticmethod
    def forward(ctx, x, factor, shift):
        ctx.save_for_backward(x, factor)
        ctx.shift_shape = shift.shape
        # Into memory of x's format: of its own accord PyTorch would follow the shift's.
        return torch.addcmul(shift, x, factor[:, :, None, None], out=torch.empty_like(x))

    @staticmethod
    def backward(ctx, gradient):
        x, factor = ctx.saved_tensors
        wanted_x, wanted_factor, wanted_shift = ctx.needs_input_grad
        return (
            _Scale.apply(gradient, factor) if wanted_x else None,
            _Dot.apply(gradient, x) if wanted_factor else None,
            gradient.sum_to_size(ctx.shift_shape) if wanted_shift else None,
        )


class _Activate(Function):
    @staticmethod
    def forward(ctx, x):
        result = F.leaky_relu_(x, SLOPE).clamp_(-CLAMP, CLAMP)
        ctx.mark_dirty(result)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, gradient):
        return _Slope.apply(gradient, ctx.saved_tensors[0])


class _Slope(Function):
    """Multiply a gradient by the slope of `activate`, told from its result."""

    @staticmethod
    def forward(ctx, gradient, result):
        ctx.save_for_backward(result)
        gradient = torch.ops.aten.leaky_relu_backward(gradient, result, SLOPE, True)
        return torch.ops.aten.hardtanh_backward.grad_input(gradient, result, -CLAMP, CLAMP, grad_input=gradient)

    @staticmethod
    def backward(ctx, gradient):
        return _Slope.apply(gradient, ctx.saved_tensors[0]), None


class _Upsample(Function):
    @staticmethod
    def forward(ctx, x):
        return _double(_double(x, 2), 3)

    @staticmethod
    def backward(ctx, gradient):
        return _UpsampleTransposed.apply(gradient)


class _UpsampleTransposed(Function):
    @staticmethod
    def forward(ctx, x):
        return _halve(_halve(x, 3), 2)

    @staticmethod
    def backward(ctx, gradient):
        return _Upsample.apply(gradient)


class _Thin(Function):
    @staticmethod
    def forward(ctx, x):
        return _thin(_thin(x, 3), 2)

    @staticmethod
    def backward(ctx, gradient):
        return _ThinTransposed.apply(gradient)


class _ThinTransposed(Function):
    @staticmethod
    def forward(ctx, x):
        return _spread(_spread(x, 2), 3)

    @staticmethod
    def backward(ctx, gradient):
        return _Thin.apply(gradient)


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
