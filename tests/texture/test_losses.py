"""Losses against plain formulas on networks small enough to do by hand."""

import torch

from clipface.texture.losses import discriminator_loss, generator_loss, path_lengths, path_penalty, r1_penalty


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
