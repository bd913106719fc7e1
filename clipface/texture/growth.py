"""Networks of a higher resolution that go on from trained ones of a lower one, with the same channels at each."""

import torch
from torch import nn

from clipface.texture.discriminator import Discriminator
from clipface.texture.generator import TextureGenerator


@torch.no_grad()
def grow_generator(small: TextureGenerator, large: TextureGenerator) -> None:
    """Take over all of a generator; the blocks that are new add nothing to its image at first.

    Args:
        small: trained.
        large: of a higher resolution, else of the same sizes; changed.
    """
    _take_over(small, large, 0)
    for block in large.synthesis.blocks[len(small.synthesis.blocks) :]:
        block.torgb.weight.zero_()
        block.torgb.bias.zero_()


@torch.no_grad()
def grow_discriminator(small: Discriminator, large: Discriminator) -> None:
    """Take over a discriminator's blocks, each at its resolution; those above, and the first layer, stay untrained.

    Args:
        small: trained.
        large: of a higher resolution, else of the same sizes; changed.
    """
    _take_over(small, large, len(large.blocks) - len(small.blocks))


@torch.no_grad()
def grow_offsets(small: nn.Parameter, large: nn.Parameter) -> None:
    """Take over offsets [N, L, w_dim]; new levels get the last one's."""
    levels = small.shape[1]
    large[:, :levels] = small
    large[:, levels:] = small[:, -1:]


def _take_over(small: nn.Module, large: nn.Module, shift: int) -> None:
    """Copy tensors of the same name and shape, those of `blocks.N` to `blocks.N+shift`."""
    own = large.state_dict()
    for name, value in small.state_dict().items():
        first, *rest = name.split(".")
        if first == "blocks":
            name = ".".join([first, str(int(rest[0]) + shift), *rest[1:]])
        elif shift and first == "from_rgb":
            continue
        if name in own and own[name].shape == value.shape:
            own[name].copy_(value)
