"""Networks under the names that the first implementation gave them: the generator and the mappers."""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from clipface.edit.networks import LEARNING_RATE_MULTIPLIER
from clipface.texture.generator import TextureGenerator

from .sizes import Sizes

WIDTH = 50  # of the expression mapper's hidden layers
POSE = 6


def write_networks(folder: Path, sizes: Sizes) -> None:
    """Write stylegan_G.pth, pretrain_mapper.pt, pretrain_video_mapper.pt and the folders texture, expression, video."""
    for name in ("texture", "expression", "video"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    dim, count = sizes.dim, sizes.coefficients
    still, moving = [dim] * 5, [dim + count + POSE, dim]  # those of animations have one layer
    geo = [dim, WIDTH, WIDTH, WIDTH, count]
    torch.save(generator_state(sizes), folder / "stylegan_G.pth")
    torch.save({"texture_mapper": mlp(still), "geometry_mapper": mlp(geo)}, folder / "pretrain_mapper.pt")
    torch.save({"texture_mapper": mlp(moving)}, folder / "pretrain_video_mapper.pt")
    torch.save(levels(sizes, still), folder / "texture" / "zombie.pt")
    torch.save({**levels(sizes, still), "geo": mlp(geo)}, folder / "expression" / "angry.pt")
    torch.save(levels(sizes, moving), folder / "video" / "laugh.pt")


def levels(sizes: Sizes, widths: Sequence[int]) -> dict[str, dict[str, Tensor]]:
    """A network for each level."""
    return {f"level_{level}": mlp(widths) for level in range(sizes.levels)}


def mlp(widths: Sequence[int]) -> dict[str, Tensor]:
    """One small network, as large as a trained one's numbers are."""
    state = {}
    for layer, (into, out) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        state[f"layers.{layer}.weight"] = torch.randn(out, into) / LEARNING_RATE_MULTIPLIER / 2
        state[f"layers.{layer}.bias"] = torch.randn(out)
    return state


def generator_state(sizes: Sizes) -> dict[str, Tensor]:
    """The generator's state dict."""
    network = TextureGenerator(
        sizes.resolution, sizes.dim, sizes.dim, sizes.mapping_layers, sizes.channel_base, sizes.channel_max
    )
    filter_1d = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel, state = (filter_1d[:, None] * filter_1d / 64)[None, None], {}
    for name, value in network.state_dict().items():
        name = name.replace("synthesis.const", "synthesis.first_block.const")
        name = name.replace("synthesis.blocks.0.", "synthesis.first_block.")
        name = re.sub(r"^synthesis\.blocks\.(\d+)\.", lambda found: f"synthesis.blocks.{int(found[1]) - 1}.", name)
        state[name] = 0.1 * torch.randn(value.shape) if name.endswith(("noise_strength", "w_avg")) else value
    for block in range(len(network.synthesis.blocks) - 1):
        state[f"synthesis.blocks.{block}.resampler.kernel"] = kernel
        state[f"synthesis.blocks.{block}.conv0.resampler.kernel"] = kernel
    return state


def write_codes(folder: Path, sizes: Sizes, count: int = 4) -> None:
    """Write latents/train and latents/validation: a code of all levels in each file."""
    for name in ("train", "validation"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            torch.save(torch.randn(sizes.levels, sizes.dim), folder / name / f"{number:05d}.pt")
