"""Warp kernels of the verb `interpolate`: vertex attributes over triangles, their screen derivatives, the adjoint.

Texture coordinates, two channels with derivatives, are what is interpolated most: `interpolate_pairs` and its adjoint
do them with whole vectors.
"""

import warp as wp

from clipface.render.rasterize.warp.native import place

wp.set_module_options({"enable_backward": False})


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
    """Interpolate; `image_stride` is the length of one image's attributes, 0 where all images share them."""
    row, column = place(wp.tid(), start, width)
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
def interpolate_backward_attributes(
    start: int,
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
):
    """Add each pixel's gradient to the attributes of its triangle; gradients that nobody has are empty arrays."""
    row, column = place(wp.tid(), start, width)
    pixel = row * width + column
    r = rast[pixel]
    face = int(r[3]) - 1
    if face < 0:
        return
    base = (row / height) * image_stride
    for c in range(channels):
        g = wp.vec3(0.0, 0.0, 0.0)
        if g_values:
            g = g_values[pixel * channels + c] * wp.vec3(r[0], r[1], 1.0 - r[0] - r[1])
        if g_value_derivatives:
            gx = g_value_derivatives[2 * (pixel * channels + c)]
            gy = g_value_derivatives[2 * (pixel * channels + c) + 1]
            d = derivatives[pixel]
            du = gx * d[0] + gy * d[1]
            dv = gx * d[2] + gy * d[3]
            g += wp.vec3(du, dv, -du - dv)
        for k in range(3):
            wp.atomic_add(g_attributes, base + faces[3 * face + k] * channels + c, g[k])


@wp.kernel
def interpolate_backward_fragments(
    start: int,
    attributes: wp.array(dtype=float),
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    g_values: wp.array(dtype=float),
    g_value_derivatives: wp.array(dtype=float),
    image_stride: int,
    channels: int,
    height: int,
    width: int,
    g_rast: wp.array(dtype=wp.vec4),
    g_derivatives: wp.array(dtype=wp.vec4),
):
    """The gradient of (u, v) and of their derivatives; what nobody has or wants is an empty array."""
    row, column = place(wp.tid(), start, width)
    pixel = row * width + column
    face = int(rast[pixel][3]) - 1
    g_uv = wp.vec2(0.0, 0.0)
    g_d = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if face >= 0:
        base = (row / height) * image_stride
        i0 = base + faces[3 * face] * channels
        i1 = base + faces[3 * face + 1] * channels
        i2 = base + faces[3 * face + 2] * channels
        for c in range(channels):
            a02 = attributes[i0 + c] - attributes[i2 + c]
            a12 = attributes[i1 + c] - attributes[i2 + c]
            if g_values:
                g_uv += g_values[pixel * channels + c] * wp.vec2(a02, a12)
            if g_value_derivatives:
                gx = g_value_derivatives[2 * (pixel * channels + c)]
                gy = g_value_derivatives[2 * (pixel * channels + c) + 1]
                g_d += wp.vec4(gx * a02, gy * a02, gx * a12, gy * a12)
    if g_rast:
        g_rast[pixel] = wp.vec4(g_uv[0], g_uv[1], 0.0, 0.0)
    if g_derivatives:
        g_derivatives[pixel] = g_d


@wp.kernel
def interpolate_pairs(
    start: int,
    attributes: wp.array(dtype=wp.vec2),
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    derivatives: wp.array(dtype=wp.vec4),
    image_stride: int,
    height: int,
    width: int,
    values: wp.array(dtype=wp.vec2),
    value_derivatives: wp.array(dtype=wp.vec4),
):
    """`interpolate` for two channels with derivatives; `image_stride` counts vertices."""
    row, column = place(wp.tid(), start, width)
    pixel = row * width + column
    r = rast[pixel]
    face = int(r[3]) - 1
    value = wp.vec2(0.0, 0.0)
    slopes = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if face >= 0:
        base = (row / height) * image_stride
        last = attributes[base + faces[3 * face + 2]]
        along_u = attributes[base + faces[3 * face]] - last
        along_v = attributes[base + faces[3 * face + 1]] - last
        value = last + r[0] * along_u + r[1] * along_v
        slopes = pair_slopes(derivatives[pixel], along_u, along_v)
    values[pixel] = value
    value_derivatives[pixel] = slopes


@wp.kernel
def interpolate_pairs_backward(
    start: int,
    attributes: wp.array(dtype=wp.vec2),
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    g_values: wp.array(dtype=wp.vec2),
    g_value_derivatives: wp.array(dtype=wp.vec4),
    image_stride: int,
    height: int,
    width: int,
    g_rast: wp.array(dtype=wp.vec4),
    g_derivatives: wp.array(dtype=wp.vec4),
):
    """`interpolate_backward_fragments` for two channels; what nobody has or wants is an empty array."""
    row, column = place(wp.tid(), start, width)
    pixel = row * width + column
    face = int(rast[pixel][3]) - 1
    g_uv = wp.vec2(0.0, 0.0)
    g_d = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if face >= 0:
        base = (row / height) * image_stride
        last = attributes[base + faces[3 * face + 2]]
        along_u = attributes[base + faces[3 * face]] - last
        along_v = attributes[base + faces[3 * face + 1]] - last
        if g_values:
            g = g_values[pixel]
            g_uv = wp.vec2(wp.dot(g, along_u), wp.dot(g, along_v))
        if g_value_derivatives:
            g_d = pair_slopes_gradient(g_value_derivatives[pixel], along_u, along_v)
    if g_rast:
        g_rast[pixel] = wp.vec4(g_uv[0], g_uv[1], 0.0, 0.0)
    if g_derivatives:
        g_derivatives[pixel] = g_d
