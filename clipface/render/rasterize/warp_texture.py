"""Warp kernels of the verb `sample`: bilinear and trilinear look-up in a pyramid, and its adjoint."""

import warp as wp

from clipface.render.rasterize.warp_texels import Tap, blend, scatter, slope, tap

wp.set_module_options({"enable_backward": False})

MOST_LEVELS = 10  # level 0 and nine smaller ones
Offsets = wp.types.vector(length=MOST_LEVELS, dtype=int)

HALF_PER_LN2 = wp.constant(0.7213475204444817)  # 0.5 / ln 2: from a squared length to a power of two


@wp.struct
class Footprint:
    """A pixel's footprint in texels: its squared lengths and their mix, half their difference's root, and the level."""

    xx: float
    yy: float
    xy: float
    root: float
    major: float  # squared major axis
    level: float  # level of detail, clamped


@wp.func
def footprint(d: wp.vec4, width: int, height: int, last_level: int):
    """The footprint given by (du/dX, du/dY, dv/dX, dv/dY)."""
    ux = d[0] * float(width)
    uy = d[1] * float(width)
    vx = d[2] * float(height)
    vy = d[3] * float(height)
    out = Footprint()
    out.xx = ux * ux + vx * vx
    out.yy = uy * uy + vy * vy
    out.xy = ux * uy + vx * vy
    out.root = wp.sqrt(0.25 * (out.xx - out.yy) * (out.xx - out.yy) + out.xy * out.xy)
    out.major = 0.5 * (out.xx + out.yy) + out.root
    if out.major > 1.0:
        out.level = wp.min(HALF_PER_LN2 * wp.log(out.major), float(last_level))
    return out


@wp.func
def level_gradient(d: wp.vec4, f: Footprint, width: int, height: int):
    """Gradient of the level of detail, where it is not clamped, with respect to the four derivatives of uv."""
    lean = wp.float32(0.0)
    mix = wp.float32(0.0)
    if f.root > 0.0:
        lean = 0.5 * (f.xx - f.yy) / f.root
        mix = f.xy / f.root
    ww = HALF_PER_LN2 / f.major * float(width) * float(width)
    hh = HALF_PER_LN2 / f.major * float(height) * float(height)
    return wp.vec4(
        ww * ((1.0 + lean) * d[0] + mix * d[1]),
        ww * ((1.0 - lean) * d[1] + mix * d[0]),
        hh * ((1.0 + lean) * d[2] + mix * d[3]),
        hh * ((1.0 - lean) * d[3] + mix * d[2]),
    )


@wp.struct
class Look:
    """Where one pixel looks: two neighbouring levels and how far between them."""

    footprint: Footprint
    part: float
    fine: Tap
    coarse: Tap
    fine_base: int
    coarse_base: int


@wp.func
def look(
    at: wp.vec2, f: Footprint, offsets: Offsets, last_level: int, width: int, height: int, base: int, channels: int,
    wraps: int,
):  # fmt: skip
    """Find the texels that a pixel mixes; `base` is where its pyramid begins."""
    lower = int(f.level)
    upper = wp.min(lower + 1, last_level)
    out = Look()
    out.footprint = f
    out.part = f.level - float(lower)
    out.fine = tap(at[0], at[1], wp.max(width >> lower, 1), wp.max(height >> lower, 1), wraps)
    out.coarse = tap(at[0], at[1], wp.max(width >> upper, 1), wp.max(height >> upper, 1), wraps)
    out.fine_base = base + offsets[lower] * channels
    out.coarse_base = base + offsets[upper] * channels
    return out


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
    """Look up every pixel's colour; `stride` is a pyramid's length, 0 for one that all images share."""
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    if rast:
        if rast[pixel][3] <= 0.0:
            for c in range(channels):
                values[pixel * channels + c] = 0.0
            return
    f = Footprint()
    if uv_derivatives:
        f = footprint(uv_derivatives[pixel], texture_width, texture_height, last_level)
    base = (row / height) * stride
    s = look(uv[pixel], f, offsets, last_level, texture_width, texture_height, base, channels, wraps)
    for c in range(channels):
        value = blend(pyramid, s.fine_base, channels, c, s.fine)
        if s.part > 0.0:
            value += s.part * (blend(pyramid, s.coarse_base, channels, c, s.coarse) - value)
        values[pixel * channels + c] = value


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
    """The adjoint of `sample`; gradients that nobody wants are empty arrays."""
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    g_at = wp.vec2(0.0, 0.0)
    g_level = wp.float32(0.0)
    covered = wp.bool(True)
    if rast:
        covered = rast[pixel][3] > 0.0
    f = Footprint()
    if covered:
        if uv_derivatives:
            f = footprint(uv_derivatives[pixel], texture_width, texture_height, last_level)
        base = (row / height) * stride
        s = look(uv[pixel], f, offsets, last_level, texture_width, texture_height, base, channels, wraps)
        for c in range(channels):
            g = g_values[pixel * channels + c]
            if g_pyramid:
                scatter(g_pyramid, s.fine_base, channels, c, s.fine, g * (1.0 - s.part))
                if s.part > 0.0:
                    scatter(g_pyramid, s.coarse_base, channels, c, s.coarse, g * s.part)
            if g_uv:
                g_at += g * (1.0 - s.part) * slope(pyramid, s.fine_base, channels, c, s.fine)
                g_at += g * s.part * slope(pyramid, s.coarse_base, channels, c, s.coarse)
            if g_uv_derivatives:
                far = blend(pyramid, s.coarse_base, channels, c, s.coarse)
                g_level += g * (far - blend(pyramid, s.fine_base, channels, c, s.fine))
    if g_uv:
        g_uv[pixel] = g_at
    if g_uv_derivatives:
        g_slopes = wp.vec4(0.0, 0.0, 0.0, 0.0)
        if f.level > 0.0 and f.level < float(last_level):
            g_slopes = g_level * level_gradient(uv_derivatives[pixel], f, texture_width, texture_height)
        g_uv_derivatives[pixel] = g_slopes
