"""Convolution whose second derivatives are convolutions of the same kind.

PyTorch's own second derivative takes one image as the kernel for the other, hundreds of pixels wide, for which no fast
algorithm exists; R1 and path length would then cost far more than all else.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve x [B, I, H, W] with weight [O, I, K, K], K odd: [B, O, H, W], zero outside.

    Gradient: to both, any number of times.
    """
    return _Convolve.apply(x, weight)


class _Convolve(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        wanted_x, wanted_weight = ctx.needs_input_grad
        return (
            _OfInput.apply(gradient, weight) if wanted_x else None,
            _OfWeight.apply(gradient, x, weight.shape[-1]) if wanted_weight else None,
        )


class _OfInput(Function):
    """Gradient of the input: the transposed convolution."""

    @staticmethod
    def forward(ctx, gradient, weight):
        ctx.save_for_backward(gradient, weight)
        return F.conv_transpose2d(gradient, weight, padding=weight.shape[-1] // 2)

    @staticmethod
    def backward(ctx, cotangent):
        gradient, weight = ctx.saved_tensors
        wanted_gradient, wanted_weight = ctx.needs_input_grad
        return (
            _Convolve.apply(cotangent, weight) if wanted_gradient else None,
            _OfWeight.apply(gradient, cotangent, weight.shape[-1]) if wanted_weight else None,
        )


class _OfWeight(Function):
    """Gradient of the weight."""

    @staticmethod
    def forward(ctx, gradient, x, size):
        ctx.save_for_backward(gradient, x)
        shape = (gradient.shape[1], x.shape[1], size, size)
        return torch.nn.grad.conv2d_weight(x, shape, gradient, padding=size // 2)

    @staticmethod
    def backward(ctx, cotangent):
        gradient, x = ctx.saved_tensors
        wanted_gradient, wanted_x, _ = ctx.needs_input_grad
        return (
            _Convolve.apply(x, cotangent) if wanted_gradient else None,
            _OfInput.apply(gradient, cotangent) if wanted_x else None,
            None,
        )
