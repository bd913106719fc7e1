"""Warp kernels of texture pyramids: each level is the 2 x 2 box average of the one before.

A pyramid is one flat array [B, T, C]: the texture first, then each smaller level.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def quarter(x: int, y: int, corner: int, width: int, height: int):
    """One of the four texels under texel (x, y) of the next level; an axis of one texel is not halved."""
    return wp.min(2 * y + corner / 2, height - 1) * width + wp.min(2 * x + corner % 2, width - 1)


@wp.kernel
def halve(
    start: int,
    pyramid: wp.array(dtype=float),
    channels: int,
    stride: int,
    fine: int,
    fine_width: int,
    fine_height: int,
    coarse: int,
    coarse_width: int,
):
    """Average 2 x 2 texels of the level at `fine` into the level at `coarse`."""
    image, texel = wp.tid()
    base = (image + start) * stride
    y = texel / coarse_width
    x = texel - y * coarse_width
    for c in range(channels):
        total = wp.float32(0.0)
        for corner in range(4):
            total += pyramid[base + (fine + quarter(x, y, corner, fine_width, fine_height)) * channels + c]
        pyramid[base + (coarse + texel) * channels + c] = 0.25 * total


@wp.kernel
def halve_backward(
    start: int,
    gradient: wp.array(dtype=float),
    channels: int,
    stride: int,
    fine: int,
    fine_width: int,
    fine_height: int,
    coarse: int,
    coarse_width: int,
):
    """Hand a coarse level's gradient down to the finer level, in place."""
    image, texel = wp.tid()
    base = (image + start) * stride
    y = texel / coarse_width
    x = texel - y * coarse_width
    for c in range(channels):
        g = 0.25 * gradient[base + (coarse + texel) * channels + c]
        if g != 0.0:
            for corner in range(4):
                i = base + (fine + quarter(x, y, corner, fine_width, fine_height)) * channels + c
                gradient[i] = gradient[i] + g
