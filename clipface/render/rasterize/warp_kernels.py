"""Warp kernels of the verbs `rasterize` and `interpolate`: which triangle a pixel sees, where on it, and the adjoints.

Coverage works on vertices snapped to 1/16 pixel, in integers, so that two triangles sharing an edge never both own a
pixel nor leave a gap. Everything smooth (barycentrics, their screen derivatives) uses the unsnapped clip positions.
Every kernel takes `start`, the first row or element it works on, so that the CPU can share one launch among threads.
"""

import warp as wp

from clipface.render.rasterize.warp_coverage import EMPTY, FACE_MASK

wp.set_module_options({"enable_backward": False})

# Smallest area, in squared clip units, that a barycentric's adjoint divides by.
TINY_AREA = wp.constant(1.0e-12)


@wp.func
def shifted(p: wp.vec4, x: float, y: float):
    """(x, y, w) of a clip position, with the pixel's centre moved to the origin: keeps differences accurate."""
    return wp.vec3(p[0] - x * p[3], p[1] - y * p[3], p[3])


@wp.func
def finite_part(x: float):
    """x within [0, 1], and 0 for a NaN (a degenerate triangle)."""
    if not (x >= 0.0):
        return 0.0
    return wp.min(x, 1.0)


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
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    key = keys[pixel]
    if key == EMPTY:
        rast[pixel] = wp.vec4(0.0, 0.0, 0.0, 0.0)
        if derivatives:
            derivatives[pixel] = wp.vec4(0.0, 0.0, 0.0, 0.0)
        return
    face = int(FACE_MASK - (key & FACE_MASK))
    image = row / height
    x = float(2 * column + 1) / float(width) - 1.0
    y = float(2 * (row - image * height) + 1) / float(height) - 1.0
    p0 = clip[image * vertex_count + faces[3 * face]]
    p1 = clip[image * vertex_count + faces[3 * face + 1]]
    p2 = clip[image * vertex_count + faces[3 * face + 2]]
    n0 = wp.cross(shifted(p1, x, y), shifted(p2, x, y))
    n1 = wp.cross(shifted(p2, x, y), shifted(p0, x, y))
    n2 = wp.cross(shifted(p0, x, y), shifted(p1, x, y))
    scale = 1.0 / (n0[2] + n1[2] + n2[2])
    u = finite_part(n0[2] * scale)
    v = finite_part(n1[2] * scale)
    shrink = 1.0 / wp.max(u + v, 1.0)
    u = u * shrink
    v = v * shrink
    z = p0[2] * n0[2] + p1[2] * n1[2] + p2[2] * n2[2]
    w = p0[3] * n0[2] + p1[3] * n1[2] + p2[3] * n2[2]
    rast[pixel] = wp.vec4(u, v, wp.clamp(z / w, -1.0, 1.0), float(face + 1))
    if derivatives:
        sx = n0[0] + n1[0] + n2[0]
        sy = n0[1] + n1[1] + n2[1]
        kx = 2.0 * scale / float(width)
        ky = 2.0 * scale / float(height)
        derivatives[pixel] = wp.vec4(
            kx * (n0[0] - u * sx), ky * (n0[1] - u * sy), kx * (n1[0] - v * sx), ky * (n1[1] - v * sy)
        )


@wp.func
def add_vertex_gradient(index: int, g: wp.vec3, x: float, y: float, gradient: wp.array(dtype=float)):
    """Add the gradient of a shifted position to a clip position; z/w carries none."""
    wp.atomic_add(gradient, 4 * index, g[0])
    wp.atomic_add(gradient, 4 * index + 1, g[1])
    wp.atomic_add(gradient, 4 * index + 3, g[2] - x * g[0] - y * g[1])


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
    g_clip: wp.array(dtype=float),
):
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    face = int(rast[pixel][3]) - 1
    if face < 0:
        return
    g_u = wp.float32(0.0)
    g_v = wp.float32(0.0)
    if g_rast:
        g = g_rast[pixel]
        g_u = g[0]
        g_v = g[1]
    d = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if g_derivatives:
        d = g_derivatives[pixel]
    if g_u == 0.0 and g_v == 0.0 and d[0] == 0.0 and d[1] == 0.0 and d[2] == 0.0 and d[3] == 0.0:
        return
    image = row / height
    x = float(2 * column + 1) / float(width) - 1.0
    y = float(2 * (row - image * height) + 1) / float(height) - 1.0
    i0 = image * vertex_count + faces[3 * face]
    i1 = image * vertex_count + faces[3 * face + 1]
    i2 = image * vertex_count + faces[3 * face + 2]
    q0 = shifted(clip[i0], x, y)
    q1 = shifted(clip[i1], x, y)
    q2 = shifted(clip[i2], x, y)
    n0 = wp.cross(q1, q2)
    n1 = wp.cross(q2, q0)
    n2 = wp.cross(q0, q1)
    area = n0[2] + n1[2] + n2[2]
    if not (wp.abs(area) > TINY_AREA):
        return
    scale = 1.0 / area
    # The unclamped barycentrics: the clamp of the forward pass carries no gradient of its own.
    u = n0[2] * scale
    v = n1[2] * scale
    kx = 2.0 * scale / float(width)
    ky = 2.0 * scale / float(height)
    d = wp.vec4(d[0] * kx, d[1] * ky, d[2] * kx, d[3] * ky)
    sx = n0[0] + n1[0] + n2[0]
    sy = n0[1] + n1[1] + n2[1]
    g_area = -scale * (
        d[0] * (n0[0] - u * sx) + d[1] * (n0[1] - u * sy) + d[2] * (n1[0] - v * sx) + d[3] * (n1[1] - v * sy)
    )
    g_u = g_u - d[0] * sx - d[1] * sy
    g_v = g_v - d[2] * sx - d[3] * sy
    g_sx = -(d[0] * u + d[2] * v)
    g_sy = -(d[1] * u + d[3] * v)
    g_area = g_area - (g_u * u + g_v * v) * scale
    g_n0 = wp.vec3(d[0] + g_sx, d[1] + g_sy, g_u * scale + g_area)
    g_n1 = wp.vec3(d[2] + g_sx, d[3] + g_sy, g_v * scale + g_area)
    g_n2 = wp.vec3(g_sx, g_sy, g_area)
    add_vertex_gradient(i0, wp.cross(g_n1, q2) + wp.cross(q1, g_n2), x, y, g_clip)
    add_vertex_gradient(i1, wp.cross(g_n2, q0) + wp.cross(q2, g_n0), x, y, g_clip)
    add_vertex_gradient(i2, wp.cross(g_n0, q1) + wp.cross(q0, g_n1), x, y, g_clip)


