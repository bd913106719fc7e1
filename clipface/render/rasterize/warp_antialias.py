"""Warp kernels of the verb `antialias`: pixels are blended where a silhouette edge crosses between their centres.

For a pair of neighbouring pixels that see different triangles, the nearer triangle owns the edge. `find_edges` writes
one signed weight per pair (to the right, and towards the next row): positive blends the second pixel's colour into the
first, negative the first's into the second. Colours are then gathered, never scattered, so the result is deterministic.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

SLACK = wp.constant(0.0625)  # coverage is decided on positions snapped to 1/16 pixel, so an edge may lie this far off
NEVER = wp.constant(-1.0e30)


@wp.struct
class Crossing:
    """Where a silhouette edge crosses between two pixels: weight, and the edge's vertices (-1: no such edge)."""

    weight: float
    first: int
    second: int
    x: float  # the owner's pixel centre, in pixels from the picture's middle
    y: float


@wp.func
def project(p: wp.vec4, x: float, y: float, across: int, width: int, height: int):
    """Clip position in pixels from (x, y); with `across` the axes are exchanged, so that the pair lies along x."""
    sx = p[0] / p[3] * 0.5 * float(width) - x
    sy = p[1] / p[3] * 0.5 * float(height) - y
    if across != 0:
        return wp.vec2(sy, sx)
    return wp.vec2(sx, sy)


@wp.func
def turn(a: wp.vec2, b: wp.vec2, c: wp.vec2):
    """Twice the signed area of a triangle."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@wp.func
def negative(x: float):
    """1 where the sign bit is set."""
    return wp.cast(x, wp.int32) < 0


@wp.func
def crossing_of(a: wp.vec2, b: wp.vec2, side: float):
    """Distance along x from the origin, towards `side`, at which edge a-b crosses y = 0; NEVER if it does not."""
    if negative(a[1]) == negative(b[1]):
        return NEVER
    dy = b[1] - a[1]
    return side * (a[0] * dy - a[1] * (b[0] - a[0])) / dy


@wp.func
def is_silhouette(a: wp.vec2, b: wp.vec2, other: wp.vec2, area: float):
    """True where the triangle beyond edge a-b lies on the near side of it (or is missing), and a-b is steep enough."""
    return negative(turn(other, a, b)) == negative(area) and wp.abs(b[1] - a[1]) >= wp.abs(b[0] - a[0])


@wp.func
def find_crossing(
    column: int,
    row: int,
    image: int,
    across: int,
    here: wp.vec4,
    there: wp.vec4,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    opposite: wp.array(dtype=int),
    vertex_count: int,
    height: int,
    width: int,
):
    """The silhouette between pixel (column, row) and its neighbour, for fragments `here` and `there`."""
    out = Crossing()
    out.first = -1
    face = int(here[3]) - 1
    side = wp.float32(1.0)
    if face < 0 or (there[3] > 0.0 and there[2] <= here[2]):
        face = int(there[3]) - 1
        side = -1.0
        column = column + 1 - across
        row = row + across
    out.x = float(column) + 0.5 - 0.5 * float(width)
    out.y = float(row) + 0.5 - 0.5 * float(height)
    base = image * vertex_count
    i0 = base + faces[3 * face]
    i1 = base + faces[3 * face + 1]
    i2 = base + faces[3 * face + 2]
    p0 = project(clip[i0], out.x, out.y, across, width, height)
    p1 = project(clip[i1], out.x, out.y, across, width, height)
    p2 = project(clip[i2], out.x, out.y, across, width, height)
    d0 = crossing_of(p1, p2, side)
    d1 = crossing_of(p2, p0, side)
    d2 = crossing_of(p0, p1, side)
    distance = wp.max(wp.max(d0, d1), d2)
    if distance < -SLACK or distance > 1.0 + SLACK:
        return out
    area = turn(p0, p1, p2)
    edge = wp.int32(0)
    a = i1
    b = i2
    pa = p1
    pb = p2
    if d0 < distance:
        if d1 == distance:
            edge = 1
            a = i2
            b = i0
            pa = p2
            pb = p0
        else:
            edge = 2
            a = i0
            b = i1
            pa = p0
            pb = p1
    beyond = opposite[3 * face + edge]
    silhouette = wp.abs(pb[1] - pa[1]) >= wp.abs(pb[0] - pa[0])
    if beyond >= 0:
        other = project(clip[base + beyond], out.x, out.y, across, width, height)
        silhouette = silhouette and is_silhouette(pa, pb, other, area)
    if silhouette:
        out.first = a
        out.second = b
        out.weight = side * (0.5 - wp.clamp(distance, 0.0, 1.0))
    return out


@wp.kernel
def find_edges(
    start: int,
    rast: wp.array(dtype=wp.vec4),
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    opposite: wp.array(dtype=int),
    vertex_count: int,
    height: int,
    width: int,
    weights: wp.array(dtype=wp.vec2),
):
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    image = row / height
    line = row - image * height
    here = rast[pixel]
    right = wp.float32(0.0)
    down = wp.float32(0.0)
    if column + 1 < width:
        there = rast[pixel + 1]
        if here[3] != there[3]:
            found = find_crossing(
                column, line, image, 0, here, there, clip, faces, opposite, vertex_count, height, width
            )
            right = found.weight
    if line + 1 < height:
        there = rast[pixel + width]
        if here[3] != there[3]:
            found = find_crossing(
                column, line, image, 1, here, there, clip, faces, opposite, vertex_count, height, width
            )
            down = found.weight
    weights[pixel] = wp.vec2(right, down)


@wp.kernel
def blend_edges(
    start: int,
    weights: wp.array(dtype=wp.vec2),
    image: wp.array(dtype=float),
    channels: int,
    height: int,
    width: int,
    blended: wp.array(dtype=float),
):
    """Each pixel takes its share of its neighbours' colours."""
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    own = weights[pixel]
    right = wp.max(own[0], 0.0)
    down = wp.max(own[1], 0.0)
    left = wp.float32(0.0)
    up = wp.float32(0.0)
    if column > 0:
        left = wp.max(-weights[pixel - 1][0], 0.0)
    if row % height > 0:
        up = wp.max(-weights[pixel - width][1], 0.0)
    at = pixel * channels
    for c in range(channels):
        value = image[at + c]
        out = value
        if right > 0.0:
            out += right * (image[at + channels + c] - value)
        if down > 0.0:
            out += down * (image[at + width * channels + c] - value)
        if left > 0.0:
            out += left * (image[at - channels + c] - value)
        if up > 0.0:
            out += up * (image[at - width * channels + c] - value)
        blended[at + c] = out


