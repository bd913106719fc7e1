"""Warp functions on one pyramid level: the four texels around a point, their bilinear mix, and its adjoints."""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.struct
class Tap:
    """The four texels around a point, and the point's place between them."""

    i00: int
    i10: int
    i01: int
    i11: int
    x: float
    y: float
    width: float  # of the level, in texels
    height: float


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
    out.width = float(width)
    out.height = float(height)
    return out


@wp.func
def blend(pyramid: wp.array(dtype=float), base: int, channels: int, c: int, t: Tap):
    """Bilinear value of one channel."""
    a = base + c
    low = pyramid[a + t.i00 * channels] * (1.0 - t.x) + pyramid[a + t.i10 * channels] * t.x
    high = pyramid[a + t.i01 * channels] * (1.0 - t.x) + pyramid[a + t.i11 * channels] * t.x
    return low * (1.0 - t.y) + high * t.y


@wp.func
def slope(pyramid: wp.array(dtype=float), base: int, channels: int, c: int, t: Tap):
    """Gradient of one channel's bilinear value with respect to (u, v)."""
    a = base + c
    v00 = pyramid[a + t.i00 * channels]
    v10 = pyramid[a + t.i10 * channels]
    v01 = pyramid[a + t.i01 * channels]
    v11 = pyramid[a + t.i11 * channels]
    along_x = (v10 - v00) * (1.0 - t.y) + (v11 - v01) * t.y
    along_y = (v01 - v00) * (1.0 - t.x) + (v11 - v10) * t.x
    return wp.vec2(along_x * t.width, along_y * t.height)


@wp.func
def scatter(gradient: wp.array(dtype=float), base: int, channels: int, c: int, t: Tap, g: float):
    """Adjoint of `blend` with respect to the pyramid."""
    a = base + c
    wp.atomic_add(gradient, a + t.i00 * channels, g * (1.0 - t.x) * (1.0 - t.y))
    wp.atomic_add(gradient, a + t.i10 * channels, g * t.x * (1.0 - t.y))
    wp.atomic_add(gradient, a + t.i01 * channels, g * (1.0 - t.x) * t.y)
    wp.atomic_add(gradient, a + t.i11 * channels, g * t.x * t.y)
