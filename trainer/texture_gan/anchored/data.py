"""What a batch of the anchored recipe is made of: latent codes, their targets, and textures for the discriminators."""

from typing import NamedTuple

import torch
from torch import Tensor

from clipface.synthetic.looks.registry import OPTIONS
from clipface.texture.linear import LinearTextures
from trainer.texture_gan.anchored.config import PaintedConfig
from trainer.texture_gan.anchored.textures import PaintedTextures, TextureSet


class Samples(NamedTuple):
    """What the generator makes in a batch: first H samples with targets, then H free ones."""

    z: Tensor  # [2H, z_dim]
    option: Tensor  # [2H] whose attribute offset is added; len(OPTIONS): none
    targets: Tensor  # [H, 3, R, R] in [-1, 1]
    coefficients: Tensor  # [H, K] of the free samples


class Batches:
    """Samples batches on the device of its textures, from PyTorch's random numbers there.

    Args:
        config: shares of what is painted.
        z_dim: length of a latent code.
        textures: to learn from.
        linear: model of them, whose coefficients codes begin with.
        painted: textures with one option each; None: there are none.
    """

    def __init__(
        self, config: PaintedConfig, z_dim: int, textures: TextureSet, linear: LinearTextures,
        painted: PaintedTextures | None = None,
    ) -> None:  # fmt: skip
        self.config, self.z_dim, self.textures, self.linear, self.painted = config, z_dim, textures, linear, painted
        self.known = torch.zeros(0)  # [N, K] coefficients of the textures, from `start` on

    def resize(self, resolution: int) -> None:
        """Hand out textures of this size from now on."""
        self.textures.resize(resolution)
        if self.painted:
            self.painted.resize(resolution)

    @torch.no_grad()
    def start(self) -> None:
        """Find the textures' coefficients, once the linear model is the one that all processes have."""
        self.known = self.linear.coefficients(self.textures.small(self.linear.size))

    @torch.no_grad()
    def samples(self, count: int) -> Samples:
        """Sample what the generator is asked for in a batch of `count`, a multiple of 4."""
        half, device = count // 2, self.known.device
        painted = round(half * self.config.targets) if self.painted else 0
        targets = bases = self.textures.targets(half - painted)
        option = torch.full((count,), len(OPTIONS), device=device)
        if self.painted:
            rows = self.painted.sample(painted)
            targets = torch.cat((targets, self.painted[rows]))
            bases = torch.cat((bases, self.textures[self.painted.bases[rows]]))
            option[half - painted : half] = self.painted.options[rows]
            worn = torch.rand(half, device=device) < self.config.worn
            option[half:] = torch.where(worn, torch.randint(len(OPTIONS), (half,), device=device), option[half:])
        blends = blend_codes(*(self.known[rows] for rows in self.textures.sample_pairs(half // 2)))
        free = torch.cat((blends, torch.randn(half - len(blends), self.linear.count, device=device)))
        coefficients = torch.cat((self.linear.coefficients(bases), free))
        noise = torch.randn(count, self.z_dim - self.linear.count, device=device)
        return Samples(torch.cat((coefficients, noise), 1), option, targets, free)

    @torch.no_grad()
    def reals(self, count: int) -> Tensor:
        """Textures [count, 3, R, R] for discriminators: as they are, mixtures and painted ones, in random order."""
        painted = round(count * self.config.reals) if self.painted else 0
        textures = self.textures.targets(count - painted)
        if painted:
            textures = torch.cat((textures, self.painted[self.painted.sample(painted)]))
        return textures[torch.randperm(count, device=textures.device)]


def blend_codes(first: Tensor, second: Tensor) -> Tensor:
    """Random blends of two people's coefficients [B, K], as far from the mean as people are."""
    share = torch.rand(len(first), 1, device=first.device)
    return torch.lerp(second, first, share) / (share.square() + (1 - share).square()).sqrt()