@wp.kernel
def interpolate(
    start: int,
    attributes: wp.array(dtype=float),
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    derivatives: wp.array(dtype=wp.vec4),
    image_stride: int,
    channels: int,
    height: int,
    width: int,
    values: wp.array(dtype=float),
    value_derivatives: wp.array(dtype=float),
):
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    r = rast[pixel]
    face = int(r[3]) - 1
    out = pixel * channels
    if face < 0:
        for c in range(channels):
            values[out + c] = 0.0
            if value_derivatives:
                value_derivatives[2 * (out + c)] = 0.0
                value_derivatives[2 * (out + c) + 1] = 0.0
        return
    base = (row / height) * image_stride
    i0 = base + faces[3 * face] * channels
    i1 = base + faces[3 * face + 1] * channels
    i2 = base + faces[3 * face + 2] * channels
    u = r[0]
    v = r[1]
    t = 1.0 - u - v
    d = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if value_derivatives:
        d = derivatives[pixel]
    for c in range(channels):
        a2 = attributes[i2 + c]
        a0 = attributes[i0 + c]
        a1 = attributes[i1 + c]
        values[out + c] = u * a0 + v * a1 + t * a2
        if value_derivatives:
            value_derivatives[2 * (out + c)] = d[0] * (a0 - a2) + d[2] * (a1 - a2)
            value_derivatives[2 * (out + c) + 1] = d[1] * (a0 - a2) + d[3] * (a1 - a2)


@wp.kernel
def interpolate_backward(
    start: int,
    attributes: wp.array(dtype=float),
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    derivatives: wp.array(dtype=wp.vec4),
    g_values: wp.array(dtype=float),
    g_value_derivatives: wp.array(dtype=float),
    image_stride: int,
    channels: int,
    height: int,
    width: int,
    g_attributes: wp.array(dtype=float),
    g_rast: wp.array(dtype=wp.vec4),
    g_derivatives: wp.array(dtype=wp.vec4),
):
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    r = rast[pixel]
    face = int(r[3]) - 1
    g_u = wp.float32(0.0)
    g_v = wp.float32(0.0)
    g_d = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if face >= 0:
        base = (row / height) * image_stride
        i0 = base + faces[3 * face] * channels
        i1 = base + faces[3 * face + 1] * channels
        i2 = base + faces[3 * face + 2] * channels
        u = r[0]
        v = r[1]
        t = 1.0 - u - v
        d = wp.vec4(0.0, 0.0, 0.0, 0.0)
        if g_value_derivatives:
            d = derivatives[pixel]
        for c in range(channels):
            a2 = attributes[i2 + c]
            a02 = attributes[i0 + c] - a2
            a12 = attributes[i1 + c] - a2
            g = wp.float32(0.0)
            if g_values:
                g = g_values[pixel * channels + c]
            g_u += g * a02
            g_v += g * a12
            g0 = g * u
            g1 = g * v
            g2 = g * t
            if g_value_derivatives:
                gx = g_value_derivatives[2 * (pixel * channels + c)]
                gy = g_value_derivatives[2 * (pixel * channels + c) + 1]
                g_d += wp.vec4(gx * a02, gy * a02, gx * a12, gy * a12)
                along0 = gx * d[0] + gy * d[1]
                along1 = gx * d[2] + gy * d[3]
                g0 += along0
                g1 += along1
                g2 -= along0 + along1
            if g_attributes:
                wp.atomic_add(g_attributes, i0 + c, g0)
                wp.atomic_add(g_attributes, i1 + c, g1)
                wp.atomic_add(g_attributes, i2 + c, g2)
    if g_rast:
        g_rast[pixel] = wp.vec4(g_u, g_v, 0.0, 0.0)
    if g_derivatives:
        g_derivatives[pixel] = g_d
