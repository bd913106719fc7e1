"""Adaptive augmentation: neutral at p = 0, right transforms, second derivatives, and the controller."""

import math

import pytest
import torch

from clipface.texture.augment import Augment, _Draw, colour, geometry, resample


@pytest.fixture
def augment():
    torch.manual_seed(0)
    return Augment(target=0.6, images=100)


def test_nothing_happens_at_probability_zero(augment):
    images = torch.rand(4, 3, 16, 16) * 2 - 1
    torch.testing.assert_close(augment(images), images, atol=1e-5, rtol=0)


def test_every_picture_changes_at_probability_one(augment):
    augment.probability.fill_(1)
    images = torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)
    changed = augment(images)
    assert changed.shape == images.shape and changed.isfinite().all()
    assert ((changed - images).abs().amax((1, 2, 3)) > 0.05).all()
    assert (changed[0] - changed[1]).abs().max() > 0.05


def test_share_of_changed_pictures_follows_probability():
    torch.manual_seed(0)
    draw = _Draw(4000, torch.tensor(0.3), torch.device("cpu"))
    assert (draw.normal(1.0) != 0).float().mean().item() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(
    ("matrix", "wanted"),
    [
        ([[-1.0, 0, 0], [0, 1, 0]], lambda x: x.flip(3)),
        ([[0.0, -1, 0], [1, 0, 0]], lambda x: x.rot90(1, (2, 3))),
        ([[1.0, 0, 2 * 3 / 8], [0, 1, 0]], lambda x: torch.cat((x[..., 3:], x[..., 5:].flip(3)), 3)),
    ],
    ids=["flip", "quarter turn", "three pixels"],
)
def test_pixel_transforms_are_exact(matrix, wanted):
    images = torch.randn(1, 3, 8, 8)
    torch.testing.assert_close(resample(images, torch.tensor([matrix])), wanted(images), atol=1e-4, rtol=0)


def test_geometry_has_the_paper_s_spread():
    torch.manual_seed(0)
    draw = _Draw(20_000, torch.tensor(1.0), torch.device("cpu"))
    linear = geometry(draw, 64)[:, :, :2].double()
    area = torch.linalg.det(linear).abs().log2()  # flips and turns keep it; the isotropic scale enters twice
    assert area.std().item() == pytest.approx(2 * 0.2, rel=0.05)
    assert (torch.linalg.det(linear) < 0).double().mean().item() == pytest.approx(0.5, abs=0.02)


def test_colour_turns_keep_grey_and_lengths():
    torch.manual_seed(0)
    matrix = colour(_Draw(1000, torch.tensor(1.0), torch.device("cpu"))).double()
    linear, grey = matrix[:, :, :3], torch.full((3, 1), 1 / math.sqrt(3), dtype=torch.float64)
    moved = linear @ grey
    torch.testing.assert_close(moved, moved.mean(1, keepdim=True).expand_as(moved), atol=1e-6, rtol=0)
    contrast = (grey.T @ moved).abs().flatten().log2()
    assert contrast.std().item() == pytest.approx(0.5, rel=0.1)


def test_gradients_are_right_twice():
    torch.manual_seed(0)
    images = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    transform = torch.randn(2, 2, 3, dtype=torch.float64) * 0.7
    assert torch.autograd.gradcheck(lambda x: resample(x, transform), images)
    assert torch.autograd.gradgradcheck(lambda x: resample(x, transform), images)


def test_probability_rises_when_sure_and_falls_when_not(augment):
    augment.observe(torch.tensor([1.0, 2, 3, -1, 5, 6, 7, 8, 9, 10]))  # mean sign 0.8
    augment.adapt()
    assert augment.probability.item() == pytest.approx(0.1)
    augment.observe(torch.tensor([1.0, -2, 3, -1, 5]))  # 0.2
    augment.adapt()
    assert augment.probability.item() == pytest.approx(0.05)
    augment.observe(-torch.ones(50))
    augment.adapt()
    assert augment.probability.item() == 0
