"""Heads as surfaces: what their triangles are of, and one laid on another without bending."""

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from clipface.fit.nearest import Nearest
from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.head.regions import known_region_mask
from clipface.render.shading import vertex_normals

SLACK = ("teeth", "tongue")  # parts that hang in the mouth: other heads have none, or elsewhere
HIDDEN = ("mouth_interior", "eye_sockets", *SLACK)  # what no nearest point is looked for on
EYES = ("left_eye", "right_eye")
HALF = 0.5  # skinning weight from which on a vertex is of an eyeball
RIGID_STEPS = 20  # of the alignment without landmarks
TURNS = (-16, 0, 16)  # degrees about x, from which the alignment is tried
TRY_STEPS, THINNED = 15, 8  # of each try, with every eighth vertex
MIRROR_TURNS = (-50, -25, 0, 25, 50)  # degrees about y, from which the plane between a head's halves is sought
MIRROR_STEPS = 100
MIRRORED = 1500  # of its vertices, that are enough for it
MOST_ASIDE = 60.0  # degrees; farther turned ones may as well look the other way
TRIMMED = 0.7  # of the nearest points, that count in it


class Parts(NamedTuple):
    """Triangles of a head by what they are of; each [F] bool."""

    skin: np.ndarray  # what is seen from outside
    inner: np.ndarray  # mouth and eye sockets, as far as the head has and names them
    slack: np.ndarray  # teeth and tongue
    eyes: tuple[np.ndarray, np.ndarray]  # left, right


class Similarity(NamedTuple):
    """x → scale · turn · x + shift."""

    scale: float
    turn: np.ndarray  # [3, 3]
    shift: np.ndarray  # [3]

    def on(self, points: np.ndarray) -> np.ndarray:
        """Points [N, 3] carried over."""
        return self.scale * points @ self.turn.T + self.shift


def parts_of(head: HeadModel) -> Parts:
    """Tell a head's triangles apart by its skinning weights and the regions it names."""
    faces = head.faces.cpu().numpy().astype(np.int64)
    weights = head.weights.cpu().numpy()
    eyes = tuple((weights[:, JOINTS.index(name)] > HALF)[faces].all(1) for name in EYES)
    hidden, slack = (known_region_mask(head, names).cpu().numpy()[faces].all(1) for names in (HIDDEN, SLACK))
    ball = eyes[0] | eyes[1]
    return Parts(~hidden & ~ball, hidden & ~slack & ~ball, slack & ~ball, eyes)


def outer(head: HeadModel) -> np.ndarray:
    """Which triangles nearest points may lie on; all skin, else everything."""
    skin = parts_of(head).skin
    return skin if skin.any() else np.ones_like(skin)


def vertex_array(head: HeadModel) -> np.ndarray:
    """A head's template [V, 3] float64."""
    return head.v_template.detach().cpu().numpy().astype(np.float64)


