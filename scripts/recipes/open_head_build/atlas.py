"""All UV charts in one square: skin above, a strip below for what hides inside the head. Symmetric about u = 0.5."""

import numpy as np

from clipface.head.uv_stretch import stretch

from . import eyes
from .chart import Outline, Parametrisation, back_path, boundary_loops, cut_open, mean_value_weights, relax, solve
from .geometry import PARTS, Cut

STRIP = 0.14  # height of the bottom strip
SKIN_LOW, SKIN_HIGH = np.array([0.004, STRIP + 0.004]), np.array([0.996, 0.996])
CUT_TOP_BACK = 0.0  # metres behind the highest point of the head where the cut ends
FACE_EMPHASIS, FINE_EMPHASIS = 2.3, 1.5  # magnification of the face, and again of lids and lips
HOLE_SHRINK = 0.6  # of the space inside eyes and mouth, where there is no skin
FACE_CENTRE, FACE_RADII = np.array([0.0, -0.012, 0.03]), np.array([0.066, 0.092, 0.06])  # metres, mean head
EYE_DISC, EYE_RADIUS = np.array([0.07, 0.069]), 0.061  # the image's left eye, that is the person's right
IRIS_ZOOM = 40.0  # degrees: the smaller, the larger iris and pupil stand in the disc
CAP_DISC, CAP_RADIUS = np.array([0.285, 0.022]), 0.018  # hidden back of the eyeball
BOXES = {  # (low u, low v, high u, high v) of the parts on the image's left half or in the middle
    "socket": (0.142, 0.010, 0.255, 0.128),
    "mouth_bag": (0.270, 0.046, 0.395, 0.134),
    "tongue_under": (0.315, 0.006, 0.395, 0.040),
    "upper_teeth": (0.405, 0.098, 0.595, 0.134),
    "lower_teeth": (0.405, 0.060, 0.595, 0.094),
    "tongue_top": (0.430, 0.006, 0.570, 0.055),
}


def _emphasis(points: np.ndarray, faces: np.ndarray, fine: np.ndarray) -> np.ndarray:
    middle = points[faces].mean(axis=1)
    radius = np.linalg.norm((middle - FACE_CENTRE) / FACE_RADII, axis=1)
    ramp = np.clip((1.35 - radius) / 0.6, 0, 1)
    smooth = ramp * ramp * (3 - 2 * ramp)
    close = np.min(np.linalg.norm(middle[:, None] - fine[None], axis=2), axis=1)
    return (1 + (FACE_EMPHASIS - 1) * smooth) * (1 + (FINE_EMPHASIS - 1) * np.exp(-((close / 0.010) ** 2)))


def skin_chart(cut: Cut, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parametrisation points `[N, 2]` and corner indices `[F_skin, 3]` of the skin.

    Args:
        mean: the symmetric mean head `[V, 3]`.
    """
    skin = cut.faces[cut.part == PARTS.index("skin")]
    top = mean[max(np.unique(skin), key=lambda v: mean[v, 1])] - [0, 0, CUT_TOP_BACK]
    path = back_path(skin, mean, cut.mirror, top)
    opened, doubled = cut_open(skin, mean, path)
    points = np.concatenate([mean, mean[doubled]])
    mirror = np.concatenate([cut.mirror, doubled])
    mirror[doubled] = len(mean) + np.arange(len(doubled))
    outer, *holes = boundary_loops(opened)
    fine = np.concatenate([mean[loop] for loop in holes])
    fans = []
    for loop in holes:
        fans += [(b, a, len(points)) for a, b in zip(loop, np.roll(loop, -1), strict=True)]
        points = np.concatenate([points, points[loop].mean(axis=0, keepdims=True)])
    solid = np.concatenate([opened, np.array(fans)])
    start = int(np.flatnonzero(outer == len(mean))[0])  # the neck's end on the x < 0 side: left in the image
    outer = np.roll(outer, -start)
    neck = int(np.flatnonzero(outer == doubled[0])[0])
    outline = Outline(SKIN_LOW, SKIN_HIGH)
    angles = outline.spread(outer, points, neck)
    uv = solve(points, solid, outer, outline.at(angles), mean_value_weights(points, solid))
    magnify = _emphasis(points, solid, fine)
    magnify[len(opened) :] *= HOLE_SHRINK
    chart = Parametrisation(points, solid, outer, outline, magnify)
    unknowns = relax(chart, np.concatenate([uv[chart.inner].ravel(), angles]))
    uv = chart.uv(unknowns)[: len(mirror)]
    flipped = uv[mirror] * [-1, 1] + [1, 0]
    used = np.unique(opened)
    return ((uv + flipped) / 2)[used], np.searchsorted(used, opened)


def _fit(uv: np.ndarray, box: tuple[float, float, float, float], corners: np.ndarray | None = None) -> np.ndarray:
    """Scale and shift so that the points that `corners` use fill the box."""
    used = uv if corners is None else uv[np.unique(corners)]
    low, high = used.min(axis=0), used.max(axis=0)
    return np.array(box[:2]) + (uv - low) / (high - low) * (np.array(box[2:]) - np.array(box[:2]))


def _normals(corners: np.ndarray) -> np.ndarray:
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _symmetric(cut: Cut, chosen: np.ndarray, uv: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The patch averaged with its mirror image; its vertices must not be doubled."""
    point = dict(zip(cut.faces[chosen].ravel().tolist(), corners.ravel().tolist(), strict=True))
    twin = np.empty(len(uv), dtype=int)
    for vertex, number in point.items():
        twin[number] = point[int(cut.mirror[vertex])]
    return (uv + uv[twin] * [-1, 1] + [1, 0]) / 2


def _signed(uv: np.ndarray, corners: np.ndarray) -> np.ndarray:
    a, b, c = (uv[corners[:, i]] for i in range(3))
    return (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])


