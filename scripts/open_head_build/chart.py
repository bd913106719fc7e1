"""The skin's UV chart: a cut along the back of the head, a rounded rectangle, mean-value weights, low stretch.

Source: Floater 2003 (mean value coordinates); Yoshizawa, Belyaev, Seidel 2004 (stretch re-weighting).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

ITERATIONS, STEP = 40, 0.35
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


def stretch(points: np.ndarray, faces: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """L2 stretch of every triangle from the chart to the surface `[F]` (metres per unit of the chart)."""
    (a, b, c), (p, q, r) = (uv[faces[:, i]] for i in range(3)), (points[faces[:, i]] for i in range(3))
    area = ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])) / 2
    area = np.maximum(np.abs(area), 1e-12)[:, None]
    along_u = (p * (b[:, 1:] - c[:, 1:]) + q * (c[:, 1:] - a[:, 1:]) + r * (a[:, 1:] - b[:, 1:])) / (2 * area)
    along_v = (p * (c[:, :1] - b[:, :1]) + q * (a[:, :1] - c[:, :1]) + r * (b[:, :1] - a[:, :1])) / (2 * area)
    return np.sqrt(((along_u**2).sum(axis=1) + (along_v**2).sum(axis=1)) / 2)


def outline(loop: np.ndarray, points: np.ndarray, neck: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Places of the outer loop on a rounded rectangle; its first `neck + 1` vertices run along the bottom.

    The loop must start at the left end of the neck's edge and run counter-clockwise in the chart.
    """
    lengths = np.linalg.norm(points[np.roll(loop, -1)] - points[loop], axis=1)
    along = np.concatenate([[0], np.cumsum(lengths)])
    neck_length = along[neck]
    share = np.where(along <= neck_length, along / neck_length * NECK_SHARE,
                     NECK_SHARE + (along - neck_length) / (along[-1] - neck_length) * (1 - NECK_SHARE))[:-1]
    turn = np.linspace(-np.pi / 2, 3 * np.pi / 2, 4001)  # from the middle of the bottom, counter-clockwise
    square = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    square /= (np.abs(square) ** CORNER_POWER).sum(axis=1, keepdims=True) ** (1 / CORNER_POWER)
    size = (high - low) / 2
    curve = (low + high) / 2 + square * size
    travelled = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    wanted = ((share - NECK_SHARE / 2) % 1.0) * travelled[-1]
    return np.stack([np.interp(wanted, travelled, curve[:, axis]) for axis in range(2)], axis=1)


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


def flatten(points: np.ndarray, faces: np.ndarray, fixed: np.ndarray, places: np.ndarray,
            emphasis: np.ndarray) -> np.ndarray:
    """Low-stretch chart `[V, 2]` of a disc whose outer loop is fixed.

    Args:
        emphasis: wanted magnification of every triangle `[F]`, relative.
    """
    rows, columns, values = mean_value_weights(points, faces)
    area = np.linalg.norm(np.cross(points[faces[:, 1]] - points[faces[:, 0]],
                                   points[faces[:, 2]] - points[faces[:, 0]]), axis=1)
    best, best_score = None, np.inf
    for _ in range(ITERATIONS):
        uv = solve(points, faces, fixed, places, (rows, columns, values))
        local = stretch(points, faces, uv) * emphasis
        score = np.sqrt((area * local**2).sum() / area.sum())
        if score < best_score:
            best, best_score = uv, score
        around, total = np.zeros(len(points)), np.full(len(points), 1e-12)
        for corner in range(3):
            np.add.at(around, faces[:, corner], area * local**2)
            np.add.at(total, faces[:, corner], area)
        sigma = np.sqrt(around / total)
        sigma /= np.median(sigma[np.unique(faces)])
        values = values / np.maximum(sigma[columns], 1e-6) ** STEP
    return best