def normals_of(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Smooth unit normals [V, 3]."""
    return vertex_normals(torch.from_numpy(vertices)[None], torch.from_numpy(faces))[0].numpy()


def landmarks_of(head: HeadModel) -> np.ndarray:
    """A head's landmarks [68, 3] at rest."""
    with torch.no_grad():
        return head.landmarks(head.v_template[None])[0].cpu().numpy().astype(np.float64)


def fit_similarity(source: np.ndarray, target: np.ndarray) -> Similarity:
    """The similarity that carries points [N, 3] nearest to others.

    Raises:
        ValueError: if the points are fewer than four, or lie in a line.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991).
    """
    if len(source) < 4 or source.shape != target.shape:
        raise ValueError(f"pairs: expected at least 4 points of each head, got {len(source)} and {len(target)}")
    middles = source.mean(0), target.mean(0)
    from_, to = source - middles[0], target - middles[1]
    left, scales, right = np.linalg.svd(to.T @ from_)
    if scales[1] < 1e-6 * scales[0]:
        raise ValueError("pairs: expected points all over the face, got some in one line")
    sign = np.diag([1, 1, np.sign(np.linalg.det(left @ right))])
    turn = left @ sign @ right
    scale = float((scales * np.diag(sign)).sum() / np.square(from_).sum())
    return Similarity(scale, turn, middles[1] - scale * turn @ middles[0])


def aligned(source: HeadModel, target: HeadModel) -> Similarity:
    """Alignment without landmarks: from several turns by nearest points, of which the worst do not count.

    Args:
        source, target: heads that look along z with y up, as well as their makers could, but for a turn to their side,
            which their two halves tell.

    Raises:
        ValueError: if one looks too far aside.
    """
    places, goal = vertex_array(source), vertex_array(target)
    ahead = [_ahead(head, points) for head, points in ((source, places), (target, goal))]
    places, goal = places @ ahead[0].T, goal @ ahead[1].T
    boxes = [np.stack([points.min(0), points.max(0)]) for points in (places, goal)]
    scale = (boxes[1][1] - boxes[1][0])[0] / (boxes[0][1] - boxes[0][0])[0]  # widths: necks are cut anywhere
    top = [np.array([box[:, 0].mean(), box[1, 1], box[1, 2]]) for box in boxes]  # so are backs: crown and nose count
    faces = target.faces.cpu().numpy()[outer(target)]
    surface, own = Nearest(goal, faces), source.faces.cpu().numpy().astype(np.int64)
    rows, normals = np.unique(own[outer(source)]), normals_of(places, own)

    def step(found: Similarity, some: np.ndarray) -> tuple[Similarity, float]:
        face, weights, away = surface.closest(found.on(places[some]), normals[some] @ found.turn.T)
        near = away <= np.quantile(away, TRIMMED)
        hits = (goal[faces[face]] * weights[..., None]).sum(1)
        return fit_similarity(places[some][near], hits[near]), float(away[near].mean()) / found.scale

    tries = []
    for pitch in TURNS:
        turn = Rotation.from_euler("x", pitch, degrees=True).as_matrix()
        found, away = Similarity(float(scale), turn, top[1] - scale * turn @ top[0]), np.inf
        for _ in range(TRY_STEPS):
            found, away = step(found, rows[::THINNED])
        tries.append((away, found))
    found = min(tries, key=lambda each: each[0])[1]
    for _ in range(RIGID_STEPS):
        found, _ = step(found, rows)
    return Similarity(found.scale, ahead[1].T @ found.turn @ ahead[0], ahead[1].T @ found.shift)


def _ahead(head: HeadModel, points: np.ndarray) -> np.ndarray:
    """The turn [3, 3] that lets a head with these vertices look along z, but for up and down.

    Raises:
        ValueError: if it looks too far aside.
    """
    normal = mirror_normal(points)
    aside = float(np.degrees(np.arccos(min(1.0, normal[0]))))
    if aside > MOST_ASIDE:
        raise ValueError(
            f"points: expected a mesh that looks along z with y up, got {head.source}, which is turned by some "
            f"{aside:.0f} degrees; turn it, or give --points, a table of at least four landmarks and their vertices"
        )
    return Rotation.align_vectors([[1, 0, 0]], [normal])[0].as_matrix()


def mirror_normal(points: np.ndarray) -> np.ndarray:
    """The direction [3], x positive, across which a head's surface [V, 3] is most like its mirror image.

    A mirrored copy is brought onto the points by nearest ones, from several planes; what results is a reflection.
    """
    centred = points - points.mean(0)
    tree, some = cKDTree(centred), centred[:: max(1, len(centred) // MIRRORED)]
    tries = [(np.inf, np.diag([-1.0, 1, 1]))]
    for yaw in MIRROR_TURNS:
        across = Rotation.from_euler("y", yaw, degrees=True).as_matrix()[:, 0]
        with suppress(ValueError):  # all came to lie on few points
            tries.append(_reflected(some, centred, tree, np.eye(3) - 2 * np.outer(across, across)))
    linear = min(tries, key=lambda each: each[0])[1]
    normal = np.linalg.eigh(linear + linear.T)[1][:, 0]
    return normal * (np.sign(normal[0]) or 1)


def _reflected(some: np.ndarray, points: np.ndarray, tree: cKDTree, linear: np.ndarray) -> tuple[float, np.ndarray]:
    """How far a reflection [3, 3] leaves some points off others, after it was turned to where it does least, and it."""
    shift = np.zeros(3)
    for _ in range(MIRROR_STEPS):
        places = some @ linear.T + shift
        away, hit = tree.query(places)
        near = away <= np.quantile(away, TRIMMED)
        moved = fit_similarity(places[near], points[hit[near]])
        linear, shift = moved.turn @ linear, moved.turn @ shift + moved.shift
    return float(away[near].mean()), linear


def sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Middle [3] and radius of the sphere nearest to points [N, 3]."""
    found = np.linalg.lstsq(np.c_[2 * points, np.ones(len(points))], np.square(points).sum(1), rcond=None)[0]
    return found[:3], float(np.sqrt(max(found[3] + found[:3] @ found[:3], 0)))
