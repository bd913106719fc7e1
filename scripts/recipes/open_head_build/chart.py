"""The skin's UV chart: a cut along the back of the head, laid flat inside a rounded rectangle.

Source: Floater 2003 (mean value coordinates) for the start, which cannot flip a triangle; `distortion.py` improves it.
"""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

CORNER_POWER = 5.0  # exponent of the super-ellipse: 2 is an ellipse, large is a sharp rectangle
NECK_SHARE = 0.36  # of the chart's outline that the neck's edge takes


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Closed loops of edges that have one face only, longest first."""
    edges = np.concatenate([faces[:, [i, (i + 1) % 3]] for i in range(3)])
    known = set(map(tuple, edges.tolist()))
    after = {a: b for a, b in edges.tolist() if (b, a) not in known}
    loops = []
    while after:
        at = next(iter(after))
        loop = []
        while at in after:
            loop.append(at)
            at = after.pop(at)
        loops.append(np.array(loop))
    return sorted(loops, key=len, reverse=True)


def back_path(faces: np.ndarray, points: np.ndarray, mirror: np.ndarray, top: np.ndarray) -> list[int]:
    """Midline vertices from the neck's edge up the back of the head to the one nearest `top`."""
    edges = np.concatenate([faces[:, [i, (i + 1) % 3]] for i in range(3)])
    middle = edges[(mirror[edges] == edges).all(axis=1)]
    near: dict[int, set[int]] = {}
    for a, b in middle.tolist():
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    neck = max(boundary_loops(faces), key=lambda loop: -points[loop, 1].mean())
    start = min((v for v in neck.tolist() if mirror[v] == v), key=lambda v: points[v, 2])
    end = min(near, key=lambda v: np.linalg.norm(points[v] - top))
    path, seen = [start], {start}
    while path[-1] != end:
        step = [v for v in near[path[-1]] if v not in seen]
        path.append(min(step, key=lambda v: points[v, 2] if len(path) == 1 else 0.0))
        seen.add(path[-1])
    return path


def cut_open(faces: np.ndarray, points: np.ndarray, path: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Faces with the path's vertices doubled (all but the last) on the x < 0 side, and the doubled vertices."""
    doubled = np.array(path[:-1])
    copy = np.arange(len(points))
    copy[doubled] = len(points) + np.arange(len(doubled))
    faces = faces.copy()
    right = points[faces].mean(axis=1)[:, 0] < 0
    faces[right] = copy[faces[right]]
    return faces, doubled


def mean_value_weights(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directed weights `(i, j, w)` of the mean value coordinates: all positive, so no triangle can flip."""
    rows, columns, values = [], [], []
    for corner in range(3):
        i, j, k = (faces[:, (corner + step) % 3] for step in range(3))
        to_j, to_k = points[j] - points[i], points[k] - points[i]
        length_j, length_k = np.linalg.norm(to_j, axis=1), np.linalg.norm(to_k, axis=1)
        cosine = np.clip((to_j * to_k).sum(axis=1) / (length_j * length_k), -1, 1)
        half = np.sqrt((1 - cosine) / np.maximum(1 + cosine, 1e-9))  # tan of half the angle
        rows += [i, i]
        columns += [j, k]
        values += [half / length_j, half / length_k]
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(values)


class Outline:
    """A super-ellipse inside the box from `low` to `high`; places on it are angles, counter-clockwise from +u."""

    def __init__(self, low: np.ndarray, high: np.ndarray) -> None:
        self.middle, self.size = (low + high) / 2, (high - low) / 2

    def at(self, angle: np.ndarray) -> np.ndarray:
        """Points `[N, 2]` of the outline."""
        round_ = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        norm = (np.abs(round_) ** CORNER_POWER).sum(axis=1, keepdims=True) ** (1 / CORNER_POWER)
        return self.middle + self.size * round_ / norm

    def spread(self, loop: np.ndarray, points: np.ndarray, neck: int) -> np.ndarray:
        """Angles `[N]` of an outer loop by its lengths; its first `neck + 1` vertices run along the bottom.

        The loop starts at the left end of the neck's edge and runs counter-clockwise in the chart.
        """
        lengths = np.linalg.norm(points[np.roll(loop, -1)] - points[loop], axis=1)
        along = np.concatenate([[0], np.cumsum(lengths)])
        whole, end = along[-1], along[neck]
        share = np.interp(along[:-1], [0, end, whole], [-NECK_SHARE / 2, NECK_SHARE / 2, 1 - NECK_SHARE / 2])
        turn = np.linspace(-np.pi / 2, 3 * np.pi / 2, 4001)  # from the middle of the bottom
        steps = np.linalg.norm(np.diff(self.at(turn), axis=0), axis=1)
        travelled = np.concatenate([[0], np.cumsum(steps)]) / steps.sum()
        return np.interp(share % 1.0, travelled, turn) - 2 * np.pi * (share < 0)


def solve(points: np.ndarray, faces: np.ndarray, fixed: np.ndarray, places: np.ndarray,
          weights: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Every free vertex at the weighted mean of its neighbours; `fixed` vertices stay at `places`."""
    rows, columns, values = weights
    size = len(points)
    matrix = coo_matrix((values, (rows, columns)), shape=(size, size)).tocsr()
    matrix.data /= np.repeat(np.asarray(matrix.sum(axis=1)).ravel(), np.diff(matrix.indptr))
    free = np.setdiff1d(np.unique(faces), fixed)
    uv = np.zeros((size, 2))
    uv[fixed] = places
    left = coo_matrix((np.ones(len(free)), (np.arange(len(free)),) * 2), shape=(len(free),) * 2) - matrix[free][:, free]
    uv[free] = splu(left.tocsc()).solve(np.asarray(matrix[free][:, fixed] @ places))
    return uv
