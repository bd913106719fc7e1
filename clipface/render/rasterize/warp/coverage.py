"""Warp kernels that decide which triangle each pixel sees: a depth and a triangle in one 64-bit key per pixel.

Vertices are snapped to 1/16 pixel, and coverage is decided in integers, so that of two triangles that share an edge
never both nor neither own a pixel. Triangles that leave the view volume are clipped to it first, which also keeps the
integers small; all others take a short way.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

EMPTY = wp.constant(wp.int64(0x7FFFFFFFFFFFFFFF))  # larger than every key
FACE_MASK = wp.constant(wp.int64(0x7FFFFFFF))
MOST_CORNERS = 9  # a triangle cut by six planes
Corners = wp.types.matrix(shape=(MOST_CORNERS, 2), dtype=float)


@wp.func
def snap(p: wp.vec4, width: int, height: int):
    """Clip position to (x, y) in whole 1/16 pixels from the image's centre, z/w, and w."""
    scale = 1.0 / p[3]
    return wp.vec4(
        wp.rint(p[0] * scale * float(8 * width)), wp.rint(p[1] * scale * float(8 * height)), p[2] * scale, p[3]
    )


@wp.func
def is_plain(p: wp.vec4):
    """True where a vertex lies in the view volume, so that it needs no clipping; False for a NaN."""
    return wp.abs(p[2]) <= p[3] and wp.abs(p[0]) <= p[3] and wp.abs(p[1]) <= p[3]


@wp.func
def excluded(dx: int, dy: int):
    """1 for an edge that does not own the pixel centres exactly on it, else 0: a shared edge has one owner."""
    if dy < 0 or (dy == 0 and dx > 0):
        return wp.int64(0)
    return wp.int64(1)


@wp.func
def depth_key(depth: float, face: int):
    """A signed 64-bit number that sorts by depth; on ties the later triangle is the smaller."""
    bits = wp.cast(depth, wp.int32)
    if bits < 0:
        bits = bits ^ 0x7FFFFFFF
    return (wp.int64(bits) << wp.int64(32)) | (FACE_MASK - wp.int64(face))


@wp.func
def exchanged(a: wp.vec4, b: wp.vec4):
    """b, a."""
    return b, a


@wp.func
def fill(
    a: wp.vec4,
    b: wp.vec4,
    c: wp.vec4,
    face: int,
    strip: int,
    strips: int,
    image: int,
    height: int,
    width: int,
    keys: wp.array(dtype=wp.int64),
):
    """Offer one snapped triangle to every pixel whose centre it covers, in rows strip, strip + strips, ..."""
    area = wp.int64(b[0] - a[0]) * wp.int64(c[1] - a[1]) - wp.int64(b[1] - a[1]) * wp.int64(c[0] - a[0])
    if area < wp.int64(0):  # both orientations are rendered: turn it round
        area = -area
        b, c = exchanged(b, c)
    ax = int(a[0])
    ay = int(a[1])
    bx = int(b[0])
    by = int(b[1])
    cx = int(c[0])
    cy = int(c[1])
    left = wp.max((wp.min(wp.min(ax, bx), cx) + 8 * width + 7) >> 4, 0)
    right = wp.min((wp.max(wp.max(ax, bx), cx) + 8 * width - 8) >> 4, width - 1)
    top = wp.max((wp.min(wp.min(ay, by), cy) + 8 * height + 7) >> 4, 0)
    bottom = wp.min((wp.max(wp.max(ay, by), cy) + 8 * height - 8) >> 4, height - 1)
    if left > right or top > bottom or area == wp.int64(0):
        return
    db = b[2] - a[2]
    dc = c[2] - a[2]
    per_area = 1.0 / float(area)
    depth_x = (db * float(cy - ay) - dc * float(by - ay)) * per_area
    depth_y = (dc * float(bx - ax) - db * float(cx - ax)) * per_area
    bias_a = excluded(cx - bx, cy - by)
    bias_b = excluded(ax - cx, ay - cy)
    bias_c = excluded(bx - ax, by - ay)
    step_a = wp.int64(16 * (by - cy))
    step_b = wp.int64(16 * (cy - ay))
    step_c = wp.int64(16 * (ay - by))
    px = 16 * left + 8 - 8 * width
    for y in range(top + strip, bottom + 1, strips):
        py = 16 * y + 8 - 8 * height
        edge_a = wp.int64(cx - bx) * wp.int64(py - by) - wp.int64(cy - by) * wp.int64(px - bx) - bias_a
        edge_b = wp.int64(ax - cx) * wp.int64(py - cy) - wp.int64(ay - cy) * wp.int64(px - cx) - bias_b
        edge_c = wp.int64(bx - ax) * wp.int64(py - ay) - wp.int64(by - ay) * wp.int64(px - ax) - bias_c
        depth_row = a[2] + depth_y * float(py - ay)
        for x in range(left, right + 1):
            if (edge_a | edge_b | edge_c) >= wp.int64(0):
                depth = depth_row + depth_x * float(16 * x + 8 - 8 * width - ax)
                wp.atomic_min(keys, (image * height + y) * width + x, depth_key(depth, face))
            edge_a += step_a
            edge_b += step_b
            edge_c += step_c


