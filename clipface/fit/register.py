"""One head's surface bent onto another's: landmarks first, then nearest points that face the same way.

Source: Amberg, Romdhani and Vetter, "Optimal step nonrigid ICP" (2007), with a smooth displacement instead of an affine
map of each vertex: stiff at first, so that wrong nearest points do no harm, and softer from step to step.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, diags, vstack
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from clipface.fit.align import (
    Similarity,
    aligned,
    fit_similarity,
    landmarks_of,
    normals_of,
    outer,
    parts_of,
    sphere,
    vertex_array,
)  # fmt: skip
from clipface.fit.nearest import Nearest
from clipface.head import HeadModel

STIFFNESS = np.geomspace(300, 0.05, 30)  # of the displacement, from the first step to the last
STRETCH = 0.01  # of the stiffness: how much displacements of neighbours may differ at all
LANDMARK_WEIGHT = np.geomspace(100, 10, len(STIFFNESS))
REACH = np.geomspace(0.25, 0.06, len(STIFFNESS))  # of the head's size: farther nearest points are no match


class Registered(NamedTuple):
    """A source head's vertices where they lie on the target."""

    vertices: np.ndarray  # [V, 3] float64
    similarity: Similarity  # the alignment it began with
    distance: np.ndarray  # [V] of skin's vertices to the target, in the target's unit; NaN for others


def register(source: HeadModel, target: HeadModel, pairs: tuple[np.ndarray, np.ndarray] | None = None) -> Registered:
    """Bend a head's neutral surface onto another's.

    Args:
        source: that is bent.
        target: onto which.
        pairs: [N, 3] points of the source and of the target that belong together, at least four not in one plane; None:
            the 68 landmarks if both have them, else an alignment by size, place and nearest points alone, for heads
            that look along z with y up.

    Raises:
        ValueError: if pairs are too few or do not span space.
    """
    places, goal = vertex_array(source), vertex_array(target)
    if pairs is None and source.has_landmarks and target.has_landmarks:
        pairs = landmarks_of(source), landmarks_of(target)
    if pairs is None:
        similarity = aligned(source, target)
        marks = csr_matrix((0, len(places))), np.zeros((0, 3))
    else:
        similarity = fit_similarity(*pairs)
        marks = _on_mesh(source, similarity, pairs[0]), pairs[1]
    start = similarity.on(places)
    bent = _Bending(source, target, start, goal, marks).run()
    _move_eyes(source, target, start, bent, goal)
    skin = np.unique(source.faces.cpu().numpy()[parts_of(source).skin])
    away = np.full(len(bent), np.nan)
    away[skin] = Nearest(goal, target.faces.cpu().numpy()[outer(target)]).closest(bent[skin])[2]
    return Registered(bent, similarity, away)


def _on_mesh(source: HeadModel, similarity: Similarity, points: np.ndarray) -> csr_matrix:
    """[N, V] sparse: points of the source as weights of its vertices."""
    faces = source.faces.cpu().numpy().astype(np.int64)
    skin = faces[outer(source)]
    face, weights, _ = Nearest(vertex_array(source), skin).closest(points)
    return rows_matrix(skin[face], weights, len(source.v_template))


def rows_matrix(corners: np.ndarray, weights: np.ndarray, count: int) -> csr_matrix:
    """[N, count] sparse, from vertices [N, 3] and what they count."""
    rows = np.repeat(np.arange(len(corners)), 3)
    return csr_matrix((weights.ravel().astype(np.float64), (rows, corners.ravel())), shape=(len(corners), count))


