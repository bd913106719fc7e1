"""The frozen half: ranges, gradients, batches."""

import pytest
import torch

from clipface.edit.avatar import Avatar
from clipface.edit.losses import lip_penetration, mahalanobis
from clipface.head import load_head
from clipface.render import Renderer
from clipface.render.camera import view
from clipface.texture.generator import TextureGenerator


@pytest.fixture
def avatar(tiny_files) -> Avatar:
    head = load_head("open", tiny_files / "open_head.npz")
    generator = TextureGenerator.from_weights(tiny_files / "generator.safetensors")
    return Avatar(generator, head, Renderer(head.faces, head.uv, head.uv_faces))


def test_nothing_in_it_learns_or_trains(avatar):
    avatar.train()
    assert not any(parameter.requires_grad for parameter in avatar.parameters())
    assert not any(module.training for module in avatar.modules())


def test_pictures_are_in_range_and_each_is_as_it_is_alone(avatar):
    w_plus = avatar.generator.mapping(torch.randn(3, 16))
    shape, camera = torch.randn(3, 10), view(torch.tensor([0.0, 20.0, -20.0]), torch.zeros(3))
    texture = avatar.texture(w_plus)
    assert texture.shape == (3, 3, 32, 32) and texture.min() >= 0 and texture.max() <= 1
    together = avatar.render(texture, avatar.head(shape), camera, 48)
    assert together.shape == (3, 3, 48, 48) and together.min() >= 0 and together.max() <= 1
    ones = (slice(i, i + 1) for i in range(3))
    alone = torch.cat([avatar.render(texture[i], avatar.head(shape[i]), camera[i], 48) for i in ones])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_code_and_expression_both_get_a_gradient_from_the_picture(avatar):
    w_plus = avatar.generator.mapping(torch.randn(1, 16)).clone().requires_grad_()
    expression = torch.zeros(1, 6, requires_grad=True)
    vertices, camera = avatar.head(None, expression), view(torch.zeros(1), torch.zeros(1))
    image = avatar.render(avatar.texture(w_plus), vertices, camera, 48)
    (image * torch.linspace(0, 1, 48)).sum().backward()
    assert (w_plus.grad.abs().amax((0, 2)) > 0).all()
    assert (expression.grad.abs() > 0).all()


def test_the_geometry_view_is_grey_and_needs_no_texture(avatar):
    grey = avatar.render(None, avatar.head(), view(torch.zeros(1), torch.zeros(1)), 32)
    assert torch.allclose(grey[:, 0], grey[:, 1], atol=0.1) and grey.std() > 0.01


def test_mahalanobis_is_the_plain_formula():
    offset, precision = torch.randn(2, 3, 4), torch.diag(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    expected = (offset.square() * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum(-1).mean()
    torch.testing.assert_close(mahalanobis(offset, precision), expected)


def test_lips_overlap_where_the_upper_one_lies_lower():
    points = torch.zeros(2, 68, 3)
    points[:, 61:64, 1] = 0.01
    assert lip_penetration(points) == 0
    points[1, 62, 1] = -0.03  # one of six pairs, by 3 cm
    torch.testing.assert_close(lip_penetration(points), torch.tensor(0.005))
