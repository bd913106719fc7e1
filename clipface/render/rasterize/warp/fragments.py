"""Warp kernels that find where on its triangle each pixel lies: barycentrics, their screen derivatives, the adjoint.

Everything here uses the unsnapped clip positions, moved so that the pixel's centre is the origin; that keeps the
differences of nearby numbers accurate. With q = (x, y, w) so moved, n_i = q_j x q_k holds all that is needed: its last
entry is the weight of vertex i, its first two are that weight's slopes over the image.

Every kernel takes `start`, the first row or element it works on, so that the CPU can share one launch among threads.
"""

import warp as wp

from clipface.render.rasterize.warp.coverage import EMPTY, FACE_MASK
from clipface.render.rasterize.warp.native import add_corners, place

wp.set_module_options({"enable_backward": False})

TINY_AREA = wp.constant(1.0e-12)  # the adjoint is zero for triangles smaller than this, in squared clip units


@wp.struct
class Corners:
    """A triangle as seen from one pixel: its vertices' indices, moved positions q, and products n."""

    i0: int
    i1: int
    i2: int
    q0: wp.vec3
    q1: wp.vec3
    q2: wp.vec3
    n0: wp.vec3
    n1: wp.vec3
    n2: wp.vec3


@wp.func
def centre(i: int, size: int):
    """Clip coordinate of the centre of pixel i."""
    return float(2 * i + 1) / float(size) - 1.0


@wp.func
def moved(p: wp.vec4, x: float, y: float):
    """(x, y, w) of a clip position, with (x, y) moved to the origin."""
    return wp.vec3(p[0] - x * p[3], p[1] - y * p[3], p[3])


@wp.func
def corners_of(face: int, base: int, x: float, y: float, clip: wp.array(dtype=wp.vec4), faces: wp.array(dtype=int)):
    """A triangle as seen from clip point (x, y); `base` is the image's first vertex."""
    i0 = base + faces[3 * face]
    i1 = base + faces[3 * face + 1]
    i2 = base + faces[3 * face + 2]
    q0 = moved(clip[i0], x, y)
    q1 = moved(clip[i1], x, y)
    q2 = moved(clip[i2], x, y)
    return Corners(i0, i1, i2, q0, q1, q2, wp.cross(q1, q2), wp.cross(q2, q0), wp.cross(q0, q1))


@wp.func
def within_one(x: float):
    """x within [0, 1], and 0 for a NaN (a degenerate triangle)."""
    if not (x >= 0.0):
        return 0.0
    return wp.min(x, 1.0)


@wp.func
def slopes(t: Corners, u: float, v: float, kx: float, ky: float):
    """(du/dX, du/dY, dv/dX, dv/dY), where kx, ky turn numerators into derivatives per pixel."""
    sx = t.n0[0] + t.n1[0] + t.n2[0]
    sy = t.n0[1] + t.n1[1] + t.n2[1]
    return wp.vec4(kx * (t.n0[0] - u * sx), ky * (t.n0[1] - u * sy), kx * (t.n1[0] - v * sx), ky * (t.n1[1] - v * sy))


@wp.func
def fragment(t: Corners, face: int, clip: wp.array(dtype=wp.vec4)):
    """(u, v, z/w, triangle + 1) of the pixel that `t` is seen from."""
    scale = 1.0 / (t.n0[2] + t.n1[2] + t.n2[2])
    u = within_one(t.n0[2] * scale)
    v = within_one(t.n1[2] * scale)
    shrink = 1.0 / wp.max(u + v, 1.0)
    z = clip[t.i0][2] * t.n0[2] + clip[t.i1][2] * t.n1[2] + clip[t.i2][2] * t.n2[2]
    w = t.q0[2] * t.n0[2] + t.q1[2] * t.n1[2] + t.q2[2] * t.n2[2]
    return wp.vec4(u * shrink, v * shrink, wp.clamp(z / w, -1.0, 1.0), float(face + 1))


@wp.func
def pixel_slopes(t: Corners, r: wp.vec4, width: int, height: int):
    """(du/dX, du/dY, dv/dX, dv/dY) per pixel at fragment `r`."""
    scale = 2.0 / (t.n0[2] + t.n1[2] + t.n2[2])
    return slopes(t, r[0], r[1], scale / float(width), scale / float(height))


@wp.func
def pair_slopes(d: wp.vec4, along_u: wp.vec2, along_v: wp.vec2):
    """Screen derivatives of two channels (dX, dY of the first, then of the second) with these slopes along u and v."""
    return wp.vec4(
        d[0] * along_u[0] + d[2] * along_v[0],
        d[1] * along_u[0] + d[3] * along_v[0],
        d[0] * along_u[1] + d[2] * along_v[1],
        d[1] * along_u[1] + d[3] * along_v[1],
    )


@wp.func
def pair_slopes_gradient(h: wp.vec4, along_u: wp.vec2, along_v: wp.vec2):
    """The adjoint of `pair_slopes` to `d`."""
    return wp.vec4(
        h[0] * along_u[0] + h[2] * along_u[1],
        h[1] * along_u[0] + h[3] * along_u[1],
        h[0] * along_v[0] + h[2] * along_v[1],
        h[1] * along_v[0] + h[3] * along_v[1],
    )


