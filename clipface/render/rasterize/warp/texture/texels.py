"""Warp functions on one pyramid level: the four texels around a point, their bilinear mix, and its adjoints.

A texel's channels lie in groups of four, so that each is read, and its gradient added to, in one go.
"""

import warp as wp

from clipface.render.rasterize.warp.native import add

wp.set_module_options({"enable_backward": False})


@wp.func
def fetched(numbers: wp.array(dtype=float), first: int, step: int, count: int):
    """A group of up to four numbers that lie `step` apart, the rest zero."""
    out = wp.vec4(0.0, 0.0, 0.0, 0.0)
    out[0] = numbers[first]
    if count > 1:
        out[1] = numbers[first + step]
    if count > 2:
        out[2] = numbers[first + 2 * step]
    if count > 3:
        out[3] = numbers[first + 3 * step]
    return out


@wp.func
def stored(numbers: wp.array(dtype=float), first: int, step: int, count: int, value: wp.vec4):
    """Write a group of up to four numbers, `step` apart."""
    numbers[first] = value[0]
    if count > 1:
        numbers[first + step] = value[1]
    if count > 2:
        numbers[first + 2 * step] = value[2]
    if count > 3:
        numbers[first + 3 * step] = value[3]


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
def tap(u: float, v: float, width: int, height: int, wraps: int, start: int, groups: int):
    """The four texels of one level around (u, v): indices of their first groups; `start` is the level's first texel."""
    x0, x1, x = around(u, width, wraps)
    y0, y1, y = around(v, height, wraps)
    i00 = (start + y0 * width + x0) * groups
    i10 = (start + y0 * width + x1) * groups
    i01 = (start + y1 * width + x0) * groups
    i11 = (start + y1 * width + x1) * groups
    return Tap(i00, i10, i01, i11, x, y, float(width), float(height))


@wp.func
def blend(pyramid: wp.array(dtype=wp.vec4), group: int, t: Tap):
    """Bilinear value of one group of channels."""
    low = pyramid[t.i00 + group] * (1.0 - t.x) + pyramid[t.i10 + group] * t.x
    high = pyramid[t.i01 + group] * (1.0 - t.x) + pyramid[t.i11 + group] * t.x
    return low * (1.0 - t.y) + high * t.y


@wp.func
def along(pyramid: wp.array(dtype=wp.vec4), group: int, t: Tap, g: wp.vec4):
    """The four texels' components along a gradient: all that the adjoint needs to know of them."""
    return wp.vec4(
        wp.dot(pyramid[t.i00 + group], g),
        wp.dot(pyramid[t.i10 + group], g),
        wp.dot(pyramid[t.i01 + group], g),
        wp.dot(pyramid[t.i11 + group], g),
    )


@wp.func
def mixed(v: wp.vec4, t: Tap):
    """Bilinear mix of four texels' numbers."""
    return (v[0] * (1.0 - t.x) + v[1] * t.x) * (1.0 - t.y) + (v[2] * (1.0 - t.x) + v[3] * t.x) * t.y


@wp.func
def slope(v: wp.vec4, t: Tap):
    """Gradient of `mixed` with respect to (u, v)."""
    along_x = (v[1] - v[0]) * (1.0 - t.y) + (v[3] - v[2]) * t.y
    along_y = (v[2] - v[0]) * (1.0 - t.x) + (v[3] - v[1]) * t.x
    return wp.vec2(along_x * t.width, along_y * t.height)


@wp.func
def scatter(gradient: wp.array(dtype=wp.vec4), group: int, t: Tap, g: wp.vec4):
    """Adjoint of `blend` with respect to the pyramid."""
    add(gradient, t.i00 + group, g * ((1.0 - t.x) * (1.0 - t.y)))
    add(gradient, t.i10 + group, g * (t.x * (1.0 - t.y)))
    add(gradient, t.i01 + group, g * ((1.0 - t.x) * t.y))
    add(gradient, t.i11 + group, g * (t.x * t.y))
