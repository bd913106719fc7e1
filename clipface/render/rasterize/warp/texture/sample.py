"""Warp kernels of the verb `sample`: bilinear and trilinear look-up in a pyramid, and its adjoint."""

import torch
import warp as wp
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.interface import Boundary, Fragments, check_look_up
from clipface.render.rasterize.warp.native import place
from clipface.render.rasterize.warp.runtime import ThreadBuffer, launch_pixels, reproducible, start
from clipface.render.rasterize.warp.texture.lookup import (
    CHANNELS,
    STRIDE,
    Footprint,
    Layout,
    footprint,
    level_gradient,
    look,
    look_backward,
    write_colour,
    write_nothing,
)
from clipface.render.rasterize.warp.texture.pyramid import Pyramid

wp.set_module_options({"enable_backward": False})


@wp.kernel
def sample_pixels(
    start: int,
    pyramid: wp.array(dtype=wp.vec4),
    layout: Layout,
    area: float,
    uv: wp.array(dtype=wp.vec2),
    uv_derivatives: wp.array(dtype=wp.vec4),
    rast: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    size: int,
    values: wp.array(dtype=float),
    value_vectors: wp.array(dtype=wp.vec4),
):
    """Look up every pixel's colour.

    A pixel has `size` numbers, of which one more than there are channels says that a triangle is seen. Where they are
    four, `value_vectors` is the same memory as `values`.
    """
    row, column, pixel = place(wp.tid(), start, width)
    channels = layout[CHANNELS]
    if rast:
        if rast[pixel][3] <= 0.0:
            write_nothing(channels, pixel, size, values, value_vectors)
            return
    f = Footprint()
    if uv_derivatives:
        f = footprint(uv_derivatives[pixel], layout, area)
    s = look(uv[pixel], f, layout, (row / height) * layout[STRIDE])
    write_colour(s, pyramid, channels, pixel, size, values, value_vectors)


@wp.kernel
def sample_pixels_backward(
    start: int,
    pyramid: wp.array(dtype=wp.vec4),
    layout: Layout,
    area: float,
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
    """The adjoint of `sample_pixels`; gradients that nobody wants are empty arrays."""
    row, column, pixel = place(wp.tid(), start, width)
    covered = wp.bool(True)
    if rast:
        covered = rast[pixel][3] > 0.0
    g_at = wp.vec2(0.0, 0.0)
    g_slopes = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if covered:
        f = Footprint()
        if uv_derivatives:
            f = footprint(uv_derivatives[pixel], layout, area)
        s = look(uv[pixel], f, layout, (row / height) * layout[STRIDE])
        moves = wp.bool(False)
        if g_uv:
            moves = wp.bool(True)
        pull = look_backward(s, pyramid, layout[CHANNELS], pixel, size, g_values, g_value_vectors, g_pyramid, moves)
        g_at = pull.place
        if s.between != 0 and moves:
            g_slopes = pull.level * level_gradient(uv_derivatives[pixel], f, layout)
    if g_uv:
        g_uv[pixel] = g_at
    if g_uv_derivatives:
        g_uv_derivatives[pixel] = g_slopes


class Sample(Function):
    """texture [B or 1, Ht, Wt, C], uv [B, H, W, 2], derivatives [B, H, W, 4] or None -> colours [B, H, W, C].

    With `coverage` one channel more, which is 1 where a triangle is seen.
    """

    @staticmethod
    def forward(
        ctx, texture: Tensor, uv: Tensor, slopes: Tensor | None, rast: Tensor | None, wraps: bool, coverage: bool,
        mip_level_bias: float,
    ):  # fmt: skip
        ctx.layout, ctx.wraps, ctx.bias = Pyramid(texture, slopes is not None), wraps, mip_level_bias
        pyramid = ctx.layout.build(texture)
        images, height, width, _ = uv.shape
        ctx.size = texture.shape[3] + int(coverage)
        values = torch.empty(images, height, width, ctx.size, device=uv.device)
        arguments = [*_look_up(ctx, pyramid, uv, slopes, rast), values, values if ctx.size == 4 else None]
        launch_pixels(sample_pixels, images * height, width, arguments, uv.device)
        ctx.save_for_backward(pyramid, uv, slopes, rast)
        return values

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g: Tensor):
        pyramid, uv, slopes, rast = ctx.saved_tensors
        images, height, width, _ = uv.shape
        g_pyramid = g_uv = g_slopes = None
        if ctx.needs_input_grad[0]:
            own = images if pyramid.shape[0] == images else 0
            g_pyramid = ThreadBuffer(tuple(pyramid.shape), uv.device, own, images * height * width)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            g_uv = torch.empty_like(uv)
            g_slopes = None if slopes is None else torch.empty_like(slopes)
        g = g.contiguous()
        given = [g, g if ctx.size == 4 else None]
        arguments = [*_look_up(ctx, pyramid, uv, slopes, rast), *given, g_pyramid, g_uv, g_slopes]
        launch_pixels(sample_pixels_backward, images * height, width, arguments, uv.device)
        g_texture = None if g_pyramid is None else ctx.layout.collapse(g_pyramid.sum())
        return g_texture, g_uv, g_slopes, None, None, None, None


def _look_up(ctx, pyramid: Tensor, uv: Tensor, slopes: Tensor | None, rast: Tensor | None) -> list:
    """The arguments that `sample` and its adjoint share."""
    looked_up = ctx.layout.arguments(pyramid, ctx.wraps, ctx.bias)
    return [*looked_up, uv, slopes, rast, uv.shape[1], uv.shape[2], ctx.size]


def sample(
    texture: Tensor,
    uv: Tensor,
    uv_derivatives: Tensor | None = None,
    fragments: Fragments | None = None,
    boundary: Boundary = "wrap",
    coverage: bool = False,
    mip_level_bias: float = 0.0,
) -> Tensor:
    """Look up a texture: trilinear over 2 x 2 mip-maps with `uv_derivatives`, else bilinear.

    Args:
        texture: [B or 1, Ht, Wt, C]. Mip-maps go on while both sides can be halved, nine at most.
        uv: [B, H, W, 2].
        uv_derivatives: [B, H, W, 4], from `interpolate`.
        fragments: pixels that see nothing are skipped and zero.
        boundary: "wrap" repeats the texture, "clamp" continues its border.
        coverage: append a channel that is 1 where a triangle is seen, else 0; needs `fragments`.
        mip_level_bias: added to the level of detail before it is clamped; below 0 is sharper.

    Returns:
        Colours [B, H, W, C], or with coverage [B, H, W, C + 1].

    Gradient: to texture, uv and, through the level of detail, uv_derivatives.
    """
    check_look_up(texture, uv, fragments, boundary, coverage)
    start()
    rast = None if fragments is None else fragments.rast
    slopes = None if uv_derivatives is None else uv_derivatives.contiguous()
    return Sample.apply(texture, uv.contiguous(), slopes, rast, boundary == "wrap", coverage, mip_level_bias)
