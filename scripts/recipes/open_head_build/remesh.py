"""The open head on another mesh, with another UV chart: what a head in FLAME's format is tried with.

Its skin gets new points, spread evenly and joined anew in the old chart's plane; only the edges of its openings keep
theirs. Eyeballs become finer spheres; teeth, tongue, mouth and eye sockets are left out, as FLAME has none. It has the
identity directions of the open head, carried over, and the main directions of its expressions without names.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, Delaunay, cKDTree

from clipface.fit.nearest import Nearest
from clipface.head.data import HeadData

from .chart import boundary_loops, edges_of
from .remesh_chart import apart, disc, eye_chart, unfolded, within

DENSE = 24  # points to choose from for each that is wanted
APART = 0.006  # metres that opposite normals are thought to lie apart, as the two lips are
EDGE_DISTANCE = 0.55  # of the distance between points, that they keep from the edge
FRONT, FINER = 0.01, 5.0  # metres before the origin, from where on the skin has so many times more points
EARS = ("left_ear", "right_ear")  # which have so many more, too
EYE_SHARE = 0.109  # of all vertices, in each eyeball
JAW_SLOTS = ("jawOpen", "jawLeft", "jawRight")  # which joints do instead, as in FLAME
GAZE = "eyeLook"
PEOPLE = 20  # identity coefficients that make the neutral head another person


class Remesh(NamedTuple):
    """A new mesh on an old surface: the new vertices are `spread` [V', V] times the old ones."""

    spread: csr_matrix
    faces: np.ndarray  # [F', 3]
    uv: np.ndarray  # [Vt', 2]
    uv_faces: np.ndarray  # [F', 3]


def remeshed(head: HeadData, vertices: int, expressions: int = 100, seed: int = 0, strength: float = 1.0) -> HeadData:
    """Make the head.

    Args:
        head: the open head.
        vertices: how many it is to have; a few more or less come out.
        expressions: of them, slots: as many main directions as there are, then zeros.
        seed: of points and of who the neutral face is.
        strength: standard deviation of that person's identity coefficients; 0 is the open head's mean.

    Returns:
        A head with landmarks and regions under FLAME's names as far as the open head has them.
    """
    mesh, before = remesh(head, vertices, np.random.default_rng(seed)), person(head, seed, strength)
    places = mesh.spread @ before
    back, weights, _ = Nearest(places, mesh.faces).closest(before)
    joints = head.J_regressor @ _matrix(mesh.faces[back], weights, len(places)).toarray()
    corners = before[head.faces[head.landmark_faces]]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])  # tells closed lips apart
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    marks = (head.landmark_barycentric[..., None] * corners).sum(1)
    landmark_faces, landmark_weights, _ = Nearest(places, mesh.faces).closest(marks, facing)
    regions = {name: _region(mesh.spread, rows) for name, rows in head.regions.items()}
    return HeadData(
        v_template=places,
        faces=mesh.faces,
        shapedirs=_carried(mesh.spread, head.shapedirs),
        expression_dirs=_carried(mesh.spread, main_directions(head, expressions)),
        posedirs=_carried(mesh.spread, head.posedirs),
        J_regressor=joints,
        parents=head.parents,
        weights=mesh.spread @ head.weights,
        uv=mesh.uv,
        uv_faces=mesh.uv_faces,
        landmark_faces=landmark_faces,
        landmark_barycentric=landmark_weights,
        regions={name: rows for name, rows in regions.items() if len(rows)},
        source="remeshed head",
    ).check()


def person(head: HeadData, seed: int, strength: float) -> np.ndarray:
    """The open head's vertices [V, 3] as the person whom `remeshed` makes of it."""
    shape = np.zeros(head.shapedirs.shape[2])
    shape[:PEOPLE] = strength * np.random.default_rng([seed, 1]).standard_normal(PEOPLE)
    return head.v_template + head.shapedirs @ shape


