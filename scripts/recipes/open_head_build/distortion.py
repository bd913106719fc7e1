"""Lower a chart's distortion without flips: symmetric Dirichlet energy, L-BFGS with a Laplacian as first guess.

Source: Smith and Schaefer 2015 (the energy); Zhu, Bridson, Kaufman 2018 (blending L-BFGS with the Laplacian).
"""

from collections import deque

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import splu

from .chart import Outline

ITERATIONS, MEMORY = 250, 8
HALVINGS, DECREASE = 30, 1e-4  # of the line search
OUTLINE_STEP = 0.05  # scale of the outline's angles against the chart's points in the first guess


class Parametrisation:
    """Energy of a chart whose outer loop slides on an outline.

    The unknowns are the inner points' coordinates, then the outer loop's angles, in one vector.
    """

    def __init__(self, points: np.ndarray, faces: np.ndarray, loop: np.ndarray, outline: Outline,
                 magnify: np.ndarray) -> None:
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
