"""Rotations over time: interpolated and smoothed as rotations, not number by number."""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation


def slerp(axis_angles: np.ndarray, below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Interpolate along the shortest turn between pairs of frames.

    Args:
        axis_angles: [T, 3 K] of K joints, radians.
        below, above: [N] frames to interpolate between.
        share: [N] in 0..1, 0 at `below`.

    Returns:
        [N, 3 K], angles up to pi. Frames met exactly come back as they are.
    """
    result = np.empty((len(below), axis_angles.shape[1]))
    for start in range(0, axis_angles.shape[1], 3):
        turns = axis_angles[:, start : start + 3]
        first, second = Rotation.from_rotvec(turns[below]), Rotation.from_rotvec(turns[above])
        between = first * Rotation.from_rotvec((first.inv() * second).as_rotvec() * share[:, None])
        result[:, start : start + 3] = between.as_rotvec()
        for frame, at in ((below, 0), (above, 1)):
            exact = share == at
            result[exact, start : start + 3] = turns[frame[exact]]
    return result


def smooth_values(values: np.ndarray, sigma: float) -> np.ndarray:
    """Filter [T, N] over time with a Gaussian of `sigma` frames; the first and last frame go on beyond the ends."""
    return gaussian_filter1d(values, sigma, axis=0, mode="nearest")


def smooth_rotations(axis_angles: np.ndarray, sigma: float) -> np.ndarray:
    """Filter rotations [T, 3 K] over time with a Gaussian of `sigma` frames.

    Unit quaternions are averaged, which near each other is the mean rotation. A joint that never moves stays as it is.
    """
    result = axis_angles.copy()
    for start in range(0, axis_angles.shape[1], 3):
        turns = axis_angles[:, start : start + 3]
        if (turns == turns[0]).all():
            continue
        quaternions = Rotation.from_rotvec(turns).as_quat()
        # q and -q are one rotation; neighbours must be on the same side to be averaged.
        flips = np.where((quaternions[1:] * quaternions[:-1]).sum(1) < 0, -1.0, 1.0)
        quaternions[1:] *= np.cumprod(flips)[:, None]
        result[:, start : start + 3] = Rotation.from_quat(smooth_values(quaternions, sigma)).as_rotvec()
    return result