@wp.func
def cut(corners: Corners, count: int, at_a: float, at_b: float, at_c: float):
    """Keep the part of a polygon where a linear function is not negative.

    `corners` are barycentrics (b, c) of the triangle; `at_*` the function's values at its vertices. Returns the number
    of corners left and the corners.
    """
    out = Corners()
    kept = wp.int32(0)
    last = wp.max(count - 1, 0)
    old_b = corners[last, 0]
    old_c = corners[last, 1]
    old = at_a + (at_b - at_a) * old_b + (at_c - at_a) * old_c
    for i in range(count):
        new_b = corners[i, 0]
        new_c = corners[i, 1]
        new = at_a + (at_b - at_a) * new_b + (at_c - at_a) * new_c
        if old * new < 0.0 and kept < MOST_CORNERS:
            t = old / (old - new)
            out[kept, 0] = old_b * (1.0 - t) + new_b * t
            out[kept, 1] = old_c * (1.0 - t) + new_c * t
            kept += 1
        if new >= 0.0 and kept < MOST_CORNERS:
            out[kept, 0] = new_b
            out[kept, 1] = new_c
            kept += 1
        old_b = new_b
        old_c = new_c
        old = new
    return kept, out


@wp.func
def corner(corners: Corners, i: int, a: wp.vec4, b: wp.vec4, c: wp.vec4, width: int, height: int):
    """Corner i of a clipped polygon, snapped."""
    return snap(a + (b - a) * corners[i, 0] + (c - a) * corners[i, 1], width, height)


@wp.kernel
def cover(
    start: int,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    vertex_count: int,
    face_count: int,
    height: int,
    width: int,
    strips: int,
    keys: wp.array(dtype=wp.int64),
):
    """Rasterize triangles, those that leave the view volume clipped to it; `strips` threads share a triangle's rows."""
    i, strip = wp.tid()
    i = i + start
    image = i / face_count
    face = i - image * face_count
    a = clip[image * vertex_count + faces[3 * face]]
    b = clip[image * vertex_count + faces[3 * face + 1]]
    c = clip[image * vertex_count + faces[3 * face + 2]]
    if is_plain(a) and is_plain(b) and is_plain(c):
        a = snap(a, width, height)
        b = snap(b, width, height)
        c = snap(c, width, height)
        fill(a, b, c, face, strip, strips, image, height, width, keys)
        return
    for axis in range(3):  # wholly beyond one plane: the usual case
        if wp.max(wp.max(a[axis] + a[3], b[axis] + b[3]), c[axis] + c[3]) < 0.0:
            return
        if wp.min(wp.min(a[axis] - a[3], b[axis] - b[3]), c[axis] - c[3]) > 0.0:
            return
    corners = Corners()
    corners[1, 0] = 1.0
    corners[2, 1] = 1.0
    count = wp.int32(3)
    for axis in range(3):
        count, corners = cut(corners, count, a[3] + a[axis], b[3] + b[axis], c[3] + c[axis])
        count, corners = cut(corners, count, a[3] - a[axis], b[3] - b[axis], c[3] - c[axis])
    if count < 3:
        return
    first = corner(corners, 0, a, b, c, width, height)
    before = corner(corners, 1, a, b, c, width, height)
    for k in range(2, count):
        this = corner(corners, k, a, b, c, width, height)
        fill(first, before, this, face, strip, strips, image, height, width, keys)
        before = this
