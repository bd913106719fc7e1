"""Warp kernels of the verb `sample`: 2 x 2 box mip-maps, trilinear look-up, and the adjoints of both.

A pyramid is one flat array [B, T, C]: level 0 first, then each smaller level. `offsets` holds where levels begin.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

MOST_LEVELS = 10  # level 0 and nine smaller ones
Offsets = wp.types.vector(length=MOST_LEVELS, dtype=int)

HALF_PER_LN2 = wp.constant(0.7213475204444817)  # 0.5 / ln 2: from a squared length to a power of two


@wp.struct
class Tap:
    """The four texels around a point, and the point's place between them."""

    i00: int
    i10: int
    i01: int
    i11: int
    x: float
    y: float


@wp.func
def around(coordinate: float, size: int, wraps: int):
    """(lower texel, upper texel, place between) on one axis; beyond a clamped border both texels are the same one."""
    if wraps != 0:
        t = coordinate - wp.floor(coordinate)
    else:
        t = coordinate
    if not (t >= 0.0):
        t = wp.float32(0.0)
    t = wp.min(t, 1.0) * float(size) - 0.5
    if wraps != 0:
        lower = int(wp.floor(t))
        place = t - float(lower)
        upper = lower + 1
        if lower < 0:
            lower = lower + size
        if upper >= size:
            upper = upper - size
        return lower, upper, place
    if t <= 0.0:
        return 0, 0, 0.0
    if t >= float(size - 1):
        return size - 1, size - 1, 0.0
    lower = int(wp.floor(t))
    return lower, lower + 1, t - float(lower)


@wp.func
def tap(u: float, v: float, width: int, height: int, wraps: int):
    """The four texels of one level around (u, v)."""
    x0, x1, x = around(u, width, wraps)
    y0, y1, y = around(v, height, wraps)
    out = Tap()
    out.i00 = y0 * width + x0
    out.i10 = y0 * width + x1
    out.i01 = y1 * width + x0
    out.i11 = y1 * width + x1
    out.x = x
    out.y = y
    return out


@wp.func
def major_axis(d: wp.vec4, width: int, height: int):
    """Squared major axis, in texels, of a footprint given by (du/dX, du/dY, dv/dX, dv/dY)."""
    ux = d[0] * float(width)
    uy = d[1] * float(width)
    vx = d[2] * float(height)
    vy = d[3] * float(height)
    xx = ux * ux + vx * vx
    yy = uy * uy + vy * vy
    xy = ux * uy + vx * vy
    return 0.5 * (xx + yy) + wp.sqrt(0.25 * (xx - yy) * (xx - yy) + xy * xy)


@wp.func
def level_of_detail(d: wp.vec4, width: int, height: int, last_level: int):
    """Level of detail, clamped to [0, last_level]."""
    major = major_axis(d, width, height)
    if not (major > 1.0):
        return 0.0
    return wp.min(HALF_PER_LN2 * wp.log(major), float(last_level))


@wp.func
def level_gradient(d: wp.vec4, width: int, height: int):
    """Gradient of the unclamped level of detail with respect to the four derivatives of uv."""
    fw = float(width)
    fh = float(height)
    ux = d[0] * fw
    uy = d[1] * fw
    vx = d[2] * fh
    vy = d[3] * fh
    xx = ux * ux + vx * vx
    yy = uy * uy + vy * vy
    xy = ux * uy + vx * vy
    root = wp.sqrt(0.25 * (xx - yy) * (xx - yy) + xy * xy)
    g_xx = wp.float32(0.5)
    g_yy = wp.float32(0.5)
    g_xy = wp.float32(0.0)
    if root > 0.0:
        slope = 0.25 * (xx - yy) / root
        g_xx += slope
        g_yy -= slope
        g_xy = xy / root
    scale = HALF_PER_LN2 / (0.5 * (xx + yy) + root)
    return scale * wp.vec4(
        fw * (2.0 * g_xx * ux + g_xy * uy),
        fw * (2.0 * g_yy * uy + g_xy * ux),
        fh * (2.0 * g_xx * vx + g_xy * vy),
        fh * (2.0 * g_yy * vy + g_xy * vx),
    )


@wp.func
def blend(pyramid: wp.array(dtype=float), base: int, channels: int, c: int, t: Tap):
    """Bilinear value of one channel."""
    a = base + c
    low = pyramid[a + t.i00 * channels] * (1.0 - t.x) + pyramid[a + t.i10 * channels] * t.x
    high = pyramid[a + t.i01 * channels] * (1.0 - t.x) + pyramid[a + t.i11 * channels] * t.x
    return low * (1.0 - t.y) + high * t.y


