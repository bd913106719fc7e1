"""Losses of the texture GAN.

Source: non-saturating logistic loss (arXiv 1406.2661), R1 (arXiv 1801.04406), path length (StyleGAN2,
arXiv 1912.04958, section 3.2).
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating loss of the generator: mean of −log σ(fake) over logits [B]."""
    return F.softplus(-fake).mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Logistic loss of a discriminator: mean of −log σ(real) plus mean of −log(1 − σ(fake)) over logits [B]."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def r1_penalty(real: Tensor, images: Tensor) -> Tensor:
    """Mean over the batch of |∂ real / ∂ images|².

    Args:
        real: logits [B] that depend on `images`.
        images: [B, C, H, W], requiring a gradient.

    Gradient: to the discriminator's parameters (through a second derivative).
    """
    (gradient,) = torch.autograd.grad(real.sum(), images, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def path_lengths(texture: Tensor, w_plus: Tensor, cotangent: Tensor) -> Tensor:
    """Length of the gradient of ⟨texture, cotangent⟩ with respect to the style code.

    An image depends on its texture linearly, so the cotangent of random noise on the *image* can be computed before,
    by one plain backward pass of the renderer; the second derivative then never enters the renderer.

    Args:
        texture: [B, 3, R, R] that depends on `w_plus`.
        w_plus: [B, L, w_dim], requiring a gradient.
        cotangent: [B, 3, R, R].

    Returns:
        [B]: root of the mean over levels of the squared norm. Gradient: to the generator (a second derivative).
    """
    (gradient,) = torch.autograd.grad(texture, w_plus, cotangent, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def path_penalty(lengths: Tensor, mean: Tensor) -> Tensor:
    """Mean squared difference of lengths [B] (from `path_lengths`) from their running mean, a scalar."""
    return (lengths - mean).square().mean()


def frechet_distance(first: Tensor, second: Tensor, first_weights: Tensor, second_weights: Tensor) -> Tensor:
    """Squared Fréchet distance of normal distributions with the moments of features, over the second's variance.

    Source: Heusel et al., arXiv 1706.08500. The trace of (A B)^½ is that of (Lᵀ A L)^½ with B = L Lᵀ, whose matrix is
    symmetric.

    Args:
        first, second: features [N, D] and [M, D].
        first_weights, second_weights: [N] and [M], 0 or more each.

    Returns:
        A scalar, about 0 for equal moments, in double precision. Gradient: to `first`.
    """
    mean, covariance = _moments(first, first_weights)
    target_mean, target = _moments(second.detach(), second_weights)
    variance = target.diagonal().sum()
    slight = torch.eye(len(target), dtype=target.dtype, device=target.device) * (variance / len(target) * 1e-6)
    root, _ = torch.linalg.cholesky_ex(target + slight)
    values = torch.linalg.eigvalsh(root.T @ (covariance + slight) @ root)
    common = values.clamp_min(0).sqrt().sum()
    return ((mean - target_mean).square().sum() + covariance.diagonal().sum() + variance - 2 * common) / variance


def _moments(features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean [D] and covariance [D, D] of features [N, D], in double precision."""
    features, shares = features.double(), (weights / weights.sum()).double()[:, None]
    mean = (features * shares).sum(0)
    centred = (features - mean) * shares.sqrt()
    return mean, centred.T @ centred