def _borrowed(cut: Cut, base_uv: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """MakeHuman's own chart of some faces, turned so that its triangles are counter-clockwise."""
    used, corners = np.unique(cut.corner_uv[chosen], return_inverse=True)
    uv, corners = base_uv[used].copy(), corners.reshape(-1, 3)
    if np.median(_signed(uv, corners)) < 0:
        uv[:, 0] *= -1
    return uv, corners


def _eye_chart(cut: Cut, mean: np.ndarray, side: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Front and back discs `(face numbers, uv, corners)` of one eyeball, as seen from its poles."""
    chosen = np.flatnonzero(cut.part == PARTS.index(f"{side}_eye"))
    vertices = cut.vertices_of(f"{side}_eye")
    directions = eyes.sphere_directions() * ([-1, 1, 1] if side == "right" else [1, 1, 1])
    angle = np.degrees(np.arccos(np.clip(directions[:, 2], -1, 1)))
    flat = directions[:, :2] / np.maximum(np.linalg.norm(directions[:, :2], axis=1, keepdims=True), 1e-9)
    corners = np.searchsorted(vertices, cut.faces[chosen])
    front = angle[corners].max(axis=1) <= eyes.FRONT_LIMIT
    mirrored = np.array([-1.0, 1.0])
    middle = {
        name: centre if side == "right" else np.array([1, 0]) + mirrored * centre
        for name, centre in (("eye", EYE_DISC), ("cap", CAP_DISC))
    }
    reach = angle[corners[front]].max()
    radius = angle / (angle + IRIS_ZOOM) * (reach + IRIS_ZOOM) / reach
    uv_front = middle["eye"] + flat * radius[:, None] * EYE_RADIUS
    uv_back = middle["cap"] + flat * mirrored * ((180 - angle) / (180 - reach))[:, None] * CAP_RADIUS
    return [(chosen[front], uv_front, corners[front]), (chosen[~front], uv_back, corners[~front])]


def _patches(cut: Cut, mean: np.ndarray, base_uv: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    out = []
    part = [PARTS[number] for number in cut.part]
    middle, normal = mean[cut.faces].mean(axis=1), _normals(mean[cut.faces])
    upward = normal[:, 1] >= 0
    right = middle[:, 0] < 0
    for name, box in (("right_socket", "socket"), ("mouth_bag", "mouth_bag")):
        chosen = np.flatnonzero(np.equal(part, name) & right)
        uv, corners = _borrowed(cut, base_uv, chosen)
        out.append((chosen, _fit(uv, BOXES[box]), corners))
    under = np.flatnonzero(np.equal(part, "tongue") & ~upward & right)
    out.append((under, _fit(mean[:, [0, 2]], BOXES["tongue_under"], cut.faces[under]), cut.faces[under]))
    out += [_mirror_patch(cut, *patch) for patch in out]
    for name in ("upper_teeth", "lower_teeth"):
        chosen = np.flatnonzero(np.equal(part, name))
        uv, corners = _borrowed(cut, base_uv, chosen)
        out.append((chosen, _symmetric(cut, chosen, _fit(uv, BOXES[name]), corners), corners))
    top = np.flatnonzero(np.equal(part, "tongue") & upward)
    out.append((top, _fit(mean[:, [0, 2]] * [1, -1], BOXES["tongue_top"], cut.faces[top]), cut.faces[top]))
    for side in ("right", "left"):
        out += _eye_chart(cut, mean, side)
    return out


def _mirror_patch(cut: Cut, chosen: np.ndarray, uv: np.ndarray, corners: np.ndarray):
    """The same patch for the mirror-image faces, at 1 - u."""
    place = {tuple(sorted(face)): number for number, face in enumerate(cut.faces.tolist())}
    faces = np.array([place[tuple(sorted(cut.mirror[face].tolist()))] for face in cut.faces[chosen]])
    out = np.empty_like(corners)
    for row, (face, twin) in enumerate(zip(chosen, faces, strict=True)):
        source = cut.mirror[cut.faces[face]].tolist()
        out[row] = [corners[row, source.index(vertex)] for vertex in cut.faces[twin].tolist()]
    return faces, uv * [-1, 1] + [1, 0], out


def build_atlas(cut: Cut, mean: np.ndarray, base_uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """UV points `vt [N, 2]` (v up, 0..1, float32) and corner indices `ft [F, 3]` of all of the head."""
    uv, corners = skin_chart(cut, mean)
    points, indices = [uv], np.full((len(cut.faces), 3), -1)
    indices[cut.part == PARTS.index("skin")] = corners
    count = len(uv)
    for chosen, patch, corner in _patches(cut, mean, base_uv):
        used, corner = np.unique(corner, return_inverse=True)
        indices[chosen] = corner.reshape(-1, 3) + count
        points.append(patch[used])
        count += len(used)
    assert indices.min() >= 0
    return stretch(np.concatenate(points)), indices
