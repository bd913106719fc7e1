"""The linear model has the textures' mean and covariance."""

import pytest
import torch

from clipface.texture.linear import LinearTextures


def test_drawn_textures_have_the_mean_and_covariance_of_the_given_ones():
    torch.manual_seed(0)
    textures = torch.randn(7, 3, 2, 2)
    drawn = LinearTextures(textures, 6)(40_000, torch.Generator().manual_seed(1)).flatten(1)
    torch.testing.assert_close(drawn.mean(0), textures.flatten(1).mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), textures.flatten(1).T.cov(), atol=0.06, rtol=0)


def test_fewer_directions_keep_the_strongest():
    textures = torch.zeros(4, 3, 2, 2)
    textures[:2, 0], textures[0, 1], textures[1, 1] = 1.0, 0.1, -0.1
    one = LinearTextures(textures, 1)
    assert one.directions[0, 0].abs().min() > 0.4 and one.directions[0, 1].abs().max() < 1e-5
    mean = LinearTextures(textures, 0)(2, torch.Generator())
    torch.testing.assert_close(mean, textures.mean(0).expand(2, -1, -1, -1))
    with pytest.raises(ValueError, match="0 to 3"):
        LinearTextures(textures, 4)
