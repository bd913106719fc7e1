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
class Mesh:
    """What is drawn: one clip-space mesh a picture, and the pictures' size."""

    clip: wp.array(dtype=wp.vec4)
    faces: wp.array(dtype=int)
    opposite: wp.array(dtype=int)  # for each edge of a triangle, the vertex beyond it, or -1
    vertex_count: int
    height: int
    width: int


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
def is_silhouette(a: wp.vec2, b: wp.vec2, other: wp.vec2, beyond: int, area: float):
    """True if edge a-b is a border, or its neighbour lies on the near side of it; and if it runs across the pair."""
    outer = beyond < 0 or negative(turn(other, a, b)) == negative(area)
    return outer and wp.abs(b[1] - a[1]) >= wp.abs(b[0] - a[0])


@wp.func
def mesh_of(
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    opposite: wp.array(dtype=int),
    vertex_count: int,
    height: int,
    width: int,
):
    """Gather a kernel's arguments."""
    m = Mesh()
    m.clip = clip
    m.faces = faces
    m.opposite = opposite
    m.vertex_count = vertex_count
    m.height = height
    m.width = width
    return m


@wp.func
def find_crossing(column: int, line: int, picture: int, across: int, here: wp.vec4, there: wp.vec4, m: Mesh):
    """The silhouette between pixel (column, line) and its neighbour, for their fragments `here` and `there`."""
    out = Crossing()
    out.first = -1
    face = int(here[3]) - 1
    side = wp.float32(1.0)
    if face < 0 or (there[3] > 0.0 and there[2] <= here[2]):
        face = int(there[3]) - 1
        side = -1.0
        column = column + 1 - across
        line = line + across
    out.x = float(column) + 0.5 - 0.5 * float(m.width)
    out.y = float(line) + 0.5 - 0.5 * float(m.height)
    base = picture * m.vertex_count
    i0 = base + m.faces[3 * face]
    i1 = base + m.faces[3 * face + 1]
    i2 = base + m.faces[3 * face + 2]
    p0 = project(m.clip[i0], out.x, out.y, across, m.width, m.height)
    p1 = project(m.clip[i1], out.x, out.y, across, m.width, m.height)
    p2 = project(m.clip[i2], out.x, out.y, across, m.width, m.height)
    d0 = crossing_of(p1, p2, side)
    d1 = crossing_of(p2, p0, side)
    d2 = crossing_of(p0, p1, side)
    distance = wp.max(wp.max(d0, d1), d2)
    if not (distance >= -SLACK and distance <= 1.0 + SLACK):  # also when it is NaN: a vertex at the camera
        return out
    edge = wp.int32(0)
    if d0 < distance:
        edge = wp.where(d1 == distance, 1, 2)
    a = wp.where(edge == 0, p1, wp.where(edge == 1, p2, p0))
    b = wp.where(edge == 0, p2, wp.where(edge == 1, p0, p1))
    beyond = m.opposite[3 * face + edge]
    other = wp.vec2(0.0, 0.0)
    if beyond >= 0:
        other = project(m.clip[base + beyond], out.x, out.y, across, m.width, m.height)
    if is_silhouette(a, b, other, beyond, turn(p0, p1, p2)):
        out.first = wp.where(edge == 0, i1, wp.where(edge == 1, i2, i0))
        out.second = wp.where(edge == 0, i2, wp.where(edge == 1, i0, i1))
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
    """Write each pixel's two weights: with its neighbour to the right, and with the one in the next row."""
    row, column = wp.tid()
    row = row + start
    pixel = row * width + column
    m = mesh_of(clip, faces, opposite, vertex_count, height, width)
    picture = row / height
    line = row - picture * height
    here = rast[pixel]
    found = wp.vec2(0.0, 0.0)
    for across in range(2):
        there = here
        if across == 0 and column + 1 < width:
            there = rast[pixel + 1]
        if across == 1 and line + 1 < height:
            there = rast[pixel + width]
        if here[3] != there[3]:
            found[across] = find_crossing(column, line, picture, across, here, there, m).weight
    weights[pixel] = found


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