def main_directions(head: HeadData, count: int) -> np.ndarray:
    """Principal directions [V, 3, count] of the head's expressions but those that joints make, of unit variance."""
    kept = [not (name in JAW_SLOTS or name.startswith(GAZE)) for name in head.expression_names]
    slots = np.flatnonzero(kept)
    directions = head.expression_dirs[..., slots].reshape(-1, len(slots))
    covariance = np.diag(np.full(len(slots), 0.05)) if head.expression_covariance is None else np.array(
        head.expression_covariance[np.ix_(slots, slots)], np.float64
    )  # fmt: skip
    values, vectors = np.linalg.eigh(covariance + 1e-3 * np.eye(len(slots)))
    left, scales, _ = np.linalg.svd(directions @ (vectors * np.sqrt(np.maximum(values, 0))), full_matrices=False)
    result = np.zeros((len(left), count))
    most = min(count, len(scales))
    result[:, :most] = (left * scales)[:, :most]
    return result.reshape(-1, 3, count)


def remesh(head: HeadData, vertices: int, random: np.random.Generator) -> Remesh:
    """Lay a new mesh on the head's skin and eyeballs, with a chart of its own."""
    eye = round(EYE_SHARE * vertices)
    spread, faces, uv, uv_faces = _skin(head, vertices - 2 * eye, random)
    parts, charts = [(spread, faces)], [(uv, uv_faces)]
    for name, side in (("right_eyeball", 0.0), ("left_eyeball", 1.0)):
        ball, ball_faces, around = _eyeball(head, name, eye)
        parts.append((ball, ball_faces))
        charts.append(eye_chart(around, ball_faces, side))
    stacked = csr_matrix(np.concatenate([part.toarray() for part, _ in parts]))
    return Remesh(stacked, _joined([(part.shape[0], part_faces) for part, part_faces in parts]),
                  np.concatenate([part for part, _ in charts]), _joined([(len(p), f) for p, f in charts]))  # fmt: skip


def _skin(head: HeadData, count: int, random: np.random.Generator) -> tuple:
    """New skin: spread [V', V], faces, and the chart with its faces, whose points on the cut are double."""
    largest = np.bincount(_labels(head.uv_faces, len(head.uv))[head.uv_faces[:, 0]]).argmax()
    kept = _labels(head.uv_faces, len(head.uv))[head.uv_faces[:, 0]] == largest
    faces, uv_faces = head.faces[kept].astype(np.int64), head.uv_faces[kept].astype(np.int64)
    vertex_of = np.zeros(len(head.uv), np.int64)
    vertex_of[uv_faces] = faces
    loops = boundary_loops(uv_faces)
    edge = np.concatenate(loops)
    face, weights = _spread_points(head, faces, edge, vertex_of, count - len(np.unique(vertex_of[edge])), random)
    inner = (head.uv[uv_faces[face]] * weights[..., None]).sum(1)
    flat = np.concatenate([head.uv[edge], inner]).astype(np.float64)
    triangles = Delaunay(flat).simplices.astype(np.int64)
    first, second, third = flat[triangles].transpose(1, 0, 2)
    (a, b), (c, d) = (second - first).T, (third - first).T
    area = a * d - b * c
    triangles[area < 0] = triangles[area < 0][:, ::-1]
    inside = within(flat[triangles].mean(1), [head.uv[loop] for loop in loops])
    unique, own = np.unique(vertex_of[edge], return_inverse=True)
    vertex = np.concatenate([own, len(unique) + np.arange(len(inner))])
    triangles = unfolded(triangles[inside & (np.abs(area) > 1e-9)], vertex)
    rows = np.concatenate([np.repeat(unique[:, None], 3, 1), faces[face]])
    parts = np.concatenate([np.tile([1.0, 0, 0], (len(unique), 1)), weights])
    spread = _matrix(rows, parts, len(head.v_template))
    faces = vertex[triangles]
    return spread, faces, disc(spread @ head.v_template, vertex, triangles), triangles


