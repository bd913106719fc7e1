"""The operations of activation.py as GPU kernels, for images in channels_last format; twins of activation_torch.py.

Images lie in memory as [B, H, W, C]; a program takes a block of pixels of one image and a block of channels. Arithmetic
is float32, whatever the images are.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from clipface.texture.ops import activation_torch

ELEMENTS = 4096  # of a program's block
WARPS = 8
SLOPE, CLAMP = tl.constexpr(activation_torch.SLOPE), tl.constexpr(activation_torch.CLAMP)


@triton.jit
def place_of(pixels, channels, ALONG: tl.constexpr, ACROSS: tl.constexpr):
    """Image, pixels and channels of this program."""
    pixel = tl.program_id(0) * ALONG + tl.arange(0, ALONG)
    channel = tl.program_id(1) * ACROSS + tl.arange(0, ACROSS)
    image = tl.program_id(2).to(tl.int64)
    return image, pixel, channel, (pixel < pixels)[:, None] & (channel < channels)[None, :]


@triton.jit
def activated(value):
    """Leaky ReLU and clamp."""
    value = tl.where(value > 0, value, value * SLOPE)
    return tl.minimum(tl.maximum(value, -CLAMP), CLAMP)


@triton.jit
def blend_kernel(
    x, factor, bias, noise, y, pixels, channels, gain, noise_stride,
    HAS_FACTOR: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_NOISE: tl.constexpr, ACTIVE: tl.constexpr,
    ALONG: tl.constexpr, ACROSS: tl.constexpr,
):  # fmt: skip
    """x · factor + gain · (bias + noise), if ACTIVE through leaky ReLU and clamp."""
    image, pixel, channel, inside = place_of(pixels, channels, ALONG, ACROSS)
    place = (image * pixels + pixel)[:, None] * channels + channel[None, :]
    value = tl.load(x + place, inside, 0).to(tl.float32)
    if HAS_FACTOR:
        value *= tl.load(factor + image * channels + channel, channel < channels, 0).to(tl.float32)[None, :]
    if HAS_BIAS:
        value += gain * tl.load(bias + channel, channel < channels, 0).to(tl.float32)[None, :]
    if HAS_NOISE:
        value += gain * tl.load(noise + image * noise_stride + pixel, pixel < pixels, 0).to(tl.float32)[:, None]
    if ACTIVE:
        value = activated(value)
    tl.store(y + place, value, inside)


@triton.jit
def gradient_kernel(
    gradient, y, x, factor, of_x, sums, of_noise, pixels, channels, batch,
    ACTIVE: tl.constexpr, HAS_FACTOR: tl.constexpr, OF_X: tl.constexpr, OF_FACTOR: tl.constexpr, OF_BIAS: tl.constexpr,
    OF_NOISE: tl.constexpr, ALONG: tl.constexpr, ACROSS: tl.constexpr,
):  # fmt: skip
    """Gradients of `blend_kernel`: of x, each program's sums for factor and bias, of the noise."""
    image, pixel, channel, inside = place_of(pixels, channels, ALONG, ACROSS)
    place = (image * pixels + pixel)[:, None] * channels + channel[None, :]
    value = tl.load(gradient + place, inside, 0).to(tl.float32)
    if ACTIVE:
        result = tl.load(y + place, inside, 0).to(tl.float32)
        value = tl.where(result > 0, value, value * SLOPE)
        value = tl.where((result > -CLAMP) & (result < CLAMP), value, 0)
    row = (image * tl.num_programs(0) + tl.program_id(0)) * channels + channel
    if OF_FACTOR:
        total = tl.sum(value * tl.load(x + place, inside, 0).to(tl.float32), 0)
        tl.store(sums + row, total, channel < channels)
    if OF_BIAS:
        # The second half of the sums.
        half = batch * tl.num_programs(0).to(tl.int64) * channels
        tl.store(sums + half + row, tl.sum(value, 0), channel < channels)
    if OF_NOISE:
        start = (tl.program_id(1).to(tl.int64) * batch + image) * pixels
        tl.store(of_noise + start + pixel, tl.sum(value, 1), pixel < pixels)
    if OF_X:
        if HAS_FACTOR:
            value *= tl.load(factor + image * channels + channel, channel < channels, 0).to(tl.float32)[None, :]
        tl.store(of_x + place, value, inside)


