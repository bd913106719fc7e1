"""Linear regressions: heads on codes, and codes on labels."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

LAMBDAS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
FOLDS = 10
SHRINKAGE = 0.1  # of the residual's covariance towards its diagonal


class ShapeModel(NamedTuple):
    """Identity coefficients of a head from a code."""

    mean: Tensor  # [S]
    weight: Tensor  # [K, S]
    residual: Tensor  # [S, S], lower triangle
    explained: float  # share of the variance of people who took no part, 0..1
    ridge: float  # the penalty


def ridge(inputs: Tensor, targets: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Solve for weight [I, O] and bias [O] of targets [N, O] = inputs [N, I] @ weight + bias; the bias is free."""
    mean, goal = inputs.mean(0), targets.mean(0)
    centred = inputs - mean
    products = centred.T @ centred + penalty * torch.eye(inputs.shape[1])
    weight = torch.linalg.solve(products, centred.T @ (targets - goal))
    return weight, goal - mean @ weight


def predicted(inputs: Tensor, targets: Tensor, person: Tensor, penalty: float) -> Tensor:
    """Predict each target from the other people alone: [N, O]."""
    people = person.unique()
    fold_of = torch.randperm(len(people), generator=torch.Generator().manual_seed(0)) % FOLDS
    fold = fold_of[torch.searchsorted(people, person)]
    result = torch.empty_like(targets)
    for number in range(FOLDS):
        other = fold == number
        if other.any():
            weight, bias = ridge(inputs[~other], targets[~other], penalty)
            result[other] = inputs[other] @ weight + bias
    return result


def fit_shapes(codes: Tensor, shapes: Tensor, person: Tensor, sampled: Tensor) -> ShapeModel:
    """Learn which head goes with a code.

    Args:
        codes: [N, K] of photographs.
        shapes: [N, S] their fitted identity coefficients.
        person: [N] int, who is in each.
        sampled: [M, K] codes of random people, for whom the heads are as various as the fitted ones.
    """
    total = (shapes - shapes.mean(0)).square().sum()
    errors = {}
    for penalty in LAMBDAS:
        errors[penalty] = shapes - predicted(codes, shapes, person, penalty)
    best = min(LAMBDAS, key=lambda penalty: errors[penalty].square().sum())
    weight, bias = ridge(codes, shapes, best)
    covariance = torch.cov(errors[best].T).reshape(shapes.shape[1], -1)
    covariance = torch.lerp(covariance, covariance.diagonal().diag(), SHRINKAGE)
    missing = (shapes.var(0) - (sampled @ weight).var(0)).clamp_min(0)
    scale = (missing / covariance.diagonal().clamp_min(1e-12)).sqrt()
    covariance = scale[:, None] * covariance * scale + 1e-6 * torch.eye(len(scale))
    explained = 1 - float(errors[best].square().sum() / total)
    return ShapeModel(bias, weight, torch.linalg.cholesky(covariance), explained, best)


def fit_directions(codes: Tensor, labels: Tensor, wanted: Sequence[int]) -> Tensor:
    """Learn what a code changes by with some of its labels while the other labels stay.

    Args:
        codes: [N, K].
        labels: [N, L]; NaN where a photograph has none, which then counts as the mean of the others.
        wanted: columns of the labels.

    Returns:
        [len(wanted), K], for one unit of each.
    """
    known = labels.isfinite()
    filled = torch.where(known, labels, torch.zeros(()))
    filled = torch.where(known, labels, filled.sum(0) / known.sum(0).clamp_min(1))
    spread = filled.std(0).clamp_min(1e-6)
    weight, _ = ridge(filled / spread, codes, 1.0)
    return weight[list(wanted)] / spread[list(wanted), None]