@wp.func
def slope(pyramid: wp.array(dtype=float), base: int, channels: int, c: int, t: Tap):
    """Gradient of one channel's bilinear value with respect to the place (x, y) between the texels."""
    a = base + c
    v00 = pyramid[a + t.i00 * channels]
    v10 = pyramid[a + t.i10 * channels]
    v01 = pyramid[a + t.i01 * channels]
    v11 = pyramid[a + t.i11 * channels]
    return wp.vec2((v10 - v00) * (1.0 - t.y) + (v11 - v01) * t.y, (v01 - v00) * (1.0 - t.x) + (v11 - v10) * t.x)


@wp.func
def scatter(gradient: wp.array(dtype=float), base: int, channels: int, c: int, t: Tap, g: float):
    """Adjoint of `blend` with respect to the pyramid."""
    a = base + c
    wp.atomic_add(gradient, a + t.i00 * channels, g * (1.0 - t.x) * (1.0 - t.y))
    wp.atomic_add(gradient, a + t.i10 * channels, g * t.x * (1.0 - t.y))
    wp.atomic_add(gradient, a + t.i01 * channels, g * (1.0 - t.x) * t.y)
    wp.atomic_add(gradient, a + t.i11 * channels, g * t.x * t.y)


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


@wp.kernel
def sample(
    start: int,
    pyramid: wp.array(dtype=float),
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
    values: wp.array(dtype=float),
):
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    if rast:
        if rast[pixel][3] <= 0.0:
            for c in range(channels):
                values[pixel * channels + c] = 0.0
            return
    level = wp.float32(0.0)
    if uv_derivatives:
        level = level_of_detail(uv_derivatives[pixel], texture_width, texture_height, last_level)
    lower = int(level)
    part = level - float(lower)
    at = uv[pixel]
    base = (row / height) * stride
    fine = tap(at[0], at[1], wp.max(texture_width >> lower, 1), wp.max(texture_height >> lower, 1), wraps)
    fine_base = base + offsets[lower] * channels
    if part == 0.0:
        for c in range(channels):
            values[pixel * channels + c] = blend(pyramid, fine_base, channels, c, fine)
        return
    upper = lower + 1
    coarse = tap(at[0], at[1], wp.max(texture_width >> upper, 1), wp.max(texture_height >> upper, 1), wraps)
    coarse_base = base + offsets[upper] * channels
    for c in range(channels):
        near = blend(pyramid, fine_base, channels, c, fine)
        far = blend(pyramid, coarse_base, channels, c, coarse)
        values[pixel * channels + c] = near + part * (far - near)


@wp.kernel
def sample_backward(
    start: int,
    pyramid: wp.array(dtype=float),
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
    g_values: wp.array(dtype=float),
    g_pyramid: wp.array(dtype=float),
    g_uv: wp.array(dtype=wp.vec2),
    g_uv_derivatives: wp.array(dtype=wp.vec4),
):
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    if g_uv:
        g_uv[pixel] = wp.vec2(0.0, 0.0)
    if g_uv_derivatives:
        g_uv_derivatives[pixel] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if rast:
        if rast[pixel][3] <= 0.0:
            return
    level = wp.float32(0.0)
    if uv_derivatives:
        level = level_of_detail(uv_derivatives[pixel], texture_width, texture_height, last_level)
    lower = int(level)
    upper = wp.min(lower + 1, last_level)
    part = level - float(lower)
    at = uv[pixel]
    base = (row / height) * stride
    fine_width = wp.max(texture_width >> lower, 1)
    fine_height = wp.max(texture_height >> lower, 1)
    fine = tap(at[0], at[1], fine_width, fine_height, wraps)
    fine_base = base + offsets[lower] * channels
    coarse_width = wp.max(texture_width >> upper, 1)
    coarse_height = wp.max(texture_height >> upper, 1)
    coarse = tap(at[0], at[1], coarse_width, coarse_height, wraps)
    coarse_base = base + offsets[upper] * channels
    g_at = wp.vec2(0.0, 0.0)
    g_level = wp.float32(0.0)
    for c in range(channels):
        g = g_values[pixel * channels + c]
        if g != 0.0:
            if g_pyramid:
                scatter(g_pyramid, fine_base, channels, c, fine, g * (1.0 - part))
                if part > 0.0:
                    scatter(g_pyramid, coarse_base, channels, c, coarse, g * part)
            if g_uv:
                near = slope(pyramid, fine_base, channels, c, fine)
                far = slope(pyramid, coarse_base, channels, c, coarse)
                g_at += wp.vec2(
                    g * ((1.0 - part) * near[0] * float(fine_width) + part * far[0] * float(coarse_width)),
                    g * ((1.0 - part) * near[1] * float(fine_height) + part * far[1] * float(coarse_height)),
                )
            if g_uv_derivatives:
                g_level += g * (
                    blend(pyramid, coarse_base, channels, c, coarse) - blend(pyramid, fine_base, channels, c, fine)
                )
    if g_uv:
        g_uv[pixel] = g_at
    if g_uv_derivatives:
        if level > 0.0 and level < float(last_level):
            g_uv_derivatives[pixel] = g_level * level_gradient(uv_derivatives[pixel], texture_width, texture_height)