class _Bending:
    """The steps of `register`, in units of the target's size."""

    def __init__(self, source: HeadModel, target: HeadModel, start, goal, marks) -> None:
        self.middle, self.size = goal.mean(0), float(np.linalg.norm(goal - goal.mean(0), axis=1).mean())
        self.start, self.goal = (start - self.middle) / self.size, (goal - self.middle) / self.size
        self.faces = source.faces.cpu().numpy().astype(np.int64)
        self.goal_faces = target.faces.cpu().numpy().astype(np.int64)
        self.rows = np.unique(self.faces[outer(source)])  # that look for nearest points
        self.goal_rows = np.unique(self.goal_faces[outer(target)])
        self.outer, self.goal_outer = self.faces[outer(source)], self.goal_faces[outer(target)]
        self.marks, self.mark_goal = marks[0], (marks[1] - self.middle) / self.size
        self.surface = Nearest(self.goal, self.goal_outer)
        self.goal_normals = normals_of(self.goal, self.goal_faces)
        self.rim, self.goal_rim = (_on_rim(faces, n) for faces, n in (
            (self.outer, len(start)), (self.goal_outer, len(goal))))  # fmt: skip

    def run(self) -> np.ndarray:
        """Bend [V, 3], in the target's unit."""
        places, smooth = self.start, self._smoothness()
        for stiffness, weight, reach in zip(STIFFNESS, LANDMARK_WEIGHT, REACH, strict=True):
            ours, theirs = self._matches(places, reach)
            left = vstack([ours[0], np.sqrt(0.5) * theirs[0], np.sqrt(weight) * self.marks]).tocsr()
            right = np.concatenate([ours[1], np.sqrt(0.5) * theirs[1], np.sqrt(weight) * self.mark_goal])
            matrix = left.T @ left + stiffness * smooth
            moved = splu(matrix.tocsc()).solve(left.T @ (right - left @ self.start))
            places = self.start + moved
        places = self._follow(places)
        return places * self.size + self.middle

    def _matches(self, places: np.ndarray, reach: float) -> tuple:
        """Equations of our vertices at the nearest of theirs, and of theirs at the nearest of ours."""
        normals = normals_of(places, self.faces)
        face, weights, away = self.surface.closest(places[self.rows], normals[self.rows])
        corners = self.goal_outer[face]
        good = (away < reach) & ~_at_rim(corners, weights, self.goal_rim) & ~self.rim[self.rows]
        rows, hits = self.rows[good], (self.goal[corners] * weights[..., None]).sum(1)[good]
        ours = csr_matrix((np.ones(len(rows)), (np.arange(len(rows)), rows)), shape=(len(rows), len(places)))
        face, weights, away = Nearest(places, self.outer).closest(
            self.goal[self.goal_rows], self.goal_normals[self.goal_rows]
        )
        corners = self.outer[face]
        good = (away < reach) & ~_at_rim(corners, weights, self.rim) & ~self.goal_rim[self.goal_rows]
        theirs = rows_matrix(corners[good], weights[good], len(places))
        return (ours, hits), (theirs, self.goal[self.goal_rows[good]])

    def _smoothness(self) -> csr_matrix:
        """Quadratic form of a displacement's bending, and a little of its stretch: nothing for a shift."""
        count = len(self.start)
        edges = np.unique(np.sort(np.concatenate([self.faces[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1), axis=0)
        both = np.concatenate([edges, edges[:, ::-1]])
        near = csr_matrix((np.ones(len(both)), both.T), shape=(count, count))
        degree = np.maximum(np.asarray(near.sum(1)).ravel(), 1)
        bending = diags(np.ones(count)) - diags(1 / degree) @ near
        stretch = diags(degree) - near
        return (bending.T @ bending + STRETCH * stretch + 1e-6 * diags(np.ones(count))).tocsr()

    def _follow(self, places: np.ndarray) -> np.ndarray:
        """Move parts that nothing holds, such as teeth, as the skin about them moved."""
        count = len(places)
        edges = np.concatenate([self.faces[:, [i, (i + 1) % 3]] for i in range(3)])
        graph = csr_matrix((np.ones(len(edges)), edges.T), shape=(count, count))
        label = connected_components(graph, directed=False)[1]
        held = np.isin(label, np.unique(label[self.rows]))
        if held.all():
            return places
        places = places.copy()
        near = cKDTree(self.start[self.rows]).query(self.start[~held], 16)[1]
        places[~held] = self.start[~held] + (places - self.start)[self.rows][near].mean(1)
        return places


def _on_rim(faces: np.ndarray, count: int) -> np.ndarray:
    """Which vertices [V] lie on an edge with one triangle only."""
    edges = np.sort(np.concatenate([faces[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1)
    unique, times = np.unique(edges, axis=0, return_counts=True)
    rim = np.zeros(count, bool)
    rim[unique[times == 1]] = True
    return rim


def _at_rim(corners: np.ndarray, weights: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Which points [N] lie on the surface's rim: beyond it nearest points say nothing."""
    return ((weights < 1e-6) | rim[corners]).all(1) & rim[corners].any(1)


def _move_eyes(source: HeadModel, target: HeadModel, start, bent, goal) -> None:
    """Put the source's eyeballs, as spheres, at the target's places, where both have them."""
    for ours, theirs in zip(parts_of(source).eyes, parts_of(target).eyes, strict=True):
        if ours.any() and theirs.any():
            rows = np.unique(source.faces.cpu().numpy()[ours])
            other = goal[np.unique(target.faces.cpu().numpy()[theirs])]
            middle, place = sphere(start[rows]), sphere(other)
            bent[rows] = place[0] + (start[rows] - middle[0]) * place[1] / middle[1]
