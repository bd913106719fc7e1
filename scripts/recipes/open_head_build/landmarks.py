"""The 68 landmarks (iBUG order) as points on triangles; computed on the image's left half and mirrored."""

import numpy as np

from .geometry import PARTS, Cut
from .rings import arcs, openings, rings_around

Point = dict[int, float]  # vertex -> weight; all vertices belong to one skin face
OUTER_LIP_RING, CORNER_RING, INNER_LIP_RING = 7, 5, 2  # rings outwards from the seam of lips and mouth bag
LID_RING = 0
# Outer to inner, metres from the eyeball's centre: across (positive towards the temple) and up.
BROW = ((0.023, 0.0155), (0.015, 0.0215), (0.005, 0.0225), (-0.005, 0.0205), (-0.0145, 0.0170))
NASION_DROP, WING, NOSTRIL = 0.001, (0.0150, 0.0040), (0.0072, 0.0008)  # metres; from the middle, above the nose's base
NOSE_TIP, NOSE_BASE = 297, 343  # vertices of hm08
JAW_CENTRE = np.array([0.0, -0.012])  # the contour is the farthest front-facing skin seen from here
JAW_ANGLES = np.radians(np.linspace(167, 270, 9))
JAW_FACING = 0.2  # contour points face the viewer at least so much (cosine)


class Finder:
    """Finds points on the skin of the mean head; `front` [V] marks the face without ears and neck."""

    def __init__(self, cut: Cut, mean: np.ndarray, front: np.ndarray) -> None:
        self.cut, self.mean, self.front = cut, mean, front
        self.skin = np.flatnonzero(cut.part == PARTS.index("skin"))
        faces = cut.faces[self.skin]
        self.corners = mean[faces]
        self.normals = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        self.normals /= np.linalg.norm(self.normals, axis=1, keepdims=True)

    def ray(self, x: float, y: float) -> Point:
        """The front-most skin point at (x, y)."""
        a, b, c = (self.corners[:, i] for i in range(3))
        area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
        area = np.where(np.abs(area) < 1e-14, np.inf, area)
        w_b = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (y - a[:, 1])) / area
        w_c = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (x - a[:, 0]) * (b[:, 1] - a[:, 1])) / area
        weight = np.stack([1 - w_b - w_c, w_b, w_c], axis=1)
        hit = (weight > -1e-6).all(axis=1) & np.isfinite(area)
        depth = np.where(hit, (weight * self.corners[:, :, 2]).sum(axis=1), -np.inf)
        best = int(depth.argmax())
        assert hit[best], f"no skin in front at ({x:.3f}, {y:.3f})"
        return dict(zip(self.cut.faces[self.skin[best]].tolist(), weight[best].tolist(), strict=True))

    def contour(self, angle: float) -> Point:
        """The farthest front-facing skin point in a direction of the image, seen from `JAW_CENTRE`."""
        direction = np.array([np.cos(angle), np.sin(angle)])
        shape = self.mean[:, :2] - JAW_CENTRE
        facing = np.zeros(len(self.mean))
        np.maximum.at(facing, self.cut.faces[self.skin].ravel(), np.repeat(self.normals[:, 2], 3))
        along, across = shape @ direction, shape @ np.array([-direction[1], direction[0]])
        good = self.front & (facing > JAW_FACING) & (np.abs(across) < 0.004) & (along > 0)
        vertex = int(np.flatnonzero(good)[along[good].argmax()])
        return self.ray(*(JAW_CENTRE + along[vertex] * direction))

    def place(self, point: Point) -> tuple[int, np.ndarray]:
        """Face number and barycentric weights [3] of a point."""
        held = np.isin(self.cut.faces[self.skin], list(point)).sum(axis=1) == len(point)
        face = int(self.skin[np.flatnonzero(held)[0]])
        weights = np.clip([point.get(vertex, 0.0) for vertex in self.cut.faces[face].tolist()], 0, None)
        return face, weights / weights.sum()

    def mirrored(self, point: Point) -> Point:
        """The same point on the other side of the face."""
        return {int(self.cut.mirror[vertex]): weight for vertex, weight in point.items()}


