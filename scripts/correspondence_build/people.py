"""The distribution of real people's identity coefficients, from fits."""

import torch
from clipface.fit.landmark_fit import FitParameters, LandmarkObjective
from torch import Tensor


def uncertainty(objective: LandmarkObjective) -> Tensor:
    """Covariance [S, S] of the identity that one frontal picture of the mean person leaves open (Laplace)."""
    start = objective.initial()
    one = FitParameters(*(part[:1].detach() for part in start))
    settings, count = objective.settings, one.shape.shape[1]
    sizes = [part[0].numel() for part in one]
    single = objective.first()

    def points(flat: Tensor) -> Tensor:
        parts = [piece.view(1, *part.shape[1:]) for piece, part in zip(flat.split(sizes), one, strict=True)]
        return single.predicted(FitParameters(*parts))[0].flatten()

    flat = torch.cat([part[0].flatten() for part in one])
    slope = torch.autograd.functional.jacobian(points, flat)  # [2 N, P]
    weight = (single.weights[0] / (settings.sigma * single.eye_distance[0]) ** 2).repeat_interleave(2)
    data = settings.trust * (slope.T * weight) @ slope

    def prior(flat: Tensor) -> Tensor:
        parts = [piece.view(1, *part.shape[1:]) for piece, part in zip(flat.split(sizes), one, strict=True)]
        return single.prior_loss(FitParameters(*parts)).sum() / 2

    curvature = torch.autograd.functional.hessian(prior, flat)
    whole = (data + curvature).double() + 1e-6 * torch.eye(len(flat))
    return torch.linalg.inv(whole)[:count, :count]


def distribution(objective: LandmarkObjective, parameters: FitParameters) -> tuple[Tensor, Tensor]:
    """Mean [S] and covariance [S, S] of people, one step of expectation and maximisation from their fits."""
    shape = parameters.shape.double()
    mean = shape.mean(0)
    away = shape - mean
    return mean, away.T @ away / len(shape) + uncertainty(objective)
