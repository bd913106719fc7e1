"""Closest points on a surface that faces the same way, for many points at once."""

import numpy as np
from scipy.spatial import cKDTree

CANDIDATES = 12  # triangles looked at for a point: those whose middles are nearest
MOST_TURN = 0.3  # least cosine between a point's normal and that of the triangle it may go to: 73 degrees
CHUNK = 16384  # points looked at together
NONE = 1e6  # stands for the distance to a triangle that faces another way


class Nearest:
    """Triangles of a mesh, found by where they are and which way they face.

    Args:
        vertices: [V, 3].
        faces: [F, 3], the triangles that count; at least one.

    Example:
        >>> face, weights, away = Nearest(vertices, faces).closest(points, normals)
        >>> places = (vertices[faces[face]] * weights[..., None]).sum(1)
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.corners = np.asarray(vertices, np.float32)[faces]  # [F, 3, 3]
        a, b, c = self.corners.swapaxes(0, 1)
        normals = np.cross(b - a, c - a)
        self.normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
        self.tree = cKDTree(self.corners.mean(1))

    def closest(
        self, points: np.ndarray, normals: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The nearest point to each, among those that face as its normal does.

        Args:
            points: [N, 3].
            normals: [N, 3] unit vectors; None: triangles may face anywhere.

        Returns:
            Triangles [N] (rows of the `faces` given), barycentric weights [N, 3], none negative, and distances [N];
            1e6 and the nearest triangle's middle where none of the triangles around faces as the normal does.
        """
        parts = [slice(start, start + CHUNK) for start in range(0, len(points), CHUNK)] or [slice(0, 0)]
        found = [self._closest(points[part], None if normals is None else normals[part]) for part in parts]
        face, weights, away = (np.concatenate(each) for each in zip(*found, strict=True))
        return face, weights, away

    def _closest(self, points: np.ndarray, normals: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        points = np.asarray(points, np.float32)
        around = self.tree.query(points, min(CANDIDATES, len(self.corners)))[1].reshape(len(points), -1)  # [N, K]
        weights = on_triangles(points[:, None], self.corners[around])  # [N, K, 3]
        places = np.einsum("nkc,nkcd->nkd", weights, self.corners[around])
        away = np.linalg.norm(places - points[:, None], axis=2)
        if normals is not None:
            facing = np.einsum("nd,nkd->nk", np.asarray(normals, np.float32), self.normals[around])
            away = np.where(facing < MOST_TURN, NONE, away)
        row, best = np.arange(len(points)), away.argmin(1)
        return around[row, best], weights[row, best], away[row, best]


def on_triangles(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric weights [..., 3] of the closest points on triangles.

    Args:
        points: [..., 3].
        corners: [..., 3, 3] of a triangle for each point.

    Source: Ericson, "Real-time collision detection" (2005), 5.1.5: the region that a point lies in says what is near.
    """
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac = b - a, c - a
    d1, d2 = _dots(ab, ac, points - a)
    d3, d4 = _dots(ab, ac, points - b)
    d5, d6 = _dots(ab, ac, points - c)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    total = _sure(va + vb + vc)
    v, w = vb / total, vc / total
    on_bc = ((d4 - d3) / _sure(d4 - d3 + d5 - d6)).clip(0, 1)
    on_ac, on_ab = (d2 / _sure(d2 - d6)).clip(0, 1), (d1 / _sure(d1 - d3)).clip(0, 1)
    regions = (
        ((va <= 0) & (d4 >= d3) & (d5 >= d6), 1 - on_bc, on_bc),
        ((vb <= 0) & (d2 >= 0) & (d6 <= 0), 0, on_ac),
        ((vc <= 0) & (d1 >= 0) & (d3 <= 0), on_ab, 0),
        ((d1 <= 0) & (d2 <= 0), 0, 0),
        ((d3 >= 0) & (d4 <= d3), 1, 0),
        ((d6 >= 0) & (d5 <= d6), 0, 1),
    )
    for here, second, third in regions:
        v, w = np.where(here, second, v), np.where(here, third, w)
    return np.stack([1 - v - w, v, w], -1).clip(0, 1)


def _dots(first: np.ndarray, second: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (first * offsets).sum(-1), (second * offsets).sum(-1)


def _sure(value: np.ndarray) -> np.ndarray:
    """A divisor that is not zero; a triangle without an area has its regions on edges and corners alone."""
    return np.where(np.abs(value) < 1e-20, 1e-20, value)
