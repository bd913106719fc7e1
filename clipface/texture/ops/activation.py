"""Scaling, bias, noise and leaky ReLU of the texture networks in one pass, as often differentiable as one likes.

Between two convolutions the networks only move memory. Written plainly, the backward pass makes several times as many
passes over it as needed. Each operation here is one pass, and so is its gradient, which is again made of operations of
this file, so second derivatives come by themselves. On a GPU, images [B, C, H, W] in channels_last format go through
activation_triton.py, everything else through activation_torch.py.
"""

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor
from torch.autograd import Function

from clipface.texture.ops.activation_torch import CLAMP, SLOPE

__all__ = ["CLAMP", "SLOPE", "activate", "scale_channels"]


def scale_channels(x: Tensor, factor: Tensor) -> Tensor:
    """Multiply x [B, C, H, W] by factor [B, C]. Gradient: to both, any number of times."""
    return _Blend.apply(x, factor, None, None, 1.0, False)


def activate(
    x: Tensor, bias: Tensor, gain: float = 1.0, factor: Tensor | None = None, noise: Tensor | None = None
) -> Tensor:
    """Leaky ReLU and clamp of x · factor + gain · (bias + noise).

    Leaky ReLU's own gain √2 is left to the caller, who folds it into weights, factor and gain.

    Args:
        x: [B, C, H, W]. Without a factor its memory takes the result, so x is lost: new memory costs more than the
            operation itself.
        bias: [C].
        gain: of bias and noise.
        factor: [B, C].
        noise: [B or 1, 1, H, W].

    Returns:
        [B, C, H, W]. Gradient: to all of them, any number of times.

    Example:
        >>> y = activate(convolve(x, weight), bias, gain=2**0.5)
    """
    return _Blend.apply(x, factor, bias, noise, gain, True)


@lru_cache(maxsize=1)
def has_triton() -> bool:
    """Whether the kernels can be used; a benchmark may say no."""
    return find_spec("triton") is not None


def use_kernels(x: Tensor) -> bool:
    """Whether an operation on images [B, C, H, W] goes through a kernel."""
    return x.is_cuda and has_triton() and x.is_contiguous(memory_format=torch.channels_last)


def operations(kind: str, x: Tensor) -> ModuleType:
    """The operations of a kind ("activation", "upsample") on images x: kernels, or their twins in plain PyTorch."""
    return import_module(f"clipface.texture.ops.{kind}_{'triton' if use_kernels(x) else 'torch'}")


class _Blend(Function):
    @staticmethod
    def forward(ctx, x, factor, bias, noise, gain, active):
        y = operations("activation", x).blend(x, factor, bias, noise, gain, active)
        if factor is None:
            ctx.mark_dirty(x)
        ctx.save_for_backward(None if factor is None else x, factor, y if active else None)
        ctx.gain, ctx.noise_batch = gain, None if noise is None else len(noise)
        return y

    @staticmethod
    def backward(ctx, gradient):
        x, factor, y = ctx.saved_tensors
        wanted = tuple(ctx.needs_input_grad[1:4])
        of_x, of_factor, of_bias, of_noise = BlendGradient.apply(gradient, y, x, factor, wanted)
        return of_x, of_factor, *summed(of_bias, of_noise, ctx.gain, ctx.noise_batch), None, None


def summed(
    of_bias: Tensor | None, of_noise: Tensor | None, gain: float, noise_batch: int | None
) -> tuple[Tensor | None, Tensor | None]:
    """Gradients of bias and noise with the gain; one noise for all images gets the sum over them."""
    if of_noise is not None:
        of_noise = of_noise.sum(0, keepdim=True) if noise_batch == 1 else of_noise
    return tuple(None if part is None else part * gain for part in (of_bias, of_noise))


class BlendGradient(Function):
    """Gradients of x, factor, bias and noise, in one pass."""

    @staticmethod
    def forward(ctx, gradient, y, x, factor, wanted):
        ctx.save_for_backward(gradient, y, x, factor)
        ctx.set_materialize_grads(False)
        return operations("activation", gradient if y is None else y).blend_gradient(gradient, y, x, factor, wanted)

    @staticmethod
    def backward(ctx, to_x, to_factor, to_bias, to_noise):
        gradient, y, x, factor = ctx.saved_tensors
        # The result is linear in the gradient at the slope: what that is multiplied by is the blend's own tangent.
        terms = []
        if to_x is not None:
            terms.append(to_x if factor is None else scale_channels(to_x, factor))
        if to_factor is not None:
            terms.append(scale_channels(x, to_factor))
        if to_bias is not None:
            terms.append(to_bias.to(gradient.dtype)[:, None, None].expand_as(gradient))
        if to_noise is not None:
            terms.append(to_noise.to(gradient.dtype).expand_as(gradient))
        if not terms:  # called although nothing depends on it
            return (None,) * 5
        of_gradient = _sloped(sum(terms[1:], terms[0]), y)
        at_slope = _sloped(gradient, y) if factor is not None else None
        of_x = scale_channels(at_slope, to_factor) if to_factor is not None else None
        of_factor = _Dot.apply(to_x, at_slope) if to_x is not None and factor is not None else None
        return of_gradient, None, of_x, of_factor, None


def _sloped(gradient: Tensor, y: Tensor | None) -> Tensor:
    return gradient if y is None else _Slope.apply(gradient, y)


class _Slope(Function):
    @staticmethod
    def forward(ctx, gradient, y):
        ctx.save_for_backward(y)
        return operations("activation", y).slope(gradient, y)

    @staticmethod
    def backward(ctx, gradient):
        return _Slope.apply(gradient, ctx.saved_tensors[0]), None


class _Dot(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return operations("activation", a).dot(a, b)

    @staticmethod
    def backward(ctx, gradient):
        a, b = ctx.saved_tensors
        return scale_channels(b, gradient), scale_channels(a, gradient)
