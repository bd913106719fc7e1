"""Convolution whose second derivatives are convolutions of the same kind.

PyTorch's own second derivative takes one image as the kernel for the other, hundreds of pixels wide, for which no fast
algorithm exists; R1 and path length would then cost far more than all else.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve images with a kernel of odd size, zero outside.

    Args:
        x: [B, I, H, W].
        weight: [O, I, K, K].

    Returns:
        [B, O, H, W]. Gradient: to both, any number of times.
    """
    return _Convolve.apply(x, weight, False)


class _Convolve(Function):
    """Convolution, or the transposed one, which is its gradient to the input; each is the other's."""

    @staticmethod
    def forward(ctx, x, weight, transposed):
        ctx.save_for_backward(x, weight)
        ctx.transposed = transposed
        return (F.conv_transpose2d if transposed else F.conv2d)(x, weight, padding=weight.shape[-1] // 2)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, _ = ctx.needs_input_grad
        outputs, inputs = (x, gradient) if ctx.transposed else (gradient, x)
        return (
            _Convolve.apply(gradient, weight, not ctx.transposed) if needs_x else None,
            _OfWeight.apply(outputs, inputs, weight.shape[-1]) if needs_weight else None,
            None,
        )


class _OfWeight(Function):
    """Gradient of the weight, from those of the outputs [B, O, H, W] and the inputs [B, I, H, W]."""

    @staticmethod
    def forward(ctx, outputs, inputs, size):
        ctx.save_for_backward(outputs, inputs)
        shape = (outputs.shape[1], inputs.shape[1], size, size)
        return torch.nn.grad.conv2d_weight(inputs, shape, outputs, padding=size // 2)

    @staticmethod
    def backward(ctx, cotangent):
        outputs, inputs = ctx.saved_tensors
        needs_outputs, needs_inputs, _ = ctx.needs_input_grad
        return (
            _Convolve.apply(inputs, cotangent, False) if needs_outputs else None,
            _Convolve.apply(outputs, cotangent, True) if needs_inputs else None,
            None,
        )
