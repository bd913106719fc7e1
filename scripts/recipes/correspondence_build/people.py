"""The distribution of real people's identity coefficients, from fits."""

from collections.abc import Callable

import torch
from torch import Tensor

from clipface.fit.face_points import FacePoints
from clipface.fit.landmark_objective import LandmarkObjective
from clipface.fit.priors import FitParameters


def distribution(
    objective: LandmarkObjective, given: FacePoints, image: Tensor, shape: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean [S] and covariance [S, S] of people, from their fits [G, S] under the objective's prior.

    One step of expectation and maximisation: to the fits' own spread is added what an image (points [1, 478, 2])
    leaves open of the mean person.
    """
    shape = shape.double()
    mean = shape.mean(0)
    return mean, (shape - mean).T @ (shape - mean) / len(shape) + uncertainty(objective, given, image)


def uncertainty(objective: LandmarkObjective, given: FacePoints, image: Tensor) -> Tensor:
    """Covariance [S, S] of the mean person's identity that one image leaves open (Laplace's approximation)."""
    one = LandmarkObjective(objective.head, image, None, None, objective.settings, given, objective.on)
    start = FitParameters(*(part.detach() for part in one.initial()))
    sizes = [part.numel() for part in start]

    def of(function: Callable[[FitParameters], Tensor]) -> Callable[[Tensor], Tensor]:
        def flat(vector: Tensor) -> Tensor:
            parts = zip(vector.split(sizes), start, strict=True)
            return function(FitParameters(*(piece.view_as(part) for piece, part in parts)))

        return flat

    vector = torch.cat([part.flatten() for part in start])
    slope = torch.autograd.functional.jacobian(of(lambda p: one.predicted(p)[0].flatten()), vector)  # [2 N, P]
    sigma = one.settings.sigma * one.eye_distance
    weight = (one.settings.trust * one.weights[0] / sigma**2).repeat_interleave(2)
    prior = torch.autograd.functional.hessian(of(lambda p: one.prior.loss(p, one.identity_of).sum() / 2), vector)
    precision = ((slope.T * weight) @ slope + prior).double()
    count = start.shape.shape[1]
    return torch.linalg.inv(precision + 1e-6 * torch.eye(len(vector)))[:count, :count]
