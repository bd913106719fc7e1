"""Heads fitted to MediaPipe's face points, all images at once."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.fit.landmark_objective import LandmarkObjective, LandmarkSettings
from clipface.fit.priors import FitParameters
from clipface.head import HeadModel

STEPS = 150
# First step sizes; with them 150 steps come within 1 % of the lowest loss.
RATES = FitParameters(shape=0.06, expression=0.03, pose=0.012, eye_pose=0.02, log_scale=0.008, place=0.008)


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
    parameters = minimise(objective, objective.initial(), steps)
    return HeadFit(*(part.detach() for part in objective.fit(parameters)))


def minimise(objective: LandmarkObjective, parameters: FitParameters, steps: int = STEPS) -> FitParameters:
    """Change parameters, which are leaves, to a minimum of the objective's loss, and return them.

    Args:
        objective: gives losses and limits.
        parameters: start values; those of `objective.initial()` have the right camera.
        steps: see `descend`.
    """
    groups = [{"params": [part], "lr": rate} for part, rate in zip(parameters, RATES, strict=True)]
    descend(lambda: objective.loss(parameters), groups, steps, lambda: objective.clamp(parameters))
    return parameters


@torch.enable_grad()  # also where the caller wants none of the results
def descend(loss: Callable[[], Tensor], groups: list[dict], steps: int, after: Callable[[], None]) -> None:
    """Take steps of Adam, whose rate falls to zero along half a cosine.

    Args:
        loss: gives the losses [B], of images that do not depend on each other.
        groups: parameters and first step sizes, as for `torch.optim.Adam`.
        steps: how many.
        after: called after each step, to bring parameters back into their limits.
    """
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss().sum().backward()
        optimizer.step()
        schedule.step()
        after()
