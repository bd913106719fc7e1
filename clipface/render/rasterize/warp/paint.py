"""Warp kernels that shade a pixel in one go: barycentrics, texture coordinates, footprint and colour, and the adjoint.

The same functions as `rasterize`, `interpolate` and `sample` use, but nothing in between is written to memory.
"""

import torch
import warp as wp
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.interface import (
    Boundary,
    Fragments,
    check_batch,
    check_boundary,
    check_faces,
    check_float,
)
from clipface.render.rasterize.warp.coverage import EMPTY, FACE_MASK
from clipface.render.rasterize.warp.fragments import (
    Corners,
    add_fragment_gradient,
    centre,
    corners_of,
    fragment,
    pair_slopes,
    pair_slopes_gradient,
    pixel_slopes,
)
from clipface.render.rasterize.warp.native import place
from clipface.render.rasterize.warp.rasterize import check_view, nearest_keys
from clipface.render.rasterize.warp.runtime import ThreadBuffer, launch_pixels, reproducible, start
from clipface.render.rasterize.warp.texture.lookup import (
    CHANNELS,
    STRIDE,
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


@wp.struct
class Spot:
    """A pixel's texture coordinates, their screen derivatives, and their slopes along the triangle's u and v."""

    at: wp.vec2
    slopes: wp.vec4
    along_u: wp.vec2
    along_v: wp.vec2


@wp.func
def spot_of(
    t: Corners, r: wp.vec4, face: int, uv: wp.array(dtype=wp.vec2), uv_faces: wp.array(dtype=int), width: int,
    height: int,
):  # fmt: skip
    """Where in the texture a fragment lies."""
    last = uv[uv_faces[3 * face + 2]]
    along_u = uv[uv_faces[3 * face]] - last
    along_v = uv[uv_faces[3 * face + 1]] - last
    slopes = pair_slopes(pixel_slopes(t, r, width, height), along_u, along_v)
    return Spot(last + r[0] * along_u + r[1] * along_v, slopes, along_u, along_v)


@wp.kernel
def paint_pixels(
    start: int,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    keys: wp.array(dtype=wp.int64),
    vertex_count: int,
    uv: wp.array(dtype=wp.vec2),
    uv_faces: wp.array(dtype=int),
    pyramid: wp.array(dtype=wp.vec4),
    layout: Layout,
    area: float,
    height: int,
    width: int,
    rast: wp.array(dtype=wp.vec4),
    values: wp.array(dtype=float),
    value_vectors: wp.array(dtype=wp.vec4),
):
    """From each pixel's key to its fragment, and its colour and coverage."""
    row, column, pixel = place(wp.tid(), start, width)
    channels = layout[CHANNELS]
    size = channels + 1
    key = keys[pixel]
    if key == EMPTY:
        rast[pixel] = wp.vec4(0.0, 0.0, 0.0, 0.0)
        write_nothing(channels, pixel, size, values, value_vectors)
        return
    face = int(FACE_MASK - (key & FACE_MASK))
    image = row / height
    x = centre(column, width)
    y = centre(row - image * height, height)
    t = corners_of(face, image * vertex_count, x, y, clip, faces)
    r = fragment(t, face, clip)
    rast[pixel] = r
    spot = spot_of(t, r, face, uv, uv_faces, width, height)
    f = footprint(spot.slopes, layout, area)
    s = look(spot.at, f, layout, image * layout[STRIDE])
    write_colour(s, pyramid, channels, pixel, size, values, value_vectors)


@wp.kernel
def paint_pixels_backward(
    start: int,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    vertex_count: int,
    uv: wp.array(dtype=wp.vec2),
    uv_faces: wp.array(dtype=int),
    pyramid: wp.array(dtype=wp.vec4),
    layout: Layout,
    area: float,
    height: int,
    width: int,
    rast: wp.array(dtype=wp.vec4),
    g_values: wp.array(dtype=float),
    g_value_vectors: wp.array(dtype=wp.vec4),
    g_pyramid: wp.array(dtype=wp.vec4),
    g_clip: wp.array(dtype=wp.vec4),
):
    """The adjoint of `paint_pixels`; gradients that nobody wants are empty arrays."""
    row, column, pixel = place(wp.tid(), start, width)
    r = rast[pixel]
    face = int(r[3]) - 1
    if face < 0:
        return
    channels = layout[CHANNELS]
    image = row / height
    x = centre(column, width)
    y = centre(row - image * height, height)
    t = corners_of(face, image * vertex_count, x, y, clip, faces)
    spot = spot_of(t, r, face, uv, uv_faces, width, height)
    f = footprint(spot.slopes, layout, area)
    s = look(spot.at, f, layout, image * layout[STRIDE])
    moves = wp.bool(False)
    if g_clip:
        moves = wp.bool(True)
    pull = look_backward(s, pyramid, layout[CHANNELS], pixel, channels + 1, g_values, g_value_vectors, g_pyramid, moves)
    if moves:
        g_u = wp.dot(pull.place, spot.along_u)
        g_v = wp.dot(pull.place, spot.along_v)
        d = wp.vec4(0.0, 0.0, 0.0, 0.0)
        if s.between != 0:
            h = pull.level * level_gradient(spot.slopes, f, layout)
            d = pair_slopes_gradient(h, spot.along_u, spot.along_v)
        add_fragment_gradient(t, face, image, g_u, g_v, d, x, y, width, height, g_clip)


class Paint(Function):
    """clip [B, V, 4], texture [B or 1, Ht, Wt, C], faces, keys [B, H, W], uv [T, 2], uv_faces -> colours and coverage
    [B, H, W, C + 1], fragments [B, H, W, 4] (without gradient)."""

    @staticmethod
    def forward(
        ctx, clip: Tensor, texture: Tensor, faces: Tensor, keys: Tensor, uv: Tensor, uv_faces: Tensor, wraps, bias
    ):
        images, height, width = keys.shape
        ctx.layout, ctx.wraps, ctx.bias = Pyramid(texture), wraps, bias
        pyramid = ctx.layout.build(texture)
        size = texture.shape[3] + 1
        rast = torch.empty(images, height, width, 4, device=clip.device)
        values = torch.empty(images, height, width, size, device=clip.device)
        arguments = [clip, faces, keys, clip.shape[1], uv, uv_faces, *ctx.layout.arguments(pyramid, wraps, bias)]
        arguments += [height, width, rast, values, values if size == 4 else None]
        launch_pixels(paint_pixels, images * height, width, arguments, clip.device)
        ctx.save_for_backward(clip, faces, uv, uv_faces, pyramid, rast)
        ctx.mark_non_differentiable(rast)
        ctx.set_materialize_grads(False)
        return values, rast

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g: Tensor | None, _):
        if g is None:
            return (None,) * 8
        clip, faces, uv, uv_faces, pyramid, rast = ctx.saved_tensors
        images, height, width, _ = rast.shape
        work, device, g = images * height * width, clip.device, g.contiguous()
        g_clip = g_pyramid = None
        if ctx.needs_input_grad[0]:
            g_clip = ThreadBuffer(tuple(clip.shape), device, images, work)
        if ctx.needs_input_grad[1]:
            own = images if pyramid.shape[0] == images else 0
            g_pyramid = ThreadBuffer(tuple(pyramid.shape), device, own, work)
        arguments = [clip, faces, clip.shape[1], uv, uv_faces, *ctx.layout.arguments(pyramid, ctx.wraps, ctx.bias)]
        arguments += [height, width, rast, g, g if g.shape[3] == 4 else None, g_pyramid, g_clip]
        launch_pixels(paint_pixels_backward, images * height, width, arguments, device)
        g_texture = None if g_pyramid is None else ctx.layout.collapse(g_pyramid.sum())
        return None if g_clip is None else g_clip.sum(), g_texture, None, None, None, None, None, None


