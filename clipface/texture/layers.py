"""Layers of the texture networks: equalised weights, modulated convolution, resampling.

Source: StyleGAN2 (Karras et al., CVPR 2020, arXiv 1912.04958), sections 2 and 4; own code from the formulas.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface.texture.ops.activation import CLAMP, SLOPE, activate, scale_channels
from clipface.texture.ops.convolution import convolve
from clipface.texture.ops.upsample import upsample, upsample_activate

GAIN = 2**0.5  # keeps the second moment of activations after leaky ReLU
EPSILON = 1e-8
REDUCED_FROM = 32  # resolution from which reduced precision may be used: nearly all the time goes there


def normalise(x: Tensor) -> Tensor:
    """Scale each vector of `x` [B, D] to a second moment of one."""
    return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()


class EqualLinear(nn.Module):
    """Linear layer whose weights are stored with unit variance and scaled when used.

    Args:
        inputs, outputs: numbers.
        bias: initial.
        multiplier: of the learning rate; weights are stored this much larger.
        activation: whether leaky ReLU with gain √2 follows.
    """

    def __init__(
        self, inputs: int, outputs: int, bias: float = 0.0, multiplier: float = 1.0, activation: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        self.multiplier, self.activation = multiplier, activation

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, inputs] to [B, outputs]."""
        x = F.linear(x, self.weight * (self.multiplier / self.weight.shape[1] ** 0.5), self.bias * self.multiplier)
        return F.leaky_relu(x, SLOPE) * GAIN if self.activation else x


class EqualConv(nn.Module):
    """Convolution with scaled weights, its gain folded into them.

    Args:
        inputs, outputs: channels.
        kernel: size, odd.
        activation: whether bias, and leaky ReLU with gain √2 (and clamp) follow.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, activation: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if activation else None
        self.activation = activation

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """Map [B, inputs, H, W] to [B, outputs, H, W], scaled by `gain`."""
        gain = gain * (GAIN if self.activation else 1.0)
        weight = self.weight * (gain / self.weight[0].numel() ** 0.5)
        x = convolve(x, weight.to(x.dtype))
        # Leaky ReLU is positively homogeneous: scaling its input is scaling its output.
        return activate(x, self.bias, gain) if self.activation else x


class ModulatedConv(nn.Module):
    """3×3 convolution modulated by a style, demodulated, with optional upsampling, noise, bias and leaky ReLU.

    Modulation scales input channels and demodulation output channels, so one ordinary convolution serves the whole
    batch: activations are scaled before and after it, and no weights per sample are ever made.

    Args:
        inputs, outputs: channels.
        w_dim: length of a style code.
        resolution: of the output, pixels.
        upsample: double the resolution after the convolution.
    """

    def __init__(self, inputs: int, outputs: int, w_dim: int, resolution: int, upsample: bool = False) -> None:
        super().__init__()
        self.affine = EqualLinear(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(1))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.upsample = upsample

    def forward(self, x: Tensor, w: Tensor, noise: str) -> Tensor:
        """Map x [B, inputs, H, W] and w [B, w_dim] to [B, outputs, resolution, resolution]."""
        style = self.affine(w)
        if len(x) == 1 and x.device.type == "cpu" and not torch.is_grad_enabled():
            return self._alone(x, style, noise)
        factor = GAIN * (style.square() @ self.weight.square().sum((2, 3)).T + EPSILON).rsqrt()  # [B, outputs]
        x = convolve(scale_channels(x, style), self.weight.to(x.dtype))
        noise = self._noise(noise, len(x))
        if self.upsample:  # the factor is the same for all pixels, so it is cheaper before
            return upsample_activate(scale_channels(x, factor), self.bias, GAIN, noise)
        return activate(x, self.bias, GAIN, factor, noise)

    def _alone(self, x: Tensor, style: Tensor, noise: str) -> Tensor:
        """The same of a single image without gradient on a CPU.

        There two passes over activations, and one for the sum of bias and noise, cost more than weights of its own do.
        A constant stays one when the resolution is doubled, so the bias comes before.
        """
        weight = self.weight * style[0, :, None, None]
        factor = GAIN * (weight.square().sum((1, 2, 3)) + EPSILON).rsqrt()
        weight, bias = weight * factor[:, None, None, None], self.bias * GAIN
        x = F.conv2d(x, weight.to(x.dtype), bias.to(x.dtype), padding=1)
        x = upsample(x) if self.upsample else x
        shift = self._noise(noise, 1)
        x = x if shift is None else x.add_((shift * GAIN).to(x.dtype))
        return F.leaky_relu_(x, SLOPE).clamp_(-CLAMP, CLAMP)

    def _noise(self, kind: str, batch: int) -> Tensor | None:
        """[B or 1, 1, H, W]."""
        if kind == "none":
            return None
        if kind == "const":
            return (self.noise_const * self.noise_strength)[None, None]
        if kind == "random":
            return torch.randn_like(self.noise_const.expand(batch, 1, -1, -1)) * self.noise_strength
        raise ValueError(f"noise: expected const, random or none, got {kind!r}")


class ToRGB(nn.Module):
    """Modulated 1×1 convolution to three colours, without demodulation.

    Three outputs are so few that weights per sample are cheaper than scaled activations: one small matrix product.

    Args:
        inputs: channels.
        w_dim: length of a style code.
    """

    def __init__(self, inputs: int, w_dim: int) -> None:
        super().__init__()
        self.affine = EqualLinear(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map x [B, inputs, H, W] and w [B, w_dim] to [B, 3, H, W]."""
        style = self.affine(w) / self.weight.shape[1] ** 0.5
        weight = (self.weight[:, :, 0, 0] * style[:, None]).to(x.dtype)  # [B, 3, inputs]
        if x.is_contiguous(memory_format=torch.channels_last):
            # Three columns are too narrow for matrix units, eight are not.
            weight = F.pad(weight, (0, 0, 0, 5))
            rgb = (x.permute(0, 2, 3, 1).flatten(1, 2) @ weight.mT)[:, :, :3].mT
        else:
            rgb = weight @ x.flatten(2)
        return (rgb.unflatten(2, x.shape[2:]) + self.bias[:, None, None].to(x.dtype)).clamp(-CLAMP, CLAMP)
