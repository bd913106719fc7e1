"""Face points carried from one head to another by the landmarks that both have."""

import numpy as np
from scipy.interpolate import RBFInterpolator

INNER = 51  # of iBUG's 68 landmarks, all but the outline, are the same places on every head
DAMPING = 0.002  # metres; a little keeps landmarks that disagree from tearing the warp


def carried(places: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Carry points over.

    Args:
        places: [N, 3] on one head.
        source: [M + 51, 3] its landmarks: an outline from ear to ear of any number, then iBUG's inner 51.
        target: [17 + 51, 3] the other head's landmarks.

    Returns:
        [N, 3], near the other head's surface.
    """
    warp = _warp(source[-INNER:], target[-INNER:])
    outline, jaw, centre = source[:-INNER], target[:-INNER], target[-INNER:].mean(0)
    # Heads begin their outline at other heights: its points are paired by direction, seen from the face's middle.
    source_directions, target_directions = (_directions(part - centre) for part in (warp(outline), jaw))
    order = np.argsort(source_directions)
    inside = (target_directions > source_directions.min()) & (target_directions < source_directions.max())
    between = target_directions[inside], source_directions[order]
    paired = [np.interp(*between, outline[order, k]) for k in range(3)]
    source = np.concatenate([source[-INNER:], np.stack(paired, 1)])
    target = np.concatenate([target[-INNER:], jaw[inside]])
    return _warp(source, target)(places)


def _directions(offsets: np.ndarray) -> np.ndarray:
    """Angles about the viewing axis, which grow along an outline without a jump."""
    return np.unwrap(np.arctan2(offsets[:, 0], offsets[:, 1]))


def _warp(source: np.ndarray, target: np.ndarray) -> RBFInterpolator:
    """The smoothest map of space that carries points to others (Bookstein, "Principal warps", 1989).

    In three dimensions the thin plate's kernel is the distance.
    """
    return RBFInterpolator(source, target, kernel="linear", degree=1, smoothing=DAMPING)