@wp.kernel
def shade_fragments(
    start: int,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    keys: wp.array(dtype=wp.int64),
    vertex_count: int,
    height: int,
    width: int,
    rast: wp.array(dtype=wp.vec4),
    derivatives: wp.array(dtype=wp.vec4),
):
    """Turn each pixel's key into (u, v, z/w, triangle + 1) and, if asked for, the derivatives of u and v."""
    row, column, pixel = place(wp.tid(), start, width)
    key = keys[pixel]
    if key == EMPTY:
        rast[pixel] = wp.vec4(0.0, 0.0, 0.0, 0.0)
        if derivatives:
            derivatives[pixel] = wp.vec4(0.0, 0.0, 0.0, 0.0)
        return
    face = int(FACE_MASK - (key & FACE_MASK))
    image = row / height
    base = image * vertex_count
    t = corners_of(face, base, centre(column, width), centre(row - image * height, height), clip, faces)
    r = fragment(t, face, clip)
    rast[pixel] = r
    if derivatives:
        derivatives[pixel] = pixel_slopes(t, r, width, height)


@wp.func
def unmoved(g: wp.vec3, x: float, y: float):
    """The gradient of a moved position, as that of its clip position's x, y, w; z carries none."""
    return wp.vec3(g[0], g[1], g[2] - x * g[0] - y * g[1])


@wp.func
def add_gradients(
    t: Corners, key: int, g_u: float, g_v: float, d: wp.vec4, x: float, y: float, scale: float,
    g_clip: wp.array(dtype=wp.vec4),
):  # fmt: skip
    """Hand the gradients of u, v and of their slopes' numerators `d` to the triangle's three vertices."""
    # The unclamped barycentrics: the clamp of the forward pass carries no gradient of its own.
    u = t.n0[2] * scale
    v = t.n1[2] * scale
    numerators = slopes(t, u, v, 1.0, 1.0)
    g_u = g_u - d[0] * (t.n0[0] + t.n1[0] + t.n2[0]) - d[1] * (t.n0[1] + t.n1[1] + t.n2[1])
    g_v = g_v - d[2] * (t.n0[0] + t.n1[0] + t.n2[0]) - d[3] * (t.n0[1] + t.n1[1] + t.n2[1])
    g_area = -scale * (wp.dot(d, numerators) + g_u * u + g_v * v)
    g_sum_x = -(d[0] * u + d[2] * v)
    g_sum_y = -(d[1] * u + d[3] * v)
    g_n0 = wp.vec3(d[0] + g_sum_x, d[1] + g_sum_y, g_u * scale + g_area)
    g_n1 = wp.vec3(d[2] + g_sum_x, d[3] + g_sum_y, g_v * scale + g_area)
    g_n2 = wp.vec3(g_sum_x, g_sum_y, g_area)
    a = unmoved(wp.cross(g_n1, t.q2) + wp.cross(t.q1, g_n2), x, y)
    b = unmoved(wp.cross(g_n2, t.q0) + wp.cross(t.q2, g_n0), x, y)
    c = unmoved(wp.cross(g_n0, t.q1) + wp.cross(t.q0, g_n1), x, y)
    add_corners(g_clip, key, t.i0, t.i1, t.i2, a, b, c)


@wp.func
def add_fragment_gradient(
    t: Corners, face: int, image: int, g_u: float, g_v: float, d: wp.vec4, x: float, y: float, width: int, height: int,
    g_clip: wp.array(dtype=wp.vec4),
):  # fmt: skip
    """Hand the gradients of u, v and of their slopes `d` to the triangle's vertices."""
    area = t.n0[2] + t.n1[2] + t.n2[2]
    if wp.abs(area) > TINY_AREA:
        kx = 2.0 / (area * float(width))
        ky = 2.0 / (area * float(height))
        d = wp.vec4(d[0] * kx, d[1] * ky, d[2] * kx, d[3] * ky)
        key = face | ((image & 127) << 24)  # triangle numbers are exact in float32, so below 2^24
        add_gradients(t, key, g_u, g_v, d, x, y, 1.0 / area, g_clip)


@wp.kernel
def shade_fragments_backward(
    start: int,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    g_rast: wp.array(dtype=wp.vec4),
    g_derivatives: wp.array(dtype=wp.vec4),
    vertex_count: int,
    height: int,
    width: int,
    g_clip: wp.array(dtype=wp.vec4),
):
    """Add each pixel's gradient to the clip positions of its triangle."""
    row, column, pixel = place(wp.tid(), start, width)
    face = int(rast[pixel][3]) - 1
    if face < 0:
        return
    g = wp.vec4(0.0, 0.0, 0.0, 0.0)
    d = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if g_rast:
        g = g_rast[pixel]
    if g_derivatives:
        d = g_derivatives[pixel]
    if g[0] == 0.0 and g[1] == 0.0 and wp.dot(d, d) == 0.0:
        return
    image = row / height
    x = centre(column, width)
    y = centre(row - image * height, height)
    t = corners_of(face, image * vertex_count, x, y, clip, faces)
    add_fragment_gradient(t, face, image, g[0], g[1], d, x, y, width, height, g_clip)
