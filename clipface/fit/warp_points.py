"""The average of MediaPipe's faces, warped onto a head by its landmarks."""

import numpy as np
from scipy.interpolate import RBFInterpolator

from clipface.fit.face_points import IBUG_INNER, IBUG_JAW, FacePoints

DAMPING = 0.002  # metres; a little keeps landmarks that disagree from tearing the warp
# The part of the face's outline that may be the jaw of the 68 landmarks, from the person's right ear to the left one.
OUTLINE = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454,
           356)  # fmt: skip


def warped_average(points: FacePoints, landmarks: np.ndarray) -> np.ndarray:
    """Carry the average face onto a head.

    Args:
        points: the shipped numbers.
        landmarks: [68, 3] of the neutral head, iBUG's order.

    Returns:
        [N, 3], not yet on the surface.
    """
    face = points.average_face
    source, target = face[list(IBUG_INNER)], landmarks[IBUG_JAW:]
    first = _warp(source, target)(face)
    outline, jaw = first[list(OUTLINE)], landmarks[:IBUG_JAW]
    centre = landmarks[IBUG_JAW:].mean(0)
    # Heads count their 17 jaw points from other heights: they are paired by direction, seen from the face's middle.
    seen, wanted = (np.unwrap(np.arctan2(*(part - centre)[:, [0, 1]].T)) for part in (outline, jaw))
    order = np.argsort(seen)
    inside = (wanted > seen.min()) & (wanted < seen.max())
    on_outline = np.stack([np.interp(wanted[inside], seen[order], face[list(OUTLINE), k][order]) for k in range(3)], 1)
    source, target = np.concatenate([source, on_outline]), np.concatenate([target, jaw[inside]])
    return _warp(source, target)(points.average)


def _warp(source: np.ndarray, target: np.ndarray) -> RBFInterpolator:
    """The smoothest map of space that carries points to others (Bookstein, "Principal warps", 1989).

    In three dimensions the thin plate's kernel is the distance.
    """
    return RBFInterpolator(source, target, kernel="linear", degree=1, smoothing=DAMPING)
