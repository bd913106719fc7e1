"""Warp kernels of the adjoint of `antialias`: to the colours, gathered, and to the ends of silhouette edges."""

from typing import Any

import warp as wp

from clipface.render.rasterize.warp.antialias.silhouette import Crossing, Mesh, find_crossing, project
from clipface.render.rasterize.warp.commands import overload
from clipface.render.rasterize.warp.native import add, place

wp.set_module_options({"enable_backward": False})


@wp.func
def pair_gradient(g: wp.array(dtype=Any), this: int, that: int, weight: float, sign: float, channels: int, c: int):
    """Colour gradient that a pair's blend hands to one of its pixels; `sign` is -1 for the pair's first pixel."""
    target = this
    if (weight > 0.0) == (sign > 0.0):
        target = that
    return sign * weight * g[target * channels + c]


@wp.func
def product(a: float, b: float):
    """Of two numbers."""
    return a * b


@wp.func
def product(a: wp.vec4, b: wp.vec4):  # noqa: F811  an overload
    """Of two vectors."""
    return wp.dot(a, b)


@wp.func
def add_end_gradient(i: int, gx: float, gy: float, across: int, m: Mesh, g_clip: wp.array(dtype=wp.vec4)):
    """Hand the gradient of an edge's end, in pixels, to its clip position."""
    p = m.clip[i]
    px = wp.where(across == 0, gx, gy) * 0.5 * float(m.width) / p[3]
    py = wp.where(across == 0, gy, gx) * 0.5 * float(m.height) / p[3]
    add(g_clip, i, wp.vec4(px, py, 0.0, -(px * p[0] + py * p[1]) / p[3]))


@wp.func
def add_edge_gradient(g_weight: float, found: Crossing, across: int, m: Mesh, g_clip: wp.array(dtype=wp.vec4)):
    """Hand the gradient of a pair's weight to the two ends of its edge."""
    a = project(m.clip[found.first], found.x, found.y, across, m.width, m.height)
    b = project(m.clip[found.second], found.x, found.y, across, m.width, m.height)
    per_dy = 1.0 / (b[1] - a[1])
    lean = (b[0] - a[0]) * per_dy
    ga = -g_weight * b[1] * per_dy  # the crossing is the ends' mean, weighted by the other end's distance
    gb = g_weight * a[1] * per_dy
    add_end_gradient(found.first, ga, -ga * lean, across, m, g_clip)
    add_end_gradient(found.second, gb, -gb * lean, across, m, g_clip)


@wp.kernel
def antialias_backward(
    start: int,
    rast: wp.array(dtype=wp.vec4),
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    opposite: wp.array(dtype=int),
    neighbours: wp.array(dtype=int),
    vertex_count: int,
    height: int,
    width: int,
    weights: wp.array(dtype=wp.vec2),
    image: wp.array(dtype=Any),
    channels: int,
    g: wp.array(dtype=Any),
    g_image: wp.array(dtype=Any),
    g_clip: wp.array(dtype=wp.vec4),
):
    """Gather each pixel's colour gradient from itself and the four pairs it belongs to, and hand the gradients of its
    own two weights to the ends of the silhouette edges they come from; what nobody wants is an empty array. A channel
    is a number or a vector of four."""
    row, column, pixel = place(wp.tid(), start, width)
    frame = row / height
    line = row - frame * height
    own = weights[pixel]
    if g_image:
        left = wp.float32(0.0)
        up = wp.float32(0.0)
        if column > 0:
            left = weights[pixel - 1][0]
        if line > 0:
            up = weights[pixel - width][1]
        for c in range(channels):
            total = g[pixel * channels + c]
            if own[0] != 0.0:
                total += pair_gradient(g, pixel, pixel + 1, own[0], -1.0, channels, c)
            if own[1] != 0.0:
                total += pair_gradient(g, pixel, pixel + width, own[1], -1.0, channels, c)
            if left != 0.0:
                total += pair_gradient(g, pixel, pixel - 1, left, 1.0, channels, c)
            if up != 0.0:
                total += pair_gradient(g, pixel, pixel - width, up, 1.0, channels, c)
            g_image[pixel * channels + c] = total
    if g_clip:
        m = Mesh(clip, faces, opposite, neighbours, vertex_count, height, width)
        across = wp.int32(0)
        while across < 2:  # not unrolled: two copies of what follows would need twice the registers
            weight = wp.where(across == 0, own[0], own[1])
            if weight != 0.0 and wp.abs(weight) < 0.5:  # at one half the crossing was clamped
                other = wp.where(across == 0, pixel + 1, pixel + width)
                target = wp.where(weight > 0.0, pixel, other)
                g_weight = wp.float32(0.0)
                for c in range(channels):
                    difference = image[other * channels + c] - image[pixel * channels + c]
                    g_weight += product(g[target * channels + c], difference)
                found = find_crossing(column, line, frame, across, rast[pixel], rast[other], m)
                if found.first >= 0:
                    add_edge_gradient(g_weight, found, across, m, g_clip)
            across += 1


antialias_backward_1, antialias_backward_4 = (overload(antialias_backward, dtype) for dtype in (wp.float32, wp.vec4))
