"""The linear model has the textures' mean and covariance."""

import pytest
import torch

from clipface.texture.linear import LinearTextures


def test_drawn_textures_have_the_mean_and_covariance_of_the_given_ones():
    torch.manual_seed(0)
    textures = torch.randn(7, 3, 2, 2)
    drawn = LinearTextures.fit(textures, 6)(40_000, torch.Generator().manual_seed(1)).flatten(1)
    torch.testing.assert_close(drawn.mean(0), textures.flatten(1).mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), textures.flatten(1).T.cov(), atol=0.06, rtol=0)


def test_fewer_directions_keep_the_strongest():
    textures = torch.zeros(4, 3, 2, 2)
    textures[:2, 0], textures[0, 1], textures[1, 1] = 1.0, 0.1, -0.1
    one = LinearTextures.fit(textures, 1)
    assert one.directions[0, 0].abs().min() > 0.4 and one.directions[0, 1].abs().max() < 1e-5
    mean = LinearTextures.fit(textures, 0)(2, torch.Generator())
    torch.testing.assert_close(mean, textures.mean(0).expand(2, -1, -1, -1))
    with pytest.raises(ValueError, match="0 to 3"):
        LinearTextures.fit(textures, 4)


def test_coefficients_are_those_of_the_texture_at_any_size(tmp_path):
    torch.manual_seed(0)
    linear = LinearTextures.fit(torch.randn(9, 3, 4, 4), 5)
    given = torch.randn(3, 5)
    enlarged = linear.textures(given).repeat_interleave(4, 2).repeat_interleave(4, 3)
    # Directions have half precision, so they are at right angles to within that.
    torch.testing.assert_close(linear.coefficients(enlarged), given, atol=2e-3, rtol=2e-3)
    linear.save(tmp_path / "linear_textures.safetensors", None, "noise")
    again = LinearTextures.from_weights(tmp_path / "linear_textures.safetensors")
    assert torch.equal(again.directions, linear.directions) and torch.equal(again.mean, linear.mean)
    assert 0.5 < again.explained < 1
    with pytest.raises(ValueError, match="multiple of 4"):
        linear.coefficients(torch.zeros(1, 3, 6, 6))


def test_a_weight_of_two_counts_as_the_same_texture_twice():
    torch.manual_seed(0)
    textures = torch.randn(5, 3, 2, 2)
    twice = LinearTextures.fit(torch.cat((textures, textures[:1])), 3)
    weighted = LinearTextures.fit(textures, 3, torch.tensor([2.0, 1, 1, 1, 1]))
    torch.testing.assert_close(weighted.mean, twice.mean)
    torch.testing.assert_close(weighted.explained, twice.explained)
