"""Warp kernels of the verb `interpolate`: vertex attributes over triangles, their screen derivatives, the adjoint."""

import warp as wp

wp.set_module_options({"enable_backward": False})


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
