"""Discriminators: shapes, statistics over the batch, patches, second derivatives."""

import pytest
import torch

from clipface.texture.discriminator import Discriminator, minibatch_deviation, random_patches

TINY = {"resolution": 16, "channel_base": 64, "channel_max": 8}


def test_one_logit_a_picture_and_every_parameter_learns():
    discriminator = Discriminator(**TINY)
    logits = discriminator(torch.randn(6, 3, 16, 16))
    assert logits.shape == (6,)
    logits.square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in discriminator.parameters())


def test_without_groups_a_batch_agrees_with_single_pictures():
    discriminator = Discriminator(**TINY, group=0)
    images = torch.randn(3, 3, 16, 16)
    alone = torch.cat([discriminator(image[None]) for image in images])
    torch.testing.assert_close(discriminator(images), alone, atol=1e-5, rtol=1e-5)


def test_minibatch_deviation_is_that_of_its_group():
    x = torch.randn(6, 2, 3, 3)
    shown = minibatch_deviation(x, 4)  # 3 is the largest divisor: groups (0, 2, 4) and (1, 3, 5)
    for group in (x[0::2], x[1::2]):
        wanted = (group.var(0, correction=0) + 1e-8).sqrt().mean()
        assert torch.isclose(shown, wanted).view(6, -1).all(1).sum() == 3
    assert minibatch_deviation(x[:1].expand(4, -1, -1, -1), 4).max() < 1e-3


def test_second_derivative_is_right():
    torch.manual_seed(0)
    discriminator = Discriminator(8, 16, 2).double()
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(discriminator, images, fast_mode=True)


def test_reduced_precision_is_close():
    torch.manual_seed(0)
    discriminator = Discriminator(32, 256, 8)
    images = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(discriminator(images, torch.bfloat16), discriminator(images), atol=0.05, rtol=0.05)


def test_patches_are_pieces_of_their_image_on_the_grid():
    images = torch.arange(2 * 16 * 16).float().view(2, 1, 16, 16).expand(-1, 3, -1, -1)
    patches = random_patches(images, 8, 4, 20).view(2, 20, 3, 8, 8)
    corners = set()
    for image, group in zip(images, patches, strict=True):
        for patch in group:
            row, column = divmod(int(patch[0, 0, 0]) % 256, 16)
            torch.testing.assert_close(patch, image[:, row : row + 8, column : column + 8])
            corners.add((row, column))
    assert corners <= {(r, c) for r in (0, 4, 8) for c in (0, 4, 8)} and len(corners) > 5
    with pytest.raises(ValueError, match="size"):
        random_patches(images, 32, 4, 1)


def test_gradient_of_overlapping_patches_adds_up():
    images = torch.randn(1, 3, 8, 8, requires_grad=True)
    random_patches(images, 8, 4, 5).sum().backward()
    torch.testing.assert_close(images.grad, torch.full_like(images, 5.0))


def test_wrong_size_is_named():
    with pytest.raises(ValueError, match="images"):
        Discriminator(**TINY)(torch.zeros(1, 3, 8, 8))


def test_features_are_those_of_the_blocks_at_the_sizes_that_are_asked_for():
    discriminator = Discriminator(32, 64, 8)
    images = torch.randn(2, 3, 32, 32)
    found = discriminator.features(images, None, largest=8, smallest=8)
    assert [list(x.shape) for x in found] == [[2, 8, 8, 8]]
    x = discriminator.blocks[1](discriminator.blocks[0](discriminator.from_rgb(images)))
    torch.testing.assert_close(found[0], x)
    assert [x.shape[-1] for x in discriminator.features(images, None, largest=32, smallest=4)] == [16, 8, 4]
