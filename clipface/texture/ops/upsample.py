"""Doubling and halving the resolution in the texture networks, as often differentiable as one likes.

As in activation.py each operation is one pass over memory, and so is its gradient. On a GPU, images [B, C, H, W] in
channels_last format go through upsample_triton.py, everything else through upsample_torch.py.
"""

from torch import Tensor
from torch.autograd import Function

from clipface.texture.ops.activation import BlendGradient, operations, summed

# Each operation is linear, so its gradient is the transposed one.
TRANSPOSED = {"upsample": "upsample_transposed", "downsample": "downsample_transposed"}
TRANSPOSED |= {transposed: name for name, transposed in TRANSPOSED.items()}


def upsample(x: Tensor) -> Tensor:
    """Double the resolution: nearest neighbour, replicate-pad (2, 1), filter [1, 3, 3, 1]/8 on each axis.

    Args:
        x: [B, C, H, W].

    Returns:
        [B, C, 2·H, 2·W]. Gradient: to x, any number of times.
    """
    return _Linear.apply(x, "upsample")


def upsample_activate(x: Tensor, bias: Tensor, gain: float = 1.0, noise: Tensor | None = None) -> Tensor:
    """`upsample`, then `activate`, in one pass.

    Args:
        x: [B, C, H, W].
        bias: [C].
        gain: of bias and noise.
        noise: [B or 1, 1, 2·H, 2·W].

    Returns:
        [B, C, 2·H, 2·W]. Gradient: to x, bias and noise, any number of times.
    """
    return _UpsampleBlend.apply(x, bias, noise, gain)


def downsample(x: Tensor) -> Tensor:
    """Halve the resolution with the filter [1, 3, 3, 1]/8 on each axis, zero outside like StyleGAN2.

    Args:
        x: [B, C, H, W], H and W even.

    Returns:
        [B, C, H/2, W/2]. Gradient: to x, any number of times.
    """
    return _Linear.apply(x, "downsample")


class _Linear(Function):
    @staticmethod
    def forward(ctx, x, name):
        ctx.name = name
        return getattr(operations("upsample", x), name)(x)

    @staticmethod
    def backward(ctx, gradient):
        return _Linear.apply(gradient, TRANSPOSED[ctx.name]), None


class _UpsampleBlend(Function):
    @staticmethod
    def forward(ctx, x, bias, noise, gain):
        y = operations("upsample", x).upsample_blend(x, bias, noise, gain)
        ctx.save_for_backward(y)
        ctx.gain, ctx.noise_batch = gain, None if noise is None else len(noise)
        return y

    @staticmethod
    def backward(ctx, gradient):
        wanted = (False, *ctx.needs_input_grad[1:3])
        of_large, _, of_bias, of_noise = BlendGradient.apply(gradient, ctx.saved_tensors[0], None, None, wanted)
        of_x = _Linear.apply(of_large, "upsample_transposed")
        return of_x, *summed(of_bias, of_noise, ctx.gain, ctx.noise_batch), None
