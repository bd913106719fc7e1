"""Closest points on a triangle mesh, and curves of it that a plane cuts."""

import numpy as np

FACING = 0.05  # cosine from which on a triangle faces the viewer


class Surface:
    """Some triangles of a mesh.

    Args:
        vertices: [V, 3], z towards the viewer.
        faces: [F, 3], the triangles that count.
        front: keep those only that face the viewer.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, front: bool = False) -> None:
        corners = vertices[faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.maximum(np.linalg.norm(normals, axis=1), 1e-20)
        self.normals = normals / length[:, None]
        self.kept = np.flatnonzero(self.normals[:, 2] > FACING) if front else np.arange(len(faces))
        if not len(self.kept):
            raise ValueError("faces: at least one triangle that faces the viewer is wanted, none does")
        self.corners, self.normals = corners[self.kept], self.normals[self.kept]

    def closest(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest point to each target.

        Args:
            targets: [N, 3].

        Returns:
            Triangles [N], numbers of rows of the `faces` given, and barycentric weights [N, 3], none negative.
        """
        a, b, c = (self.corners[None, :, k] for k in range(3))
        weights = _closest_weights(targets[:, None], a, b, c)  # [N, F, 3]
        places = np.einsum("nfk,fkd->nfd", weights, self.corners)
        best = np.square(places - targets[:, None]).sum(-1).argmin(1)
        return self.kept[best], weights[np.arange(len(targets)), best]

    def cut(self, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where rays leave the surface outwards.

        Args:
            origin: [3], inside.
            directions: [K, 3] unit vectors.

        Returns:
            Distances [K, F], infinite where a ray does not leave through a triangle; triangle numbers [F] as in the
            `faces` given; barycentric weights [K, F, 3].
        """
        a, b, c = (self.corners[:, k] for k in range(3))
        side, other, offset = b - a, c - a, origin - a  # [F, 3]
        turned = np.cross(directions[:, None], other)  # [K, F, 3]
        volume = (turned * side).sum(-1)
        outwards = (directions @ self.normals.T) > 1e-6
        volume = np.where(outwards, volume, np.inf)
        u = (turned * offset).sum(-1) / volume
        crossed = np.cross(offset, side)
        v = (directions @ crossed.T) / volume
        distance = (other * crossed).sum(-1) / volume
        hit = outwards & (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (distance > 0)
        return np.where(hit, distance, np.inf), self.kept, np.stack([1 - u - v, u, v], -1)


def _closest_weights(p: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Barycentric weights [N, F, 3] of the points of triangles closest to p: inside, or on the nearest edge."""
    ab, ac, ap = b - a, c - a, p - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    area = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    best = np.stack([1 - v - w, v, w], -1)
    distance = np.where(best.min(-1) >= 0, 0.0, np.inf)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        start, end = (a, b, c)[first], (a, b, c)[second]
        edge = end - start
        share = (((p - start) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-30)).clip(0, 1)
        away = np.square(start + share[..., None] * edge - p).sum(-1)
        on_edge = np.zeros_like(best)
        on_edge[..., first], on_edge[..., second] = 1 - share, share
        nearer = away < distance
        best = np.where(nearer[..., None], on_edge, best)
        distance = np.where(nearer, away, distance)
    return best
