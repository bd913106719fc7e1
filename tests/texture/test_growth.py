"""Networks of a higher resolution begin where smaller ones stopped."""

import torch
from torch import nn

from clipface.texture.discriminator import Discriminator
from clipface.texture.generator import TextureGenerator
from clipface.texture.growth import grow_discriminator, grow_generator, grow_offsets
from clipface.texture.ops.upsample import upsample

SIZES = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channel_base": 128, "channel_max": 12}


def test_a_grown_generator_makes_the_same_image_larger():
    torch.manual_seed(0)
    small, large = TextureGenerator(16, **SIZES), TextureGenerator(64, **SIZES)
    for name, parameter in small.named_parameters():
        if name.endswith("noise_strength"):
            nn.init.constant_(parameter, 0.3)
    grow_generator(small, large)
    z = torch.randn(2, 8)
    with torch.no_grad():
        torch.testing.assert_close(large(z), upsample(upsample(small(z))))


def test_a_grown_discriminator_has_each_block_at_its_resolution():
    torch.manual_seed(0)
    small, large = Discriminator(16, 64, 8), Discriminator(32, 64, 8)
    first = large.blocks[0].conv0.weight.clone()
    grow_discriminator(small, large)
    assert torch.equal(large.blocks[1].conv0.weight, small.blocks[0].conv0.weight)
    assert torch.equal(large.blocks[2].conv1.weight, small.blocks[1].conv1.weight)
    assert torch.equal(large.out.weight, small.out.weight) and torch.equal(large.blocks[0].conv0.weight, first)


def test_new_levels_of_offsets_are_as_the_last_one():
    small, large = nn.Parameter(torch.randn(3, 4, 8)), nn.Parameter(torch.zeros(3, 6, 8))
    grow_offsets(small, large)
    assert torch.equal(large[:, :4], small) and torch.equal(large[:, 5], small[:, 3])
