"""Plane geometry of `remesh`: triangles in a chart, and the charts of the new skin and eyes."""

import numpy as np
from scipy.spatial import cKDTree

from .chart import boundary_loops, mean_value_weights, solve

CENTRE_POWER = 0.72  # of the chart's radius: below 1 the face grows
DISC, PLACE = 0.075, 0.085  # radius of an eye's half in the chart, and its middle's distance from the sides


def within(points: np.ndarray, loops: list[np.ndarray]) -> np.ndarray:
    """Which points [N, 2] lie inside an odd number of closed lines."""
    odd = np.zeros(len(points), bool)
    for loop in loops:
        for (u, v), (to_u, to_v) in zip(loop, np.roll(loop, -1, axis=0), strict=True):
            between = (v > points[:, 1]) != (to_v > points[:, 1])
            rise = to_v - v if to_v != v else 1.0
            odd ^= between & (points[:, 0] < u + (points[:, 1] - v) * (to_u - u) / rise)
    return odd


def unfolded(triangles: np.ndarray, vertex: np.ndarray) -> np.ndarray:
    """Triangles without those whose ends are one vertex, at the cut's end: an edge of each is turned over."""
    triangles = triangles.copy()
    for row, triangle in enumerate(vertex[triangles]):
        for corner in range(3):
            if triangle[corner] == triangle[(corner + 1) % 3]:
                first, second, tip = np.roll(triangles[row], -corner)
                shared = np.flatnonzero((triangles == first).any(1) & (triangles == second).any(1))
                other = shared[shared != row][0]
                far = np.setdiff1d(triangles[other], [first, second])[0]
                triangles[row], triangles[other] = (first, far, tip), (far, second, tip)
                break
    return triangles


def apart(tree: cKDTree, places: np.ndarray, radius: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Rows of points in their order, without those too near to an earlier one."""
    free, chosen = allowed.copy(), []
    for row in range(len(places)):
        if free[row]:
            chosen.append(row)
            free[tree.query_ball_point(places[row], radius[row])] = False
    return np.array(chosen)


def disc(points: np.ndarray, vertex: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Chart [N, 2] of a skin that is cut open, in a disc; openings within it are closed by a virtual point each."""
    loops, points = boundary_loops(triangles), points[vertex]
    closed = [triangles]
    for hole in loops[1:]:
        centre = np.full(len(hole), len(points))
        points = np.concatenate([points, points[hole].mean(0, keepdims=True)])
        closed.append(np.stack([np.roll(hole, -1), hole, centre], 1))
    closed, outline = np.concatenate(closed), loops[0]
    lengths = np.linalg.norm(points[np.roll(outline, -1)] - points[outline], axis=1)
    turn = 2 * np.pi * (np.concatenate([[0], np.cumsum(lengths)])[:-1] / lengths.sum())
    turn += np.pi / 2 - turn[points[outline, 1].argmax()]  # the cut's upper end, at the crown, comes to the top
    flat = solve(points, closed, outline, np.stack([np.cos(turn), np.sin(turn)], 1), mean_value_weights(points, closed))
    radius = np.linalg.norm(flat, axis=1, keepdims=True)
    grown = flat * np.maximum(radius, 1e-9) ** (CENTRE_POWER - 1)
    return (0.5 + 0.497 * grown)[: len(vertex)]


def eye_chart(around: np.ndarray, faces: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Two discs for an eyeball, its front below and its back above, on the left or right side of the square."""
    front = around[faces].mean(1)[:, 2] > 0
    angle = np.arccos(around[:, 2].clip(-1, 1))[:, None] / np.pi
    ring = around[:, :2] / np.maximum(np.linalg.norm(around[:, :2], axis=1, keepdims=True), 1e-9)
    middle = PLACE + side * (1 - 2 * PLACE)
    near = ring * angle * 2 * DISC * 0.88 + [middle, PLACE]
    far = ring * [-1, 1] * (1 - angle) * 2 * DISC * 0.88 + [middle, 1 - PLACE]
    used, corners = np.unique(np.where(front[:, None], faces, faces + len(around)), return_inverse=True)
    return np.concatenate([near, far])[used], corners.reshape(-1, 3)
