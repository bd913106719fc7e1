"""The authors' published checkpoints, read without running code from them.

Every file is a pickle of tensors, so `torch.load(weights_only=True)` reads it and refuses anything else.
"""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from clipface import weights
from clipface.texture.generator import TextureGenerator

UNREAD_LEVELS = 2  # of the authors' codes and mappers, past those that the synthesis of 512² reads


def load_published(path: str | Path) -> dict:
    """Read a file of tensors and plain containers.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is cut off or holds anything but tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: {path} does not exist; expected a checkpoint that the authors published")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        raise ValueError(f"path: {path} is cut off or holds more than tensors, so it is not read ({error})") from error


def read_generator(path: str | Path) -> TextureGenerator:
    """Read a generator wherever one is named: a `.safetensors` file, or `stylegan_G.pth` (evaluation mode).

    Raises:
        FileNotFoundError, ValueError: if a file is missing, cut off, or of another kind.
    """
    own = Path(path).suffix == ".safetensors"
    return TextureGenerator.from_weights(path) if own else read_published_generator(path)


def read_published_generator(path: str | Path) -> TextureGenerator:
    """Read `stylegan_G.pth` (evaluation mode)."""
    return generator_from_state(load_published(path), str(path))


def generator_from_state(state: Mapping[str, Tensor], what: str = "state") -> TextureGenerator:
    """Build the generator that fits a state dict under the authors' names.

    Raises:
        ValueError: if the names are not those of a published generator.
    """
    renamed = {}
    for name, value in state.items():
        if name.endswith("resampler.kernel"):  # the fixed upsampling filter
            continue
        name = name.replace("synthesis.first_block.const", "synthesis.const")
        name = name.replace("synthesis.first_block.", "synthesis.blocks.first.")
        name = re.sub(r"^synthesis\.blocks\.(\d+)\.", lambda match: f"synthesis.blocks.{int(match[1]) + 1}.", name)
        renamed[name.replace("blocks.first.", "blocks.0.")] = value.float()
    generator = TextureGenerator(**_generator_config(renamed, what))
    weights.load_into(generator, renamed, what)
    return generator.eval()


def _generator_config(state: Mapping[str, Tensor], what: str) -> dict[str, int]:
    blocks = {int(match[1]) for match in (re.match(r"synthesis\.blocks\.(\d+)\.", name) for name in state) if match}
    layers = {name for name in state if re.fullmatch(r"mapping\.layers\.\d+\.weight", name)}
    last = f"synthesis.blocks.{max(blocks, default=0)}.conv1.weight"
    if not blocks or not layers or last not in state or "synthesis.const" not in state:
        raise ValueError(f"{what}: expected the names of a published generator, got {', '.join(list(state)[:5])}")
    resolution = 4 * 2 ** max(blocks)
    w_dim, z_dim = state["mapping.layers.0.weight"].shape
    channels = {4 * 2**n: state[f"synthesis.blocks.{n}.conv1.weight"].shape[0] for n in blocks}
    return {
        "resolution": resolution,
        "z_dim": z_dim,
        "w_dim": w_dim,
        "mapping_layers": len(layers),
        # The authors fix the base at 16384; a block whose channels are not cut off tells it.
        "channel_base": max(r * c for r, c in channels.items()),
        "channel_max": max(channels.values()),
    }
