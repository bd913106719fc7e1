"""The operations of upsample.py as GPU kernels, for images in channels_last format; twins of upsample_torch.py.

Blocks and arithmetic as in activation_triton.py.
"""

import triton
import triton.language as tl
from torch import Tensor

from clipface.texture.ops.activation_triton import (
    ELEMENTS,
    WARPS,
    activated,
    address_of,
    empty,
    grid_of,
    place_of,
    stride_of,
)


@triton.jit
def large_kernel(
    x, bias, noise, y, height, width, channels, gain, noise_stride,
    UP: tl.constexpr, ACTIVE: tl.constexpr, HAS_NOISE: tl.constexpr, ALONG: tl.constexpr, ACROSS: tl.constexpr,
):  # fmt: skip
    """From nine neighbours to the four pixels that lie on the middle one: `upsample`, or `downsample` transposed."""
    image, pixel, channel, inside = place_of(height * width, channels, ALONG, ACROSS)
    row, column = pixel // width, pixel % width
    zero = tl.zeros((ALONG, ACROSS), tl.float32)
    even_even, even_odd, odd_even, odd_odd = zero, zero, zero, zero
    for down in tl.static_range(-1, 2):
        for right in tl.static_range(-1, 2):
            # Weights for the even and the odd pixel of an axis: [1, 1, 0]/2 and [1, 6, 1]/8, edges repeated; transposed
            # [1, 3, 0]/8 and [0, 3, 1]/8, zero outside.
            near_row, near_column = row + down, column + right
            known = inside
            if UP:
                near_row = tl.minimum(tl.maximum(near_row, 0), height - 1)
                near_column = tl.minimum(tl.maximum(near_column, 0), width - 1)
            else:
                in_rows = (near_row >= 0) & (near_row < height)
                known = inside & (in_rows & (near_column >= 0) & (near_column < width))[:, None]
            near = (image * height * width + near_row * width + near_column)[:, None] * channels + channel[None, :]
            value = tl.load(x + near, known, 0).to(tl.float32)
            even_row, odd_row = _large_weight(down, UP, False), _large_weight(down, UP, True)
            even_column, odd_column = _large_weight(right, UP, False), _large_weight(right, UP, True)
            even_even += even_row * even_column * value
            even_odd += even_row * odd_column * value
            odd_even += odd_row * even_column * value
            odd_odd += odd_row * odd_column * value
    for down in tl.static_range(2):
        for right in tl.static_range(2):
            if down == 0:
                value = even_even if right == 0 else even_odd
            else:
                value = odd_even if right == 0 else odd_odd
            large = (2 * row + down) * (2 * width) + 2 * column + right
            if ACTIVE:
                value += gain * tl.load(bias + channel, channel < channels, 0).to(tl.float32)[None, :]
                if HAS_NOISE:
                    here = tl.load(noise + image * noise_stride + large, pixel < height * width, 0).to(tl.float32)
                    value += gain * here[:, None]
                value = activated(value)
            place = (image * 4 * height * width + large)[:, None] * channels + channel[None, :]
            tl.store(y + place, value, inside)


@triton.jit
def _large_weight(step: tl.constexpr, UP: tl.constexpr, ODD: tl.constexpr):
    """Of the neighbour one step away (-1, 0, 1) for the even or odd pixel; all weights are exact."""
    if UP:
        weight: tl.constexpr = (0.75 if step == 0 else 0.125) if ODD else (0.0 if step == 1 else 0.5)
    else:
        side: tl.constexpr = 1 if ODD else -1
        weight: tl.constexpr = 0.375 if step == 0 else (0.125 if step == side else 0.0)
    return weight


@triton.jit
def small_kernel(
    x, y, height, width, channels, UP: tl.constexpr, ALONG: tl.constexpr, ACROSS: tl.constexpr
):  # fmt: skip
    """From four or five neighbours along each axis to one pixel: `downsample`, or `upsample` transposed."""
    image, pixel, channel, inside = place_of(height * width, channels, ALONG, ACROSS)
    row, column = pixel // width, pixel % width
    total = tl.zeros((ALONG, ACROSS), tl.float32)
    for down in tl.static_range(-1, 4 if UP else 3):
        for right in tl.static_range(-1, 4 if UP else 3):
            near_row, near_column = 2 * row + down, 2 * column + right
            known = (near_row >= 0) & (near_row < 2 * height) & (near_column >= 0) & (near_column < 2 * width)
            weight = _small_weight(down, row, height, UP) * _small_weight(right, column, width, UP)
            near = (image * 4 * height * width + near_row * (2 * width) + near_column)[:, None] * channels
            value = tl.load(x + near + channel[None, :], inside & known[:, None], 0).to(tl.float32)
            total += weight[:, None] * value
    place = (image * height * width + pixel)[:, None] * channels + channel[None, :]
    tl.store(y + place, total, inside)


@triton.jit
def _small_weight(step: tl.constexpr, place, size, UP: tl.constexpr):
    """Of the neighbour at 2 · place + step: [1, 3, 3, 1]/8, or [1, 4, 6, 4, 1]/8 with what repeated edges add."""
    if UP:
        weight: tl.constexpr = 0.75 if step == 1 else (0.5 if (step == 0) or (step == 2) else 0.125)
    else:
        weight: tl.constexpr = 0.375 if (step == 0) or (step == 1) else 0.125
    result = tl.zeros_like(place).to(tl.float32) + weight
    if UP:
        if step == 0:
            result += tl.where(place == 0, 0.5, 0.0)
        if step == 1:
            result += tl.where(place == 0, 0.125, 0.0) + tl.where(place == size - 1, 0.125, 0.0)
    return result


def upsample(x: Tensor) -> Tensor:
    """See `upsample_torch.upsample`."""
    return _to_large(x, None, None, 1.0, up=True)


def upsample_blend(x: Tensor, bias: Tensor, noise: Tensor | None, gain: float) -> Tensor:
    """See `upsample_torch.upsample_blend`."""
    return _to_large(x, bias, noise, gain, up=True)


def upsample_transposed(gradient: Tensor) -> Tensor:
    """See `upsample_torch.upsample_transposed`."""
    return _to_small(gradient, up=True)


def downsample(x: Tensor) -> Tensor:
    """See `upsample_torch.downsample`."""
    return _to_small(x, up=False)


def downsample_transposed(gradient: Tensor) -> Tensor:
    """See `upsample_torch.downsample_transposed`."""
    return _to_large(gradient, None, None, 1.0, up=False)


def _to_large(x: Tensor, bias: Tensor | None, noise: Tensor | None, gain: float, up: bool) -> Tensor:
    batch, channels, height, width = x.shape
    y = empty(x, 2 * height, 2 * width)
    grid, blocks = grid_of(batch, height * width, channels, ELEMENTS // 4)
    large_kernel[grid](
        x, address_of(bias, x), address_of(noise, x), y, height, width, channels, gain, stride_of(noise), up,
        bias is not None, noise is not None, *blocks, num_warps=WARPS // 2,
    )  # fmt: skip
    return y


def _to_small(x: Tensor, up: bool) -> Tensor:
    batch, channels, height, width = x.shape
    y = empty(x, height // 2, width // 2)
    grid, blocks = grid_of(batch, height * width // 4, channels, ELEMENTS // 4)
    small_kernel[grid](x, y, height // 2, width // 2, channels, up, *blocks, num_warps=WARPS // 2)
    return y