@wp.func
def pair_gradient(g: wp.array(dtype=float), this: int, that: int, weight: float, sign: float, channels: int, c: int):
    """Colour gradient that a pair's blend hands to one of its pixels; `sign` is -1 for the pair's first pixel."""
    target = this
    if (weight > 0.0) == (sign > 0.0):
        target = that
    return sign * weight * g[target * channels + c]


@wp.func
def add_end_gradient(
    index: int,
    gx: float,
    gy: float,
    across: int,
    clip: wp.array(dtype=wp.vec4),
    width: int,
    height: int,
    g_clip: wp.array(dtype=float),
):
    """Hand the gradient of an edge's end, in pixels, to its clip position."""
    p = clip[index]
    px = gx
    py = gy
    if across != 0:
        px = gy
        py = gx
    px = px * 0.5 * float(width) / p[3]
    py = py * 0.5 * float(height) / p[3]
    wp.atomic_add(g_clip, 4 * index, px)
    wp.atomic_add(g_clip, 4 * index + 1, py)
    wp.atomic_add(g_clip, 4 * index + 3, -(px * p[0] + py * p[1]) / p[3])


@wp.func
def add_edge_gradient(
    g_weight: float,
    found: Crossing,
    across: int,
    clip: wp.array(dtype=wp.vec4),
    width: int,
    height: int,
    g_clip: wp.array(dtype=float),
):
    """Hand the gradient of a pair's weight to the two ends of its edge."""
    a = project(clip[found.first], found.x, found.y, across, width, height)
    b = project(clip[found.second], found.x, found.y, across, width, height)
    per_dy = 1.0 / (b[1] - a[1])
    lean = (b[0] - a[0]) * per_dy
    ga = -g_weight * b[1] * per_dy  # the crossing is the ends' mean, weighted by the other end's distance
    gb = g_weight * a[1] * per_dy
    add_end_gradient(found.first, ga, -ga * lean, across, clip, width, height, g_clip)
    add_end_gradient(found.second, gb, -gb * lean, across, clip, width, height, g_clip)


@wp.kernel
def antialias_backward(
    start: int,
    weights: wp.array(dtype=wp.vec2),
    image: wp.array(dtype=float),
    g: wp.array(dtype=float),
    rast: wp.array(dtype=wp.vec4),
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    opposite: wp.array(dtype=int),
    vertex_count: int,
    channels: int,
    height: int,
    width: int,
    g_image: wp.array(dtype=float),
    g_clip: wp.array(dtype=float),
):
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    picture = row / height
    line = row - picture * height
    own = weights[pixel]
    left = wp.float32(0.0)
    up = wp.float32(0.0)
    if column > 0:
        left = weights[pixel - 1][0]
    if line > 0:
        up = weights[pixel - width][1]
    if g_image:
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
        for across in range(2):
            weight = own[across]
            if weight != 0.0 and wp.abs(weight) < 0.5:  # at one half the crossing was clamped
                other = pixel + 1
                if across != 0:
                    other = pixel + width
                target = pixel
                if weight < 0.0:
                    target = other
                g_weight = wp.float32(0.0)
                for c in range(channels):
                    g_weight += g[target * channels + c] * (image[other * channels + c] - image[pixel * channels + c])
                found = find_crossing(
                    column,
                    line,
                    picture,
                    across,
                    rast[pixel],
                    rast[other],
                    clip,
                    faces,
                    opposite,
                    vertex_count,
                    height,
                    width,
                )
                if found.first >= 0:
                    add_edge_gradient(g_weight, found, across, clip, width, height, g_clip)
