"""Where MediaPipe's face points lie on a head: shipped for the open head, derived for every other one."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.bake.mask import EYEBALLS
from clipface.fit.face_points import FacePoints, read_face_points
from clipface.fit.surface import Surface, covered
from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.head.landmarks import points_on_faces
from clipface.head.mesh import topology
from clipface.head.regions import known_region_mask

EARS = ("right_ear", "left_ear")  # no point lies on them; where a head does not name them, closeness must do
INSIDE = 0.002  # metres behind other skin from which on a triangle is of the mouth's inside, an eye socket or a nostril
UPPER_LIP = (191, 80, 81, 82, 13, 185, 40, 39, 37, 0)
LOWER_LIP = (95, 88, 178, 87, 14, 146, 91, 181, 84, 17)
UPPER_LID, LOWER_LID = (161, 160, 159, 158, 157, 173), (163, 144, 145, 153, 154, 155)
EYE_CORNERS, EYE_CORNERS_LEFT = (33, 133), (263, 362)
FIRST_IRIS = 468  # points from this number on lie on the irises
INNER = 51  # of iBUG's 68 landmarks, all but the outline, are the same places on every head
DAMPING = 0.002  # metres; a little keeps landmarks that disagree from tearing the warp
LID_DEPTH = 0.1  # how much depth counts on the lids
ON_JAW, HALF = 0.4, 0.5  # skinning weights from which on a triangle is of the jaw, or of an eyeball


class Correspondence(NamedTuple):
    """N of MediaPipe's points on a head's surface.

    `numbers` [N] int64, MediaPipe's; `regions`, N names; `mirror` [N] int64, places of the mirror images in this list;
    `corners` [N, 3] int64 vertices and `barycentric` [N, 3] float32 weights of the triangle each lies in.
    """

    numbers: Tensor
    regions: tuple[str, ...]
    mirror: Tensor
    corners: Tensor
    barycentric: Tensor

    def on(self, vertices: Tensor) -> Tensor:
        """The points [B, N, 3] on vertices [B, V, 3]."""
        return points_on_faces(vertices, self.corners.to(vertices.device), self.barycentric.to(vertices.device))

    def rows(self, *regions: str) -> Tensor:
        """Places [n] int64 of the points in any of the regions named."""
        return torch.tensor([row for row, region in enumerate(self.regions) if region in regions])


def correspondence(head: HeadModel, face_points: FacePoints | None = None) -> Correspondence:
    """Place MediaPipe's points on a head.

    The open head is recognised by its triangles and gets the shipped places, which were fitted to photographs. On any
    other head they are derived from its 68 landmarks.

    Args:
        head: a head model; another one than the open head needs landmarks.
        face_points: what `read_face_points` gives; left out, the shipped file is read.

    Raises:
        ValueError: if the head is not the open one and has no landmarks.
    """
    points = face_points or read_face_points()
    if topology(head) == points.topology:
        return place(head, points, points.faces, points.barycentric)
    return place(head, points, *derived_places(head, points))


def place(head: HeadModel, points: FacePoints, faces: np.ndarray, barycentric: np.ndarray) -> Correspondence:
    """Bind places (faces [N], barycentric [N, 3]) to a head, those of the irises to the eyes' axes."""
    faces, barycentric = _with_pupils(head, points, faces.copy(), barycentric.astype(np.float64))
    corners = head.faces.cpu().long()[torch.from_numpy(faces)]
    weights = torch.from_numpy(barycentric).float()
    return Correspondence(
        torch.from_numpy(points.numbers), points.regions, torch.from_numpy(points.mirror), corners, weights
    )


