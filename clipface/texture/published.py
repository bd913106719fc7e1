"""The authors' published checkpoints, read without running code from them.

Every file is a pickle of tensors, so `torch.load(weights_only=True)` reads it and refuses anything else.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from clipface import weights
from clipface.texture.generator import TextureGenerator

_BLOCK = r"(\d{1,2})"  # its number; more blocks than a hundred no file has
UNREAD_LEVELS = 2  # of the authors' codes and mappers, past those that the synthesis of 512² reads


def load_published(path: str | Path) -> dict:
    """Read a file of tensors and plain containers.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is cut off or holds anything but tensors of finite numbers.
    """
    content = weights.load_pickled(path, "path", "expected a checkpoint that the authors published")
    finite = (tensor.float().isfinite().all() for tensor in weights.tensors_in(content) if tensor.is_floating_point())
    if not all(finite):
        raise ValueError(f"path: {path}: expected finite numbers, got NaN or infinity; fetch or write it again")
    return content


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
    if not isinstance(state, Mapping):
        raise ValueError(f"{what}: expected tensors by name, got {type(state).__name__}")
    others = [f"{str(key)[:40]} ({type(each).__name__})" for key, each in state.items() if not isinstance(each, Tensor)]
    if others:
        raise ValueError(f"{what}: expected tensors by name alone, got {', '.join(others[:3])}; save the tensors alone")
    renamed = {}
    for name, value in ((str(name), value) for name, value in state.items()):
        if name.endswith("resampler.kernel"):  # the fixed upsampling filter
            continue
        name = name.replace("synthesis.first_block.const", "synthesis.const")
        name = name.replace("synthesis.first_block.", "synthesis.blocks.first.")
        name = re.sub(rf"^synthesis\.blocks\.{_BLOCK}\.", lambda match: f"synthesis.blocks.{int(match[1]) + 1}.", name)
        renamed[name.replace("blocks.first.", "blocks.0.")] = value.float()
    return weights.build(TextureGenerator, _generator_config(renamed, what), renamed, what).eval()


def _generator_config(state: Mapping[str, Tensor], what: str) -> dict[str, int]:
    blocks = {int(match[1]) for match in (re.match(rf"synthesis\.blocks\.{_BLOCK}\.", name) for name in state) if match}
    layers = {name for name in state if re.fullmatch(r"mapping\.layers\.\d+\.weight", name)}
    last = f"synthesis.blocks.{max(blocks, default=0)}.conv1.weight"
    if not blocks or not layers or last not in state or "synthesis.const" not in state:
        raise ValueError(f"{what}: expected the names of a published generator, got {', '.join(list(state)[:5])}")
    first = state.get("mapping.layers.0.weight")
    convolutions = {n: state.get(f"synthesis.blocks.{n}.conv1.weight") for n in blocks}
    if first is None or first.ndim != 2 or any(weight is None or weight.ndim < 2 for weight in convolutions.values()):
        raise ValueError(f"{what}: expected weights of each block and of the mapping, got others")
    resolution = 4 * 2 ** max(blocks)
    w_dim, z_dim = first.shape
    channels = {4 * 2**n: weight.shape[0] for n, weight in convolutions.items()}
    return {
        "resolution": resolution,
        "z_dim": z_dim,
        "w_dim": w_dim,
        "mapping_layers": len(layers),
        # The authors fix the base at 16384; a block whose channels are not cut off tells it.
        "channel_base": max(r * c for r, c in channels.items()),
        "channel_max": max(channels.values()),
    }
