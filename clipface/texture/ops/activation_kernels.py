"""The kernels behind pointwise_triton.py.

Images lie in memory as [B, H, W, C]; a program takes a block of pixels of one image and a block of channels. Arithmetic
is float32, whatever the images are.
"""

import triton
import triton.language as tl

from clipface.texture.ops import activation_torch

SLOPE, CLAMP = tl.constexpr(activation_torch.SLOPE), tl.constexpr(activation_torch.CLAMP)


@triton.jit
def _place(pixels, channels, ALONG: tl.constexpr, ACROSS: tl.constexpr):
    """Image, pixels and channels of this program."""
    pixel = tl.program_id(0) * ALONG + tl.arange(0, ALONG)
    channel = tl.program_id(1) * ACROSS + tl.arange(0, ACROSS)
    image = tl.program_id(2).to(tl.int64)
    return image, pixel, channel, (pixel < pixels)[:, None] & (channel < channels)[None, :]


@triton.jit
def _active(value):
    value = tl.where(value > 0, value, value * SLOPE)
    return tl.minimum(tl.maximum(value, -CLAMP), CLAMP)


@triton.jit
def blend_kernel(
    x, factor, bias, noise, y, pixels, channels, gain, noise_stride,
    HAS_FACTOR: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_NOISE: tl.constexpr, ACTIVE: tl.constexpr,
    ALONG: tl.constexpr, ACROSS: tl.constexpr,
):  # fmt: skip
    """x · factor + gain · (bias + noise), if ACTIVE through leaky ReLU and clamp."""
    image, pixel, channel, inside = _place(pixels, channels, ALONG, ACROSS)
    place = (image * pixels + pixel)[:, None] * channels + channel[None, :]
    value = tl.load(x + place, inside, 0).to(tl.float32)
    if HAS_FACTOR:
        value *= tl.load(factor + image * channels + channel, channel < channels, 0).to(tl.float32)[None, :]
    if HAS_BIAS:
        value += gain * tl.load(bias + channel, channel < channels, 0).to(tl.float32)[None, :]
    if HAS_NOISE:
        value += gain * tl.load(noise + image * noise_stride + pixel, pixel < pixels, 0).to(tl.float32)[:, None]
    if ACTIVE:
        value = _active(value)
    tl.store(y + place, value, inside)


@triton.jit
def gradient_kernel(
    gradient, y, x, factor, of_x, sums, of_noise, pixels, channels, batch,
    ACTIVE: tl.constexpr, HAS_FACTOR: tl.constexpr, OF_X: tl.constexpr, OF_FACTOR: tl.constexpr, OF_BIAS: tl.constexpr,
    OF_NOISE: tl.constexpr, ALONG: tl.constexpr, ACROSS: tl.constexpr,
):  # fmt: skip
    """Gradients of `blend_kernel`: of x, each program's sums for factor and bias, of the noise."""
    image, pixel, channel, inside = _place(pixels, channels, ALONG, ACROSS)
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


@triton.jit
def large_kernel(
    x, bias, noise, y, height, width, channels, gain, noise_stride,
    UP: tl.constexpr, ACTIVE: tl.constexpr, HAS_NOISE: tl.constexpr, ALONG: tl.constexpr, ACROSS: tl.constexpr,
):  # fmt: skip
    """From nine neighbours to the four pixels that lie on the middle one: `upsample`, or `downsample` transposed."""
    image, pixel, channel, inside = _place(height * width, channels, ALONG, ACROSS)
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
                value = _active(value)
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
    image, pixel, channel, inside = _place(height * width, channels, ALONG, ACROSS)
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