def along(path: np.ndarray, mean: np.ndarray, share: float) -> Point:
    """The point at a share of a path's length."""
    steps = np.linalg.norm(np.diff(mean[path], axis=0), axis=1)
    travelled = np.concatenate([[0], np.cumsum(steps)]) / steps.sum()
    at = int(np.clip(np.searchsorted(travelled, share) - 1, 0, len(steps) - 1))
    part = (share - travelled[at]) / (travelled[at + 1] - travelled[at])
    return {int(path[at]): 1 - part, int(path[at + 1]): part}


def _lips(cut: Cut, mean: np.ndarray, loop: np.ndarray) -> tuple[list[Point], list[Point]]:
    """Right halves: outer 48..51 then 57..59, inner 60..62 then 66, 67; see `landmark_points`."""
    rings = rings_around(cut, loop, OUTER_LIP_RING)
    upper, lower = arcs(rings[OUTER_LIP_RING], mean)
    outer = [{int(arcs(rings[CORNER_RING], mean)[0][0]): 1.0}]
    outer += [along(upper, mean, share) for share in (0.20, 0.40, 0.5)]
    outer += [along(lower, mean, share) for share in (0.5, 0.33, 0.16)]
    upper, lower = arcs(rings[INNER_LIP_RING], mean)
    inner = [along(upper, mean, share) for share in (0.0, 0.28, 0.5)]
    inner += [along(lower, mean, share) for share in (0.5, 0.28)]
    return outer, inner


def landmark_points(find: Finder) -> list[Point]:
    """All 68 points on the symmetric mean head, in iBUG order: the image's left side first."""
    cut, mean, flip = find.cut, find.mean, find.mirrored
    loops = openings(cut, mean)
    ball = mean[cut.vertices_of("right_eye")]
    eye = (ball.min(axis=0) + ball.max(axis=0)) / 2
    jaw = [find.contour(angle) for angle in JAW_ANGLES]
    brow = [find.ray(eye[0] - x, eye[1] + y) for x, y in BROW]
    base, tip = mean[cut.row_of(NOSE_BASE)], mean[cut.row_of(NOSE_TIP)]
    top = eye[1] - NASION_DROP
    bridge = [find.ray(0.0, top + (tip[1] - top) * share) for share in (0.0, 1 / 3, 2 / 3)]
    bridge.append({cut.row_of(NOSE_TIP): 1.0})
    wing, nostril = (find.ray(-x, base[1] + y) for x, y in (WING, NOSTRIL))
    nose = [wing, nostril, {cut.row_of(NOSE_BASE): 1.0}, flip(nostril), flip(wing)]
    upper, lower = arcs(rings_around(cut, loops["right_eye"], LID_RING)[LID_RING], mean)
    eye_right = [along(upper, mean, share) for share in (0.0, 0.34, 0.68, 1.0)]
    eye_right += [along(lower, mean, share) for share in (0.66, 0.33)]
    eye_left = [flip(eye_right[number]) for number in (3, 2, 1, 0, 5, 4)]
    o, i = _lips(cut, mean, loops["mouth"])
    outer = [*o[:4], flip(o[2]), flip(o[1]), flip(o[0]), flip(o[6]), flip(o[5]), o[4], o[5], o[6]]
    inner = [*i[:3], flip(i[1]), flip(i[0]), flip(i[4]), i[3], i[4]]
    return [
        *jaw,
        *(flip(point) for point in jaw[-2::-1]),
        *brow,
        *(flip(point) for point in brow[::-1]),
        *bridge,
        *nose,
        *eye_right,
        *eye_left,
        *outer,
        *inner,
    ]


def landmark_arrays(cut: Cut, mean: np.ndarray, front: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Faces `[68]` and barycentric weights `[68, 3]` of the landmarks.

    Args:
        mean: the symmetric mean head `[V, 3]`.
        front: vertices of the face without ears and neck, boolean `[V]`.
    """
    find = Finder(cut, mean, front)
    placed = [find.place(point) for point in landmark_points(find)]
    return np.array([face for face, _ in placed], dtype=np.int32), np.array([weights for _, weights in placed])