def blend(
    x: Tensor, factor: Tensor | None, bias: Tensor | None, noise: Tensor | None, gain: float, active: bool
) -> Tensor:
    """See `activation_torch.blend`."""
    y = x if factor is None else torch.empty_like(x)
    batch, channels, height, width = x.shape
    grid, blocks = grid_of(batch, height * width, channels)
    blend_kernel[grid](
        x, address_of(factor, x), address_of(bias, x), address_of(noise, x), y, height * width, channels, gain,
        stride_of(noise), factor is not None, bias is not None, noise is not None, active, *blocks, num_warps=WARPS,
    )  # fmt: skip
    return y


def blend_gradient(
    gradient: Tensor, y: Tensor | None, x: Tensor | None, factor: Tensor | None, needed: tuple[bool, bool, bool]
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """See `activation_torch.blend_gradient`."""
    gradient = ordered(gradient)
    batch, channels, height, width = gradient.shape
    pixels = height * width
    grid, blocks = grid_of(batch, pixels, channels)
    # Every program leaves its own sums, which are few: no atomics, so results repeat exactly.
    sums = gradient.new_empty(2, batch, grid[0], channels, dtype=torch.float32)
    of_noise = gradient.new_empty(grid[1], batch, 1, height, width, dtype=torch.float32) if needed[2] else None
    of_x = torch.empty_like(gradient)
    gradient_kernel[grid](
        gradient, address_of(ordered(y), gradient), address_of(ordered(x), gradient), address_of(factor, gradient),
        of_x, sums, address_of(of_noise, gradient), pixels, channels, batch, y is not None, factor is not None, True,
        *needed, *blocks, num_warps=WARPS,
    )  # fmt: skip
    return (
        of_x,
        sums[0].sum(1) if needed[0] else None,
        sums[1].sum((0, 1)) if needed[1] else None,
        of_noise.sum(0) if needed[2] else None,
    )


def slope(gradient: Tensor, y: Tensor) -> Tensor:
    """See `activation_torch.slope`."""
    return blend_gradient(gradient, y, None, None, (False, False, False))[0]


def dot(a: Tensor, b: Tensor) -> Tensor:
    """See `activation_torch.dot`."""
    batch, channels, height, width = a.shape
    grid, blocks = grid_of(batch, height * width, channels)
    sums = a.new_empty(2, batch, grid[0], channels, dtype=torch.float32)
    gradient_kernel[grid](
        a, a, ordered(b), a, a, sums, a, height * width, channels, batch, False, False, False, True, False, False,
        *blocks, num_warps=WARPS,
    )  # fmt: skip
    return sums[0].sum(1)


def grid_of(batch: int, pixels: int, channels: int, elements: int = ELEMENTS) -> tuple[tuple[int, int, int], list[int]]:
    """Programs (blocks of pixels, blocks of channels, images), and the blocks' sides."""
    across = min(triton.next_power_of_2(channels), 64)
    along = min(triton.next_power_of_2(pixels), elements // across)
    return (triton.cdiv(pixels, along), triton.cdiv(channels, across), batch), [along, across]


def empty(x: Tensor, height: int, width: int) -> Tensor:
    """Room for a result with the batch, channels and type of x, in the memory order of the kernels."""
    size = (len(x), x.shape[1], height, width)
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def address_of(tensor: Tensor | None, other: Tensor) -> Tensor:
    """A kernel wants some address also for what it does not read."""
    return other if tensor is None else tensor.contiguous() if tensor.ndim < 4 else tensor


def ordered(tensor: Tensor | None) -> Tensor | None:
    """The tensor in the memory order that the kernels read."""
    return None if tensor is None else tensor.contiguous(memory_format=torch.channels_last)


def stride_of(noise: Tensor | None) -> int:
    """Between the noise of two images; 0 if all have the same."""
    return 0 if noise is None or len(noise) == 1 else noise[0].numel()
