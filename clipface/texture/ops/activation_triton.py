"""Pointwise operations of the texture networks as GPU kernels: each one pass over memory.

Twins of the functions in pointwise_plain.py, for images in channels_last format.
"""

import torch
import triton
from torch import Tensor

from clipface.texture.ops.activation_kernels import blend_kernel, gradient_kernel, large_kernel, small_kernel

ELEMENTS = 4096  # of a program's block
WARPS = 8


def blend(
    x: Tensor, factor: Tensor | None, bias: Tensor | None, noise: Tensor | None, gain: float, active: bool
) -> Tensor:
    """See `pointwise_plain.blend`."""
    y = x if factor is None else torch.empty_like(x)
    batch, channels, height, width = x.shape
    grid, blocks = _grid(batch, height * width, channels)
    blend_kernel[grid](
        x, _or(factor, x), _or(bias, x), _or(noise, x), y, height * width, channels, gain, _stride(noise),
        factor is not None, bias is not None, noise is not None, active, *blocks, num_warps=WARPS,
    )  # fmt: skip
    return y


def blend_gradient(
    gradient: Tensor, y: Tensor | None, x: Tensor | None, factor: Tensor | None, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """See `pointwise_plain.blend_gradient`."""
    gradient = _ordered(gradient)
    batch, channels, height, width = gradient.shape
    pixels = height * width
    grid, blocks = _grid(batch, pixels, channels)
    # Every program leaves its own sums, which are few: no atomics, so results repeat exactly.
    sums = gradient.new_empty(2, batch, grid[0], channels, dtype=torch.float32)
    of_noise = gradient.new_empty(grid[1], batch, 1, height, width, dtype=torch.float32) if wanted[2] else None
    of_x = torch.empty_like(gradient)
    gradient_kernel[grid](
        gradient, _or(_ordered(y), gradient), _or(_ordered(x), gradient), _or(factor, gradient), of_x,
        sums, _or(of_noise, gradient), pixels, channels, batch, y is not None, factor is not None, True, *wanted,
        *blocks, num_warps=WARPS,
    )  # fmt: skip
    return (
        of_x,
        sums[0].sum(1) if wanted[0] else None,
        sums[1].sum((0, 1)) if wanted[1] else None,
        of_noise.sum(0) if wanted[2] else None,
    )


def slope(gradient: Tensor, y: Tensor) -> Tensor:
    """See `pointwise_plain.slope`."""
    return blend_gradient(gradient, y, None, None, (False, False, False))[0]


def dot(a: Tensor, b: Tensor) -> Tensor:
    """See `pointwise_plain.dot`."""
    batch, channels, height, width = a.shape
    grid, blocks = _grid(batch, height * width, channels)
    sums = a.new_empty(2, batch, grid[0], channels, dtype=torch.float32)
    gradient_kernel[grid](
        a, a, _ordered(b), a, a, sums, a, height * width, channels, batch, False, False, False, True, False, False,
        *blocks, num_warps=WARPS,
    )  # fmt: skip
    return sums[0].sum(1)


def upsample(x: Tensor) -> Tensor:
    """See `pointwise_plain.upsample`."""
    return _to_large(x, None, None, 1.0, up=True)


def upsample_blend(x: Tensor, bias: Tensor, noise: Tensor | None, gain: float) -> Tensor:
    """See `pointwise_plain.upsample_blend`."""
    return _to_large(x, bias, noise, gain, up=True)


def upsample_transposed(gradient: Tensor) -> Tensor:
    """See `pointwise_plain.upsample_transposed`."""
    return _to_small(gradient, up=True)


def downsample(x: Tensor) -> Tensor:
    """See `pointwise_plain.downsample`."""
    return _to_small(x, up=False)


def downsample_transposed(gradient: Tensor) -> Tensor:
    """See `pointwise_plain.downsample_transposed`."""
    return _to_large(gradient, None, None, 1.0, up=False)


def _to_large(x: Tensor, bias: Tensor | None, noise: Tensor | None, gain: float, up: bool) -> Tensor:
    batch, channels, height, width = x.shape
    y = _empty(x, 2 * height, 2 * width)
    grid, blocks = _grid(batch, height * width, channels, ELEMENTS // 4)
    large_kernel[grid](
        x, _or(bias, x), _or(noise, x), y, height, width, channels, gain, _stride(noise), up, bias is not None,
        noise is not None, *blocks, num_warps=WARPS // 2,
    )  # fmt: skip
    return y


def _to_small(x: Tensor, up: bool) -> Tensor:
    batch, channels, height, width = x.shape
    y = _empty(x, height // 2, width // 2)
    grid, blocks = _grid(batch, height * width // 4, channels, ELEMENTS // 4)
    small_kernel[grid](x, y, height // 2, width // 2, channels, up, *blocks, num_warps=WARPS // 2)
    return y


def _grid(batch: int, pixels: int, channels: int, elements: int = ELEMENTS) -> tuple[tuple[int, int, int], list[int]]:
    """Programs (blocks of pixels, blocks of channels, images), and the blocks' sides."""
    across = min(triton.next_power_of_2(channels), 64)
    along = min(triton.next_power_of_2(pixels), elements // across)
    return (triton.cdiv(pixels, along), triton.cdiv(channels, across), batch), [along, across]


def _empty(x: Tensor, height: int, width: int) -> Tensor:
    size = (len(x), x.shape[1], height, width)
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _or(tensor: Tensor | None, other: Tensor) -> Tensor:
    """A kernel wants some address also for what it does not read."""
    return other if tensor is None else tensor.contiguous() if tensor.ndim < 4 else tensor


def _ordered(tensor: Tensor | None) -> Tensor | None:
    """The tensor in the memory order that the kernels read."""
    return None if tensor is None else tensor.contiguous(memory_format=torch.channels_last)


def _stride(noise: Tensor | None) -> int:
    """Between the noise of two images; 0 if all have the same."""
    return 0 if noise is None or len(noise) == 1 else noise[0].numel()
