"""The skin's UV chart: a cut along the back of the head, laid flat inside a rounded rectangle.

Source: Floater 2003 (mean value coordinates) for the start, which cannot flip a triangle. Distortion is then lowered
without flips: symmetric Dirichlet energy (Smith and Schaefer 2015), L-BFGS with a Laplacian as first guess (Zhu,
Bridson, Kaufman 2018).
"""

from collections import deque

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import splu

CORNER_POWER = 5.0  # exponent of the super-ellipse: 2 is an ellipse, large is a sharp rectangle
NECK_SHARE = 0.36  # of the chart's outline that the neck's edge takes
ITERATIONS, MEMORY = 250, 8
HALVINGS, DECREASE = 30, 1e-4  # of the line search
OUTLINE_STEP = 0.05  # scale of the outline's angles against the chart's points in the first guess


def edges_of(faces: np.ndarray) -> np.ndarray:
    """The three edges `[3 F, 2]` of each triangle, first those from its first vertex."""
    return np.concatenate([faces[:, [i, (i + 1) % 3]] for i in range(3)])


def neighbours(edges: np.ndarray) -> dict[int, set[int]]:
    """Vertices that share an edge with each vertex."""
    near: dict[int, set[int]] = {}
    for a, b in edges.tolist():
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    return near


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Closed loops of edges that have one face only, longest first."""
    edges = edges_of(faces)
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
    edges = edges_of(faces)
    near = neighbours(edges[(mirror[edges] == edges).all(axis=1)])
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


def solve(
    points: np.ndarray,
    faces: np.ndarray,
    fixed: np.ndarray,
    places: np.ndarray,
    weights: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
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


class Parametrisation:
    """Energy of a chart whose outer loop slides on an outline.

    The unknowns are the inner points' coordinates, then the outer loop's angles, in one vector.
    """

    def __init__(
        self, points: np.ndarray, faces: np.ndarray, loop: np.ndarray, outline: Outline, magnify: np.ndarray
    ) -> None:
        self.faces, self.loop, self.outline, self.count = faces, loop, outline, len(points)
        self.inner = np.setdiff1d(np.unique(faces), loop)
        along, across = points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]]
        length = np.linalg.norm(along, axis=1)
        width = (along * across).sum(axis=1) / length
        height = np.sqrt(np.maximum((across**2).sum(axis=1) - width**2, 1e-20))
        total = 4 * outline.size.prod() / (0.5 * length * height * magnify**2).sum()
        size = magnify * np.sqrt(total)  # the new sizes fill the box
        length, width, height = length * size, width * size, height * size
        # Inverse of the new triangle's edge matrix [[length, width], [0, height]].
        entries = [1 / length, -width / (length * height), 0 * length, 1 / height]
        self.inverse = np.stack(entries, axis=1).reshape(-1, 2, 2)
        self.weight = 0.5 * length * height

    def uv(self, unknowns: np.ndarray) -> np.ndarray:
        """Parametrisation points `[V, 2]`."""
        uv = np.zeros((self.count, 2))
        split = 2 * len(self.inner)
        uv[self.inner] = unknowns[:split].reshape(-1, 2)
        uv[self.loop] = self.outline.at(unknowns[split:])
        return uv

    def energy(self, unknowns: np.ndarray, gradient: bool = True) -> tuple[float, np.ndarray | None]:
        """Energy (infinite if a triangle is flipped) and its gradient."""
        uv = self.uv(unknowns)
        corner = uv[self.faces]
        edges = np.stack([corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]], axis=2)
        jacobian = edges @ self.inverse
        area = np.linalg.det(jacobian)
        if area.min() <= 0:
            return np.inf, None
        square = (jacobian**2).sum(axis=(1, 2))
        value = float((self.weight * square * (1 + area**-2)).sum())
        if not gradient:
            return value, None
        adjugate = np.stack([jacobian[:, 1, 1], -jacobian[:, 1, 0], -jacobian[:, 0, 1], jacobian[:, 0, 0]], axis=1)
        slope = 2 * jacobian * (1 + area**-2)[:, None, None]
        slope -= 2 * (square * area**-3)[:, None, None] * adjugate.reshape(-1, 2, 2)
        back = (self.weight[:, None, None] * slope) @ self.inverse.transpose(0, 2, 1)  # [F, xy, edge]
        out = np.zeros((self.count, 2))
        for place, part in ((1, back[:, :, 0]), (2, back[:, :, 1]), (0, -back.sum(axis=2))):
            np.add.at(out, self.faces[:, place], part)
        angles, step = unknowns[2 * len(self.inner) :], 1e-6
        tangent = (self.outline.at(angles + step) - self.outline.at(angles - step)) / (2 * step)
        return value, np.concatenate([out[self.inner].ravel(), (out[self.loop] * tangent).sum(axis=1)])

    def first_guess(self):
        """A function that applies the inverse of a Laplacian to a gradient."""
        rows = np.concatenate([self.faces[:, i] for i in (0, 1, 2, 1, 2, 0)])
        columns = np.concatenate([self.faces[:, i] for i in (1, 2, 0, 0, 1, 2)])
        matrix = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(self.count,) * 2).tocsr()
        degree = np.asarray(matrix.sum(axis=1)).ravel()
        laplacian = csr_matrix((degree, (np.arange(self.count),) * 2), shape=(self.count,) * 2) - matrix
        factor = splu(laplacian[self.inner][:, self.inner].tocsc())
        split = 2 * len(self.inner)

        def apply(vector: np.ndarray) -> np.ndarray:
            inner = factor.solve(vector[:split].reshape(-1, 2))
            return np.concatenate([inner.ravel(), vector[split:] * OUTLINE_STEP])

        return apply


def relax(chart: Parametrisation, start: np.ndarray, iterations: int = ITERATIONS) -> np.ndarray:
    """Unknowns of lower energy; never passes through a flipped chart.

    Args:
        start: unknowns of a chart without flips.
    """
    guess, now = chart.first_guess(), start
    value, slope = chart.energy(now)
    memory: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=MEMORY)
    for _ in range(iterations):
        direction = -_two_loops(slope, memory, guess)
        downhill = float(direction @ slope)
        step = 1.0
        for _ in range(HALVINGS):
            trial, _ = chart.energy(now + step * direction, gradient=False)
            if trial <= value + DECREASE * step * downhill:
                break
            step /= 2
        else:
            break
        moved = now + step * direction
        value, new_slope = chart.energy(moved)
        if (new_slope - slope) @ (moved - now) > 0:
            memory.append((moved - now, new_slope - slope))
        now, slope = moved, new_slope
    return now


def _two_loops(slope: np.ndarray, memory: deque, guess) -> np.ndarray:
    out, alphas = slope.copy(), []
    for step, change in reversed(memory):
        alphas.append((step @ out) / (change @ step))
        out -= alphas[-1] * change
    out = guess(out)
    if memory:
        step, change = memory[-1]
        out *= (step @ change) / (change @ guess(change))
    for (step, change), alpha in zip(memory, reversed(alphas), strict=True):
        out += step * (alpha - (change @ out) / (change @ step))
    return out