def _spread_points(head, faces, edge, vertex_of, count, random) -> tuple[np.ndarray, np.ndarray]:
    """Points spread evenly over triangles, away from the edge: their triangles [N] and barycentric weights [N, 3]."""
    a, b, c = head.v_template[faces].transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    area = np.linalg.norm(normals, axis=1)
    normals /= np.maximum(area, 1e-20)[:, None]
    fine = np.zeros(len(head.v_template), bool)
    fine[head.v_template[:, 2] > FRONT] = True
    fine[np.concatenate([head.regions[name] for name in EARS])] = True
    fine = fine[faces].all(1)
    area = area * np.where(fine, FINER, 1.0)
    face = random.choice(len(faces), DENSE * count, p=area / area.sum())
    weights = random.dirichlet(np.ones(3), len(face))
    places = np.c_[(head.v_template[faces[face]] * weights[..., None]).sum(1), APART / 2 * normals[face]]
    finer = np.where(fine[face], 1.0, np.sqrt(FINER))
    to_edge = cKDTree(head.v_template[vertex_of[edge]]).query(places[:, :3])[0]
    tree, low, high = cKDTree(places), 0.0, 0.05
    for _ in range(10):
        radius = (low + high) / 2
        chosen = apart(tree, places, radius * finer, to_edge > EDGE_DISTANCE * radius * finer)
        low, high = (radius, high) if len(chosen) >= count else (low, radius)
        if count <= len(chosen) <= 1.01 * count:
            break
    chosen = chosen[:count]
    return face[chosen], weights[chosen]


def _eyeball(head: HeadData, name: str, count: int) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """A finer eyeball: spread, faces, and unit directions [count, 3] of its points."""
    step = np.arange(count) + 0.5
    height, turn = 1 - 2 * step / count, np.pi * (1 + np.sqrt(5)) * step
    ring = np.sqrt(1 - height**2)
    around = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], 1)  # from the pupil to the back
    mine = np.zeros(len(head.v_template), bool)
    mine[head.regions[name]] = True
    faces = head.faces[mine[head.faces].all(1)]
    centre = head.v_template[mine].mean(0)
    radius = np.linalg.norm(head.v_template[mine] - centre, axis=1).mean()
    face, weights, _ = Nearest(head.v_template, faces).closest(centre + radius * around)
    hull = ConvexHull(around).simplices.astype(np.int64)
    inwards = np.einsum("fd,fd->f", np.cross(*(around[hull[:, k]] - around[hull[:, 0]] for k in (1, 2))),
                        around[hull[:, 0]]) < 0  # fmt: skip
    hull[inwards] = hull[inwards][:, ::-1]
    return _matrix(faces[face], weights, len(head.v_template)), hull, around


def _labels(faces: np.ndarray, count: int) -> np.ndarray:
    edges = edges_of(faces)
    return connected_components(coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count)), directed=False)[1]


def _matrix(rows: np.ndarray, weights: np.ndarray, count: int) -> csr_matrix:
    """[N, count] sparse, from columns [N, 3] and what they count."""
    line = np.repeat(np.arange(len(rows)), 3)
    return csr_matrix((weights.ravel().astype(np.float64), (line, rows.ravel())), shape=(len(rows), count))


def _carried(spread: csr_matrix, directions: np.ndarray) -> np.ndarray:
    flat = spread @ directions.reshape(len(directions), -1).astype(np.float64)
    return flat.reshape(spread.shape[0], *directions.shape[1:])


def _region(spread: csr_matrix, rows: np.ndarray) -> np.ndarray:
    mask = np.zeros(spread.shape[1])
    mask[rows] = 1
    return np.flatnonzero(spread @ mask > 0.5)


def _joined(parts: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """Faces of several meshes, as those of one."""
    starts = np.cumsum([0] + [count for count, _ in parts])
    return np.concatenate([faces + start for (_, faces), start in zip(parts, starts, strict=False)])
