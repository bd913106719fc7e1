"""Warp kernels of the verb `sample`: bilinear and trilinear look-up in a pyramid, and its adjoint."""

import warp as wp

from clipface.render.rasterize.warp.native import place
from clipface.render.rasterize.warp.texture.lookup import (
    Footprint,
    Offsets,
    footprint,
    level_gradient,
    look,
    look_backward,
    write_colour,
    write_nothing,
)

wp.set_module_options({"enable_backward": False})


@wp.kernel
def sample(
    start: int,
    pyramid: wp.array(dtype=wp.vec4),
    offsets: Offsets,
    last_level: int,
    texture_width: int,
    texture_height: int,
    channels: int,
    stride: int,
    wraps: int,
    uv: wp.array(dtype=wp.vec2),
    uv_derivatives: wp.array(dtype=wp.vec4),
    rast: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    size: int,
    values: wp.array(dtype=float),
    value_vectors: wp.array(dtype=wp.vec4),
):
    """Look up every pixel's colour; `stride` is a pyramid's texels, 0 for one that all images share.

    A pixel has `size` numbers, of which one more than there are channels tells that a triangle is seen. Where they are
    four, `value_vectors` is the same memory as `values`.
    """
    row, column = place(wp.tid(), start, width)
    pixel = row * width + column
    groups = (channels + 3) / 4
    if rast:
        if rast[pixel][3] <= 0.0:
            write_nothing(channels, groups, pixel, size, values, value_vectors)
            return
    f = Footprint()
    if uv_derivatives:
        f = footprint(uv_derivatives[pixel], texture_width, texture_height, last_level)
    base = (row / height) * stride
    s = look(uv[pixel], f, offsets, last_level, texture_width, texture_height, base, groups, wraps)
    write_colour(s, pyramid, channels, groups, pixel, size, values, value_vectors)


@wp.kernel
def sample_backward(
    start: int,
    pyramid: wp.array(dtype=wp.vec4),
    offsets: Offsets,
    last_level: int,
    texture_width: int,
    texture_height: int,
    channels: int,
    stride: int,
    wraps: int,
    uv: wp.array(dtype=wp.vec2),
    uv_derivatives: wp.array(dtype=wp.vec4),
    rast: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    size: int,
    g_values: wp.array(dtype=float),
    g_value_vectors: wp.array(dtype=wp.vec4),
    g_pyramid: wp.array(dtype=wp.vec4),
    g_uv: wp.array(dtype=wp.vec2),
    g_uv_derivatives: wp.array(dtype=wp.vec4),
):
    """The adjoint of `sample`; gradients that nobody wants are empty arrays."""
    row, column = place(wp.tid(), start, width)
    pixel = row * width + column
    covered = wp.bool(True)
    if rast:
        covered = rast[pixel][3] > 0.0
    g_at = wp.vec2(0.0, 0.0)
    g_slopes = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if covered:
        groups = (channels + 3) / 4
        f = Footprint()
        if uv_derivatives:
            f = footprint(uv_derivatives[pixel], texture_width, texture_height, last_level)
        base = (row / height) * stride
        s = look(uv[pixel], f, offsets, last_level, texture_width, texture_height, base, groups, wraps)
        moves = wp.bool(False)
        if g_uv:
            moves = wp.bool(True)
        pull = look_backward(s, pyramid, channels, groups, pixel, size, g_values, g_value_vectors, g_pyramid, moves)
        g_at = pull.place
        if s.between != 0 and moves:
            g_slopes = pull.level * level_gradient(uv_derivatives[pixel], f, texture_width, texture_height)
    if g_uv:
        g_uv[pixel] = g_at
    if g_uv_derivatives:
        g_uv_derivatives[pixel] = g_slopes
