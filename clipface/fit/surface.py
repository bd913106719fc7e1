"""Closest points on a triangle mesh, and curves of it that a plane cuts."""

import numpy as np

CHUNK = 256  # triangles looked at together


class Surface:
    """Some triangles of a mesh.

    Args:
        vertices: [V, 3], z towards the viewer.
        faces: [F, 3], the triangles that count; at least one.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.corners = vertices[faces]
        normals = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        self.normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)

    def closest(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest point to each target.

        Args:
            targets: [N, 3].

        Returns:
            Triangles [N], numbers of rows of the `faces` given, and barycentric weights [N, 3], none negative.
        """
        inverse = np.linalg.pinv(self.corners[:, 1:] - self.corners[:, :1])  # [F, 3, 2]
        rest = np.einsum("nfd,fdk->nfk", targets[:, None] - self.corners[:, 0], inverse)
        ways = [np.concatenate([1 - rest.sum(-1, keepdims=True), rest], -1)]  # in the triangle's plane; on its edges
        for first, second in ((0, 1), (1, 2), (2, 0)):
            start, edge = self.corners[:, first], self.corners[:, second] - self.corners[:, first]
            length = np.maximum(np.square(edge).sum(-1), 1e-30)
            share = (((targets[:, None] - start) * edge).sum(-1) / length).clip(0, 1)[..., None]
            ways.append((1 - share) * np.eye(3)[first] + share * np.eye(3)[second])
        away = [np.square(np.einsum("nfk,fkd->nfd", way, self.corners) - targets[:, None]).sum(-1) for way in ways]
        away[0][ways[0].min(-1) < 0] = np.inf
        kind, best = np.divmod(np.stack(away, 1).reshape(len(targets), -1).argmin(1), len(self.corners))
        return best, np.stack(ways)[kind, np.arange(len(targets)), best]

    def cut(self, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where rays leave the surface outwards.

        Args:
            origin: [3], inside.
            directions: [K, 3] unit vectors.

        Returns:
            Distances [K, F], infinite where a ray does not leave through a triangle, and barycentric weights [K, F, 3].
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
        return np.where(hit, distance, np.inf), np.stack([1 - u - v, u, v], -1)


def covered(vertices: np.ndarray, faces: np.ndarray, depth: float) -> np.ndarray:
    """Which triangles face away from the viewer, or have their middle behind one that does not, deeper than `depth`.

    Args:
        vertices: [V, 3], z towards the viewer.
        faces: [F, 3].
        depth: metres.

    Returns:
        [F] bool.
    """
    corners = vertices[faces]
    a, side, other = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = side[:, 0] * other[:, 1] - side[:, 1] * other[:, 0]
    front = area > 1e-12
    a, side, other, area = a[front], side[front], other[front], area[front]
    hidden, middles = np.ones(len(faces), bool), corners.mean(1)
    low, high = (a[:, 0] + bound(0, bound(side[:, 0], other[:, 0])) for bound in (np.minimum, np.maximum))
    # Neighbours in x lie together, so that few triangles can be before any of them.
    order = np.flatnonzero(front)[np.argsort(middles[front, 0])]
    for start in range(0, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        middle = middles[rows]
        near = (high >= middle[0, 0]) & (low <= middle[-1, 0])
        x, y = (middle[:, None, k] - a[None, near, k] for k in (0, 1))  # [n, F']
        (across, up, far), (along, rise, deep), whole = side[near].T, other[near].T, area[near]
        u, v = (x * rise - y * along) / whole, (y * across - x * up) / whole
        above = a[near, 2] + u * far + v * deep > middle[:, None, 2] + depth
        hidden[rows] = ((u >= 0) & (v >= 0) & (u + v <= 1) & above).any(1)
    return hidden
