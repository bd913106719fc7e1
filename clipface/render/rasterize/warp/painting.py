"""Warp kernels that shade a pixel in one go: barycentrics, texture coordinates, footprint and colour, and the adjoint.

The same functions as `rasterize`, `interpolate` and `sample` use, but nothing in between is written to memory.
"""

import warp as wp

from clipface.render.rasterize.warp.coverage import EMPTY, FACE_MASK
from clipface.render.rasterize.warp.fragments import (
    Corners,
    add_fragment_gradient,
    centre,
    corners_of,
    fragment,
    pixel_slopes,
)
from clipface.render.rasterize.warp.interpolation import pair_slopes, pair_slopes_gradient
from clipface.render.rasterize.warp.native import place
from clipface.render.rasterize.warp.texture.lookup import (
    Offsets,
    footprint,
    level_gradient,
    look,
    look_backward,
    write_colour,
    write_nothing,
)

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
    out = Spot()
    out.along_u = uv[uv_faces[3 * face]] - last
    out.along_v = uv[uv_faces[3 * face + 1]] - last
    out.at = last + r[0] * out.along_u + r[1] * out.along_v
    out.slopes = pair_slopes(pixel_slopes(t, r, width, height), out.along_u, out.along_v)
    return out


@wp.kernel
def paint(
    start: int,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    keys: wp.array(dtype=wp.int64),
    vertex_count: int,
    uv: wp.array(dtype=wp.vec2),
    uv_faces: wp.array(dtype=int),
    pyramid: wp.array(dtype=wp.vec4),
    offsets: Offsets,
    last_level: int,
    texture_width: int,
    texture_height: int,
    channels: int,
    stride: int,
    wraps: int,
    height: int,
    width: int,
    rast: wp.array(dtype=wp.vec4),
    values: wp.array(dtype=float),
    value_vectors: wp.array(dtype=wp.vec4),
):
    """From each pixel's key to its fragment, and its colour and coverage."""
    row, column = place(wp.tid(), start, width)
    pixel = row * width + column
    groups = (channels + 3) / 4
    size = channels + 1
    key = keys[pixel]
    if key == EMPTY:
        rast[pixel] = wp.vec4(0.0, 0.0, 0.0, 0.0)
        write_nothing(channels, groups, pixel, size, values, value_vectors)
        return
    face = int(FACE_MASK - (key & FACE_MASK))
    image = row / height
    x = centre(column, width)
    y = centre(row - image * height, height)
    t = corners_of(face, image * vertex_count, x, y, clip, faces)
    r = fragment(t, face, clip)
    rast[pixel] = r
    spot = spot_of(t, r, face, uv, uv_faces, width, height)
    f = footprint(spot.slopes, texture_width, texture_height, last_level)
    s = look(spot.at, f, offsets, last_level, texture_width, texture_height, image * stride, groups, wraps)
    write_colour(s, pyramid, channels, groups, pixel, size, values, value_vectors)


@wp.kernel
def paint_backward(
    start: int,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    vertex_count: int,
    uv: wp.array(dtype=wp.vec2),
    uv_faces: wp.array(dtype=int),
    pyramid: wp.array(dtype=wp.vec4),
    offsets: Offsets,
    last_level: int,
    texture_width: int,
    texture_height: int,
    channels: int,
    stride: int,
    wraps: int,
    height: int,
    width: int,
    rast: wp.array(dtype=wp.vec4),
    g_values: wp.array(dtype=float),
    g_value_vectors: wp.array(dtype=wp.vec4),
    g_pyramid: wp.array(dtype=wp.vec4),
    g_clip: wp.array(dtype=wp.vec4),
):
    """The adjoint of `paint`; gradients that nobody wants are empty arrays."""
    row, column = place(wp.tid(), start, width)
    pixel = row * width + column
    r = rast[pixel]
    face = int(r[3]) - 1
    if face < 0:
        return
    groups = (channels + 3) / 4
    image = row / height
    x = centre(column, width)
    y = centre(row - image * height, height)
    t = corners_of(face, image * vertex_count, x, y, clip, faces)
    spot = spot_of(t, r, face, uv, uv_faces, width, height)
    f = footprint(spot.slopes, texture_width, texture_height, last_level)
    s = look(spot.at, f, offsets, last_level, texture_width, texture_height, image * stride, groups, wraps)
    moves = wp.bool(False)
    if g_clip:
        moves = wp.bool(True)
    pull = look_backward(s, pyramid, channels, groups, pixel, channels + 1, g_values, g_value_vectors, g_pyramid, moves)
    if moves:
        g_u = wp.dot(pull.place, spot.along_u)
        g_v = wp.dot(pull.place, spot.along_v)
        d = wp.vec4(0.0, 0.0, 0.0, 0.0)
        if s.between != 0:
            h = pull.level * level_gradient(spot.slopes, f, texture_width, texture_height)
            d = pair_slopes_gradient(h, spot.along_u, spot.along_v)
        add_fragment_gradient(t, face, image, g_u, g_v, d, x, y, width, height, g_clip)
