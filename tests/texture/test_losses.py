"""Losses against plain formulas on networks small enough to do by hand."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from clipface.texture.losses import (
    discriminator_loss,
    frechet_distance,
    generator_loss,
    path_lengths,
    path_penalty,
    r1_penalty,
)


def test_logistic_losses():
    real, fake = torch.randn(5), torch.randn(5)
    torch.testing.assert_close(generator_loss(fake), -torch.log(torch.sigmoid(fake)).mean())
    wanted = -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()
    torch.testing.assert_close(discriminator_loss(real, fake), wanted)


def test_r1_of_a_quadratic_network():
    images = torch.randn(3, 2, 4, 4, requires_grad=True)
    scale = torch.tensor(0.7, requires_grad=True)
    penalty = r1_penalty((scale * images.square()).sum((1, 2, 3)), images)  # gradient 2 · scale · image
    torch.testing.assert_close(penalty, (2 * scale * images).square().sum((1, 2, 3)).mean())
    penalty.backward()
    torch.testing.assert_close(scale.grad, 2 * penalty.detach() / scale.detach())


def test_path_length_of_a_linear_generator():
    levels, size = 3, 5
    matrix = torch.randn(levels * size, 3 * 2 * 2, requires_grad=True)
    w_plus = torch.randn(4, levels, size, requires_grad=True)
    cotangent = torch.randn(4, 3, 2, 2)
    texture = (w_plus.flatten(1) @ matrix).view(4, 3, 2, 2)
    lengths = path_lengths(texture, w_plus, cotangent)
    jacobian = (cotangent.flatten(1) @ matrix.T).view(4, levels, size)
    torch.testing.assert_close(lengths, jacobian.norm(dim=2).square().mean(1).sqrt())
    lengths.sum().backward()
    assert matrix.grad.abs().sum() > 0


def test_path_penalty_is_the_distance_from_the_mean():
    penalty = path_penalty(torch.tensor([1.0, 3.0]), torch.tensor(1.5))
    torch.testing.assert_close(penalty, torch.tensor((0.25 + 2.25) / 2))


def crowds(first: int = 40, second: int = 50, size: int = 6):
    """Features of two crowds of other means and covariances, in double precision, and their weights."""
    random = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=random, dtype=torch.double)  # noqa: E731
    features = draw(first, size) @ draw(size, size) + draw(size), draw(second, size) @ draw(size, size)
    return *features, draw(first).abs(), draw(second).abs()


def test_frechet_distance_is_that_of_the_formula():
    first, second, *weights = crowds()
    moments = []
    for features, weight in zip((first, second), weights, strict=True):
        covariance = np.cov(features.numpy().T, aweights=weight.numpy(), ddof=0)
        moments.append((np.average(features.numpy(), axis=0, weights=weight.numpy()), covariance))
    (mean, covariance), (wanted_mean, wanted) = moments
    traces = np.trace(covariance + wanted - 2 * sqrtm(covariance @ wanted).real)
    distance = (((mean - wanted_mean) ** 2).sum() + traces) / np.trace(wanted)
    assert frechet_distance(first, second, *weights).item() == pytest.approx(distance, rel=1e-4)


def test_frechet_distance_of_equal_features_is_none():
    features, _, weights, _ = crowds()
    assert abs(frechet_distance(features, features.clone(), weights, weights).item()) < 1e-5


def test_frechet_distance_counts_rows_as_often_as_their_weights_say():
    first, second, *_ = crowds()
    often, ones = torch.arange(len(first)) % 4, torch.ones(len(second))  # 0: not at all
    repeated = first.repeat_interleave(often, 0)
    wanted = frechet_distance(repeated, second, torch.ones(len(repeated)), ones)
    torch.testing.assert_close(frechet_distance(first, second, often.double(), ones), wanted, rtol=1e-6, atol=0)
    wanted = frechet_distance(second, repeated, ones, torch.ones(len(repeated)))
    torch.testing.assert_close(frechet_distance(second, first, ones, often.double()), wanted, rtol=1e-6, atol=0)


def test_frechet_distance_has_a_gradient_to_the_first_features():
    first, second, *weights = crowds(8, 9, 3)
    second.requires_grad_()
    assert torch.autograd.gradcheck(lambda features: frechet_distance(features, second, *weights),
                                    first.requires_grad_())  # fmt: skip
    frechet_distance(first, second, *weights).backward()
    assert second.grad is None


def test_frechet_distance_of_fewer_features_than_dimensions_has_a_gradient():
    random = torch.Generator().manual_seed(0)
    sizes = torch.arange(1, 65) ** -2.0  # a few directions hold nearly all of the variance, as in an encoder
    first, second = (torch.randn(10, 64, generator=random) * sizes for _ in range(2))
    first[:, 60:] = second[:, 60:] = 0  # what no image excites
    frechet_distance(first.requires_grad_(), second, torch.ones(10), torch.ones(10)).backward()
    assert first.grad.isfinite().all() and 0 < first.grad.abs().max() < 10
    alike = torch.zeros(10, 64, requires_grad=True)  # a generator that draws one face only
    frechet_distance(alike, second, torch.ones(10), torch.ones(10)).backward()
    assert alike.grad.isfinite().all()
