"""Warp functions that look up a pixel's colour: its footprint, the two levels it mixes, and what its gradient does."""

import warp as wp

from clipface.render.rasterize.warp.texture.texels import Tap, along, blend, fetched, mixed, scatter, slope, stored, tap

wp.set_module_options({"enable_backward": False})

MOST_LEVELS = wp.constant(10)  # level 0 and nine smaller ones
# A texture's layout: where its levels begin, and at the places named here its last level, size, channels, the texels of
# one image (0: all images share it), and whether it repeats.
LAST_LEVEL, WIDTH, HEIGHT, CHANNELS, STRIDE, WRAPS = (wp.constant(int(MOST_LEVELS) + i) for i in range(6))
Layout = wp.types.vector(length=16, dtype=int)

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
def footprint(d: wp.vec4, layout: Layout, area: float):
    """The footprint given by (du/dX, du/dY, dv/dX, dv/dY); its level is that of one `area` times as large."""
    ux = d[0] * float(layout[WIDTH])
    uy = d[1] * float(layout[WIDTH])
    vx = d[2] * float(layout[HEIGHT])
    vy = d[3] * float(layout[HEIGHT])
    out = Footprint()
    out.xx = ux * ux + vx * vx
    out.yy = uy * uy + vy * vy
    out.xy = ux * uy + vx * vy
    out.root = wp.sqrt(0.25 * (out.xx - out.yy) * (out.xx - out.yy) + out.xy * out.xy)
    out.major = 0.5 * (out.xx + out.yy) + out.root
    if area * out.major > 1.0:
        out.level = wp.min(HALF_PER_LN2 * wp.log(area * out.major), float(layout[LAST_LEVEL]))
    return out


@wp.func
def level_gradient(d: wp.vec4, f: Footprint, layout: Layout):
    """Gradient of the level of detail, where it is not clamped, with respect to the four derivatives of uv."""
    lean = wp.float32(0.0)
    mix = wp.float32(0.0)
    if f.root > 0.0:
        lean = 0.5 * (f.xx - f.yy) / f.root
        mix = f.xy / f.root
    ww = HALF_PER_LN2 / f.major * float(layout[WIDTH]) * float(layout[WIDTH])
    hh = HALF_PER_LN2 / f.major * float(layout[HEIGHT]) * float(layout[HEIGHT])
    return wp.vec4(
        ww * ((1.0 + lean) * d[0] + mix * d[1]),
        ww * ((1.0 - lean) * d[1] + mix * d[0]),
        hh * ((1.0 + lean) * d[2] + mix * d[3]),
        hh * ((1.0 - lean) * d[3] + mix * d[2]),
    )


@wp.struct
class Look:
    """Where one pixel looks: two neighbouring levels and how far between them."""

    part: float
    between: int  # 1 where the coarse level matters: to the colour, or to the level of detail's gradient
    fine: Tap
    coarse: Tap


@wp.func
def first_texel(layout: Layout, level: int):
    """Where a level begins. Chosen among constant places: a place computed would put the vector into slow memory."""
    out = wp.int32(0)
    for k in range(MOST_LEVELS):
        if k == level:
            out = layout[k]
    return out


@wp.func
def look(at: wp.vec2, f: Footprint, layout: Layout, base: int):
    """Find the texels that a pixel mixes; `base` is its pyramid's first texel."""
    lower = int(f.level)
    start = base + first_texel(layout, lower)
    across = wp.max(layout[WIDTH] >> lower, 1)
    down = wp.max(layout[HEIGHT] >> lower, 1)
    groups = (layout[CHANNELS] + 3) / 4
    out = Look()
    out.part = f.level - float(lower)
    out.fine = tap(at[0], at[1], across, down, layout[WRAPS], start, groups)
    if f.level > 0.0 and lower < layout[LAST_LEVEL]:
        out.between = 1
        start += across * down  # the next level follows
        out.coarse = tap(at[0], at[1], wp.max(across >> 1, 1), wp.max(down >> 1, 1), layout[WRAPS], start, groups)
    return out


