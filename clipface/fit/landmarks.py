"""Heads fitted to MediaPipe's face points, all images at once."""

from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.fit.gauss_newton import STEPS, minimise
from clipface.fit.landmark_objective import LandmarkObjective, LandmarkSettings
from clipface.head import HeadModel


def boxed(points: Tensor) -> Tensor:
    """Points [T, 478, 2] in a square around each face, in [-1, 1], not turned: the fit's unit, with roll in the pose.

    An FFHQ crop is about twice as large as the box of the points.
    """
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    return (points - (low + high) / 2) / (high - low).amax(2, keepdim=True)


def fit_landmarks(
    head: HeadModel,
    points: Tensor,
    identity_of: Tensor | None = None,
    weights: Tensor | None = None,
    settings: LandmarkSettings | None = None,
    steps: int = STEPS,
) -> HeadFit:
    """Fit heads to images by their face points.

    Args:
        head, points, identity_of, weights, settings: as for `LandmarkObjective`; results are on the head's device.
        steps: see `minimise`.

    Returns:
        The heads, light even and texture empty.
    """
    objective = LandmarkObjective(head, points, identity_of, weights, settings)
    return objective.fit(minimise(objective, objective.initial(), steps))
