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

    A picture depends on its texture linearly, so the cotangent of random noise on the *picture* can be computed before,
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