def paint(
    clip: Tensor,
    faces: Tensor,
    size: tuple[int, int],
    uv: Tensor,
    uv_faces: Tensor,
    texture: Tensor,
    boundary: Boundary = "wrap",
    mip_level_bias: float = 0.0,
) -> tuple[Tensor, Fragments]:
    """`rasterize`, `interpolate` the texture coordinates and `sample`, with coverage, in one go: the usual case.

    A backend may leave out what lies between, which saves most of the memory and its traffic.

    Args:
        clip, faces, size: as in `rasterize`.
        uv: [T, 2], constants.
        uv_faces: [F, 3], int32, indices into `uv`.
        texture, boundary, mip_level_bias: as in `sample`.

    Returns:
        Colours, and last the coverage, [B, H, W, C + 1]; and fragments for `antialias`, perhaps without derivatives
        and gradient.

    Gradient: to clip and texture.
    """
    images = check_view(clip, faces, size)
    check_float("uv", uv, ("T", 2))
    check_faces("uv_faces", uv_faces, clip.device)
    check_batch("texture", check_float("texture", texture, ("B", "Ht", "Wt", "C"))["B"], images)
    check_boundary(boundary)
    if uv.requires_grad:
        raise ValueError(
            "uv: expected constants, got a tensor that requires a gradient; interpolate and sample carry one to it"
        )
    start()
    clip, faces = clip.contiguous(), faces.contiguous()
    keys = nearest_keys(clip.detach(), faces, *size)
    wraps = boundary == "wrap"
    uv, uv_faces = uv.contiguous(), uv_faces.contiguous()
    colour, rast = Paint.apply(clip, texture, faces, keys, uv, uv_faces, wraps, mip_level_bias)
    return colour, Fragments(rast, None)
