"""Keep a generator's codes away from textures that hold the images' background.

python scripts/recipes/distill_mapping.py --generator runs/my_gan/generator.safetensors --output generator.safetensors
python scripts/recipes/distill_mapping.py --generator my_gan.safetensors --most 0.05 --output strict.safetensors
python scripts/recipes/distill_mapping.py --generator my_gan.safetensors --steps 3000 --device cuda --output out.safetensors

A photograph shows a face before a white background, and nothing tells a generator that the rest of the head is not
white too, so some textures are. Their codes w lie to one side of the others'. This finds that direction and teaches the
mapping network to stop before it goes there; all else stays as it was (self-distillation, as in arXiv 2202.12211, of a
truncation along one direction instead of towards a centre).
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from clipface.texture.generator import MappingNetwork, TextureGenerator

BRIGHT = 0.6  # of all channels, in [-1, 1], from where a texel counts as background
CODES, PART = 768, 32  # codes that are looked at, and how many at once
BATCH = 512  # codes a step
RATE = 0.2  # the mapping network learns a hundred times slower than others do (StyleGAN), so this is a small one


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", required=True, help="weights of a generator")
    parser.add_argument("--output", type=Path, required=True, help="weights to write")
    parser.add_argument("--most", type=float, default=0.15, help="share of a texture that may be background")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


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
        raise ValueError(f"most: expected a share that some textures exceed and some do not, got one that {above} exceed")
    direction = codes[bad].mean(0) - codes[~bad].mean(0)
    direction = direction / direction.norm()
    return direction, (codes[~bad] @ direction).median()


def stopped(codes: Tensor, direction: Tensor, limit: Tensor) -> Tensor:
    """Codes [..., w_dim] that go no farther than `limit` along a direction."""
    return codes - (codes @ direction - limit).clamp(min=0)[..., None] * direction


def distill(mapping: MappingNetwork, direction: Tensor, limit: Tensor, steps: int, seed: int) -> MappingNetwork:
    """Train a copy of a mapping network to give its codes stopped at `limit`."""
    pupil = copy.deepcopy(mapping).train().requires_grad_(True)
    optimizer = torch.optim.Adam(pupil.parameters(), betas=(0.9, 0.99))
    chances, size = torch.Generator().manual_seed(seed), mapping.layers[0].weight.shape[1]
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        z = torch.randn(BATCH, size, generator=chances).to(mapping.w_avg)
        with torch.no_grad():
            wanted = stopped(mapping(z)[:, 0], direction, limit)
        loss = (pupil(z)[:, 0] - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pupil.eval().requires_grad_(False)
    with torch.no_grad():
        z = torch.randn(20 * BATCH, size, generator=chances).to(mapping.w_avg)
        pupil.w_avg.copy_(pupil(z)[:, 0].mean(0))
    return pupil


def main(arguments: Sequence[str] | None = None) -> None:
    """Find the direction, teach the mapping network, write the weights."""
    options = parse(arguments)
    generator = TextureGenerator.from_weights(options.generator).to(options.device)
    codes, shares = background_shares(generator, options.seed)
    direction, limit = direction_between(codes, shares > options.most)
    generator.mapping = distill(generator.mapping, direction, limit, options.steps, options.seed)
    after = background_shares(generator, options.seed)[1]
    before, now = ((part > options.most).float().mean().item() for part in (shares, after))
    generator.save(options.output)
    print(f"Textures of which more than {options.most:.0%} is background: {before:.1%}, now {now:.1%}")
    print(f"Written to {options.output}")


if __name__ == "__main__":
    main()
