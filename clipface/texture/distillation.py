"""A mapping network that stops before codes whose textures hold the images' background.

Self-distillation (arXiv 2202.12211) of a truncation along one direction instead of towards a centre.
"""

import copy

import torch
from torch import Tensor

from clipface.texture.generator import MappingNetwork, TextureGenerator

BRIGHT = 0.6  # of all channels, in [-1, 1], from where a texel counts as background
CODES, PART = 768, 32  # codes that are looked at, and how many at once
BATCH = 512  # codes a step
RATE = 0.2  # the mapping network learns a hundred times slower than others do (StyleGAN), so this is a small one


@torch.no_grad()
def background_shares(generator: TextureGenerator, seed: int) -> tuple[Tensor, Tensor]:
    """Style codes [N, w_dim] of random latent codes, and which share of each one's texture is background [N]."""
    z = torch.randn(CODES, generator.config["z_dim"], generator=torch.Generator().manual_seed(seed))
    codes = generator.mapping(z.to(generator.mapping.w_avg))
    bright = [(generator.synthesis(part, "none").amin(1) > BRIGHT).float().mean((1, 2)) for part in codes.split(PART)]
    return codes[:, 0], torch.cat(bright)


def direction_between(codes: Tensor, bad: Tensor) -> tuple[Tensor, Tensor]:
    """The unit direction [w_dim] from good codes to bad ones, and how far the median good code lies along it.

    Raises:
        ValueError: if there are not some of both.
    """
    if not 1 < bad.sum() < len(bad) - 1:
        above = int(bad.sum())
        raise ValueError(
            f"most: expected a share that some textures exceed and some do not, got one that {above} exceed"
        )
    direction = codes[bad].mean(0) - codes[~bad].mean(0)
    direction = direction / direction.norm()
    return direction, (codes[~bad] @ direction).median()


def stopped(codes: Tensor, direction: Tensor, limit: Tensor) -> Tensor:
    """Codes [..., w_dim] that go no farther than `limit` along a direction."""
    return codes - (codes @ direction - limit).clamp(min=0)[..., None] * direction


def distill(mapping: MappingNetwork, direction: Tensor, limit: Tensor, steps: int, seed: int) -> MappingNetwork:
    """Train a copy of a mapping network to give its codes stopped at `limit`."""
    student = copy.deepcopy(mapping).train().requires_grad_(True)
    optimizer = torch.optim.Adam(student.parameters(), betas=(0.9, 0.99))
    generator, size = torch.Generator().manual_seed(seed), mapping.layers[0].weight.shape[1]
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        z = torch.randn(BATCH, size, generator=generator).to(mapping.w_avg)
        with torch.no_grad():
            target = stopped(mapping(z)[:, 0], direction, limit)
        loss = (student(z)[:, 0] - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    student.eval().requires_grad_(False)
    with torch.no_grad():
        z = torch.randn(20 * BATCH, size, generator=generator).to(mapping.w_avg)
        student.w_avg.copy_(student(z)[:, 0].mean(0))
    return student
