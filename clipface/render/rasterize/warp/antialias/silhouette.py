"""Warp functions that find a silhouette: where an edge of the nearer triangle crosses between two pixels' centres."""

import warp as wp

wp.set_module_options({"enable_backward": False})

SLACK = wp.constant(0.0625)  # coverage is decided on positions snapped to 1/16 pixel, so an edge may lie this far off
NEVER = wp.constant(-1.0e30)
MOST_HOPS = wp.constant(8)  # triangles between one and the pixel that it was snapped to
MOST_STEPS = wp.constant(64)  # triangles on the way from one pixel to the next


@wp.struct
class Mesh:
    """What is rendered: one clip-space mesh an image, and the images' size."""

    clip: wp.array(dtype=wp.vec4)
    faces: wp.array(dtype=int)
    opposite: wp.array(dtype=int)  # for each edge of a triangle, the vertex beyond it, or -1
    neighbours: wp.array(dtype=int)  # and the triangle there; no array: only a pixel's own triangle is looked at
    vertex_count: int
    height: int
    width: int


@wp.struct
class Crossing:
    """Where a silhouette edge crosses between two pixels: weight, and the edge's vertices (-1: no such edge)."""

    weight: float
    first: int
    second: int
    x: float  # the owner's pixel centre, in pixels from the image's middle
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
def owner_of(here: wp.vec4, there: wp.vec4):
    """The nearer of two fragments' triangles: (its number, 0 if it is `here`'s, 1 if it is `there`'s)."""
    if here[3] <= 0.0 or (there[3] > 0.0 and there[2] <= here[2]):
        return int(there[3]) - 1, 1
    return int(here[3]) - 1, 0


@wp.func
def corner_of(face: int, vertex: int, m: Mesh):
    """Which corner of a triangle a vertex is, 0 to 2."""
    if m.faces[3 * face] == vertex:
        return 0
    if m.faces[3 * face + 1] == vertex:
        return 1
    return 2


@wp.func
def farthest(a: float, b: float, c: float):
    """Which of three numbers is the largest in size: 0, 1 or 2."""
    if wp.abs(a) >= wp.abs(b) and wp.abs(a) >= wp.abs(c):
        return 0
    return wp.where(wp.abs(b) >= wp.abs(c), 1, 2)


@wp.struct
class Exits:
    """A triangle seen from a pixel's centre: its vertices, and how far away the way to the other pixel leaves it."""

    i0: int
    i1: int
    i2: int
    p0: wp.vec2  # in pixels from the centre, the way along x
    p1: wp.vec2
    p2: wp.vec2
    d0: float  # through the edge opposite vertex 0; NEVER if not there
    d1: float
    d2: float
    distance: float  # the farthest of the three


@wp.func
def exits_of(face: int, base: int, side: float, across: int, at: Crossing, m: Mesh):
    """Where the way from the pixel's centre leaves a triangle; `base` is the image's first vertex."""
    i0 = base + m.faces[3 * face]
    i1 = base + m.faces[3 * face + 1]
    i2 = base + m.faces[3 * face + 2]
    p0 = project(m.clip[i0], at.x, at.y, across, m.width, m.height)
    p1 = project(m.clip[i1], at.x, at.y, across, m.width, m.height)
    p2 = project(m.clip[i2], at.x, at.y, across, m.width, m.height)
    d0 = crossing_of(p1, p2, side)
    d1 = crossing_of(p2, p0, side)
    d2 = crossing_of(p0, p1, side)
    return Exits(i0, i1, i2, p0, p1, p2, d0, d1, d2, wp.max(wp.max(d0, d1), d2))


@wp.struct
class Edge:
    """The edge through which the way leaves a triangle."""

    first: int  # its ends' vertices
    second: int
    a: wp.vec2  # and their places
    b: wp.vec2
    area: float  # of the triangle, signed, twice
    place: int  # among all triangles' edges
    distance: float