def _with_pupils(
    head: HeadModel, points: FacePoints, faces: np.ndarray, barycentric: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move points of irises to where textures have the pupils: else every fitted gaze would miss the photograph's."""
    vertices, triangles = head.v_template.cpu().double().numpy(), head.faces.cpu().numpy().astype(np.int64)
    iris, right = points.numbers >= FIRST_IRIS, points.places[:, 0] < 0
    for name, side in zip(EYEBALLS, (right, ~right), strict=True):
        ball = known_region_mask(head, (name,)).cpu().numpy()
        own = np.flatnonzero(ball[triangles].all(1))
        if len(own):
            low, high = vertices[ball].min(0), vertices[ball].max(0)
            front = np.array([*(low + high)[:2] / 2, high[2]])
            nearest, barycentric[iris & side] = Surface(vertices, triangles[own]).closest(front[None])
            faces[iris & side] = own[nearest]
    return faces, barycentric


def derived_places(head: HeadModel, points: FacePoints) -> tuple[np.ndarray, np.ndarray]:
    """Carry the points from the reference face to a head by 68 landmarks.

    They are warped (thin-plate, damped), then each goes to the closest triangle that it may lie on.

    Returns:
        Triangles [N] and barycentric weights [N, 3].

    Raises:
        ValueError: if the head has no landmarks.
    """
    with torch.no_grad():
        neutral = head()
        landmarks = head.landmarks(neutral)[0].cpu().numpy().astype(np.float64)
    targets = carried(points.places, points.landmarks, landmarks)
    return settle(head, points, neutral[0].cpu().numpy().astype(np.float64), targets)


def settle(
    head: HeadModel, points: FacePoints, vertices: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Put points on the triangles they may lie on, each at the place closest to its target.

    Args:
        head: for triangles, regions and skinning weights.
        points: for numbers and regions.
        vertices: [V, 3] of the head as `targets` [N, 3] see it.

    Returns:
        Triangles [N] and barycentric weights [N, 3].
    """
    faces = head.faces.cpu().numpy().astype(np.int64)
    where, weights = np.empty(len(targets), np.int64), np.empty((len(targets), 3))
    lids = _with_mirrors(points, (*UPPER_LID, *LOWER_LID))
    for rows, allowed in _candidates(head, points, vertices, targets):
        # A lid's edge is steep and thin: of all places on it the one counts that is closest in the image.
        squeeze = np.array([1, 1, LID_DEPTH if lids[rows].all() else 1])
        nearest, weights[rows] = Surface(vertices * squeeze, faces[allowed]).closest(targets[rows] * squeeze)
        where[rows] = allowed[nearest]
    return where, weights


def face_skin(head: HeadModel, vertices: np.ndarray) -> np.ndarray:
    """Which triangles [F] are skin visible from the front: not covered by other skin, not of an eyeball or an ear.

    Args:
        head: for triangles, regions and skinning weights.
        vertices: [V, 3] of it.
    """
    faces = head.faces.cpu().numpy().astype(np.int64)
    hidden = covered(vertices, faces, INSIDE)
    ears = known_region_mask(head, EARS).cpu().numpy()
    return ~hidden & ~ears[faces].all(axis=1) & ~np.any(_eyeballs(head), axis=0)


def _eyeballs(head: HeadModel) -> list[np.ndarray]:
    """Which triangles [F] are of the right and of the left eyeball."""
    weights = head.weights.cpu().numpy()[head.faces.cpu().numpy()].mean(axis=1)  # [F, J]
    return [weights[:, JOINTS.index(name)] > HALF for name in ("right_eye", "left_eye")]


def _candidates(head: HeadModel, points: FacePoints, vertices: np.ndarray, targets: np.ndarray) -> list[tuple]:
    """Which points (rows) may lie on which triangles."""
    faces = head.faces.cpu().numpy().astype(np.int64)
    skin, eyes, middles = face_skin(head, vertices), _eyeballs(head), vertices[faces].mean(1)
    jaw = head.weights.cpu().numpy()[faces].mean(axis=1)[:, JOINTS.index("jaw")] > ON_JAW
    row = {int(number): place for place, number in enumerate(points.numbers)}
    right = points.places[:, 0] < 0
    upper, lower = (_with_mirrors(points, half) for half in (UPPER_LIP, LOWER_LIP))
    lids = [_with_mirrors(points, half) for half in (UPPER_LID, LOWER_LID)]
    iris = points.numbers >= FIRST_IRIS
    rest = ~(iris | upper | lower | lids[0] | lids[1])
    candidates = [(rest, skin), (upper, skin & ~jaw), (lower, skin & jaw)]
    for side, eye, corners in ((right, eyes[0], EYE_CORNERS), (~right, eyes[1], EYE_CORNERS_LEFT)):
        # Open lids lie on either side of the line between the eye's corners.
        start, end = (targets[row[number]] for number in corners)
        line = start[1] + (middles[:, 0] - start[0]) * (end[1] - start[1]) / (end[0] - start[0])
        candidates += [(iris & side, eye), (lids[0] & side, skin & (middles[:, 1] > line))]
        candidates += [(lids[1] & side, skin & (middles[:, 1] < line))]
    for rows, allowed in candidates:
        if not allowed.any():
            raise ValueError(
                f"{head.source}: no triangle may hold the points {points.numbers[rows]}; are its weights wrong?"
            )
    return [(np.flatnonzero(rows), np.flatnonzero(allowed)) for rows, allowed in candidates]


def _with_mirrors(points: FacePoints, numbers: tuple[int, ...]) -> np.ndarray:
    """Which rows [N] are these points or their mirror images."""
    rows = np.isin(points.numbers, numbers)
    return rows | rows[points.mirror]


def carried(places: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Carry points over.

    Args:
        places: [N, 3] on one head.
        source: [M + 51, 3] its landmarks: an outline from ear to ear of any number, then iBUG's inner 51.
        target: [17 + 51, 3] the other head's landmarks.

    Returns:
        [N, 3], near the other head's surface.
    """
    warp = _warp(source[-INNER:], target[-INNER:])
    outline, jaw, centre = source[:-INNER], target[:-INNER], target[-INNER:].mean(0)
    # Heads begin their outline at other heights: its points are paired by direction, seen from the face's middle.
    source_directions, target_directions = (_directions(part - centre) for part in (warp(outline), jaw))
    order = np.argsort(source_directions)
    inside = (target_directions > source_directions.min()) & (target_directions < source_directions.max())
    between = target_directions[inside], source_directions[order]
    paired = [np.interp(*between, outline[order, k]) for k in range(3)]
    source = np.concatenate([source[-INNER:], np.stack(paired, 1)])
    target = np.concatenate([target[-INNER:], jaw[inside]])
    return _warp(source, target)(places)


def _directions(offsets: np.ndarray) -> np.ndarray:
    """Angles about the viewing axis, which grow along an outline without a jump."""
    return np.unwrap(np.arctan2(offsets[:, 0], offsets[:, 1]))


def _warp(source: np.ndarray, target: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The smoothest map of space that carries points to others (Bookstein, "Principal warps", 1989).

    In three dimensions the thin plate's kernel is the distance.
    """
    from scipy.interpolate import RBFInterpolator  # a second of processor time, for every command that knows of people

    return RBFInterpolator(source, target, kernel="linear", degree=1, smoothing=DAMPING)