@wp.func
def read(
    numbers: wp.array(dtype=float), vectors: wp.array(dtype=wp.vec4), pixel: int, size: int, group: int, count: int
):
    """A pixel's group of up to four numbers, the rest zero; `vectors` is the same memory where `size` is four."""
    if vectors:
        return vectors[pixel]
    return fetched(numbers, pixel * size + 4 * group, 1, count)


@wp.func
def write(
    numbers: wp.array(dtype=float), vectors: wp.array(dtype=wp.vec4), pixel: int, size: int, group: int, count: int,
    value: wp.vec4,
):  # fmt: skip
    """Write a pixel's group of up to four numbers."""
    if vectors:
        vectors[pixel] = value
    else:
        stored(numbers, pixel * size + 4 * group, 1, count, value)


@wp.func
def replaced(v: wp.vec4, k: int, x: float):
    """The vector with another entry k, without a computed place (see `first_texel`)."""
    return wp.vec4(
        wp.where(k == 0, x, v[0]), wp.where(k == 1, x, v[1]), wp.where(k == 2, x, v[2]), wp.where(k == 3, x, v[3])
    )


@wp.func
def write_colour(
    s: Look, pyramid: wp.array(dtype=wp.vec4), channels: int, pixel: int, size: int,
    values: wp.array(dtype=float), value_vectors: wp.array(dtype=wp.vec4),
):  # fmt: skip
    """Write a seen pixel's colour, and 1 for its coverage where a pixel has one number more than channels."""
    groups = (channels + 3) / 4
    for i in range(groups):
        value = blend(pyramid, i, s.fine)
        if s.part > 0.0:
            value += s.part * (blend(pyramid, i, s.coarse) - value)
        if size > channels and channels - 4 * i < 4:
            value = replaced(value, channels - 4 * i, 1.0)
        write(values, value_vectors, pixel, size, i, size - 4 * i, value)
    if size > 4 * groups:
        values[pixel * size + channels] = 1.0


@wp.func
def write_nothing(
    channels: int, pixel: int, size: int, values: wp.array(dtype=float),
    value_vectors: wp.array(dtype=wp.vec4),
):  # fmt: skip
    """Write zeros for a pixel that sees nothing."""
    groups = (channels + 3) / 4
    for i in range(groups):
        write(values, value_vectors, pixel, size, i, size - 4 * i, wp.vec4(0.0, 0.0, 0.0, 0.0))
    if size > 4 * groups:
        values[pixel * size + channels] = 0.0


@wp.struct
class Pull:
    """A colour's gradient as that of the place and of the level of detail it was looked up at."""

    place: wp.vec2
    level: float


@wp.func
def look_backward(
    s: Look, pyramid: wp.array(dtype=wp.vec4), channels: int, pixel: int, size: int,
    g_values: wp.array(dtype=float), g_value_vectors: wp.array(dtype=wp.vec4), g_pyramid: wp.array(dtype=wp.vec4),
    moves: bool,
):  # fmt: skip
    """Add a pixel's gradient to the pyramid's, unless that is empty, and if `moves`, find what pulls at its place."""
    fine = wp.vec4(0.0, 0.0, 0.0, 0.0)
    coarse = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for i in range((channels + 3) / 4):
        g = read(g_values, g_value_vectors, pixel, size, i, channels - 4 * i)
        if size > channels and channels - 4 * i < 4:
            g = replaced(g, channels - 4 * i, 0.0)
        if g_pyramid:
            scatter(g_pyramid, i, s.fine, g * (1.0 - s.part))
            if s.part > 0.0:
                scatter(g_pyramid, i, s.coarse, g * s.part)
        if moves:
            fine += along(pyramid, i, s.fine, g)
            if s.between != 0:
                coarse += along(pyramid, i, s.coarse, g)
    out = Pull()
    out.place = (1.0 - s.part) * slope(fine, s.fine)
    if s.between != 0:
        out.place += s.part * slope(coarse, s.coarse)
        out.level = mixed(coarse, s.coarse) - mixed(fine, s.fine)
    return out