@wp.func
def edge_of(t: Exits, face: int):
    """The farthest edge that the way crosses."""
    k = wp.int32(0)
    if t.d0 < t.distance:
        k = wp.where(t.d1 == t.distance, 1, 2)
    a = wp.where(k == 0, t.p1, wp.where(k == 1, t.p2, t.p0))
    b = wp.where(k == 0, t.p2, wp.where(k == 1, t.p0, t.p1))
    first = wp.where(k == 0, t.i1, wp.where(k == 1, t.i2, t.i0))
    second = wp.where(k == 0, t.i2, wp.where(k == 1, t.i0, t.i1))
    return Edge(first, second, a, b, turn(t.p0, t.p1, t.p2), 3 * face + k, t.distance)


@wp.func
def follow(edge: Edge, last: int, base: int, side: float, across: int, least: float, at: Crossing, m: Mesh):
    """Go over the edge to the triangle beyond, and on, until the surface ends or turns away, or `last` is reached."""
    out = at
    for _step in range(MOST_STEPS):
        beyond = m.opposite[edge.place]
        other = wp.vec2(0.0, 0.0)
        outer = wp.bool(True)
        if beyond >= 0:
            other = project(m.clip[base + beyond], at.x, at.y, across, m.width, m.height)
            outer = negative(turn(other, edge.a, edge.b)) == negative(edge.area)
        if outer:
            if wp.abs(edge.b[1] - edge.a[1]) >= wp.abs(edge.b[0] - edge.a[0]) and edge.distance >= -SLACK:
                out.first = edge.first
                out.second = edge.second
                out.weight = side * (0.5 - wp.clamp(edge.distance, 0.0, 1.0))
            return out
        if not m.neighbours:
            return out
        # The surface goes on: into the triangle beyond the edge, and out of it by one of its two other edges.
        face = m.neighbours[edge.place]
        if face == last:
            return out
        left = edge.first
        if negative(edge.a[1]) == negative(other[1]):
            edge.area = turn(edge.a, other, edge.b)
            edge.first = base + beyond
            edge.a = other
        else:
            left = edge.second
            edge.area = turn(edge.b, edge.a, other)
            edge.second = base + beyond
            edge.b = other
        edge.distance = crossing_of(edge.a, edge.b, side)
        if not (edge.distance >= least and edge.distance <= 1.0 + SLACK):
            return out
        edge.place = 3 * face + corner_of(face, left - base, m)
    return out


@wp.func
def find_crossing(column: int, line: int, image: int, across: int, here: wp.vec4, there: wp.vec4, m: Mesh):
    """The silhouette between pixel (column, line) and its neighbour, for their fragments `here` and `there`.

    Starts in the nearer triangle, at the edge through which the way to the other pixel leaves it. If the surface goes
    on beyond, and the triangles' neighbours are known, follows it to its end, or to the other pixel.
    """
    out = Crossing()
    out.first = -1
    face, second = owner_of(here, there)
    last = int(there[3]) - 1
    side = wp.float32(1.0)
    if second != 0:
        last = int(here[3]) - 1
        side = -1.0
        column = column + 1 - across
        line = line + across
    out.x = float(column) + 0.5 - 0.5 * float(m.width)
    out.y = float(line) + 0.5 - 0.5 * float(m.height)
    base = image * m.vertex_count
    t = exits_of(face, base, side, across, out, m)
    least = -SLACK
    if m.neighbours:
        least = -1.0
        # A triangle of less than 1/16 pixel may have been snapped onto the pixel's centre from beside: go there.
        hops = wp.int32(0)  # a loop that is not unrolled: the kernel would need every register there is
        while t.distance == NEVER and hops < MOST_HOPS:
            hops += 1
            face = m.neighbours[3 * face + farthest(t.p0[1], t.p1[1], t.p2[1])]
            if face < 0:
                return out
            t = exits_of(face, base, side, across, out, m)
    if not (t.distance >= least and t.distance <= 1.0 + SLACK):  # also when it is NaN: a vertex at the camera
        return out
    return follow(edge_of(t, face), last, base, side, across, least, out, m)
