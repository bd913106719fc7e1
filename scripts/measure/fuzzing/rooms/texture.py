"""Networks and linear models of textures, ours and others'."""

from pathlib import Path

import numpy as np
import torch

from clipface import weights
from clipface.texture.flame_texture import read_flame_texture
from clipface.texture.generator import TextureGenerator
from clipface.texture.linear import LinearTextures, TextureModel, load_texture_model
from clipface.texture.published import read_published_generator

from .. import lies, tiny
from ..reader import NOTES, Reader


def _linear(path: Path) -> None:
    LinearTextures(torch.zeros(3, 8, 8), torch.randn(4, 3, 8, 8)).save(path, None, "made for a test")


def _texture_model(path: Path) -> None:
    """A linear model of the tiny head's textures."""
    model = TextureModel(torch.zeros(3, 8, 8), torch.randn(4, 3, 5), torch.arange(5))
    model.save(path, tiny.head(), torch.zeros(3, 16, 16), "made for a test")


def _read_texture_model(path: Path) -> object:
    model, _ = load_texture_model(tiny.head(), path)
    return model(torch.zeros(1, model.count))


def write_generator(path: Path) -> None:
    tiny.generator().save(path)


def _published_generator(path: Path) -> None:
    """The tiny generator under the authors' names."""
    state = {}
    for name, value in tiny.generator().state_dict().items():
        name = name.replace("synthesis.const", "synthesis.first_block.const")
        name = name.replace("synthesis.blocks.0.", "synthesis.first_block.")
        for block in range(1, 8):
            name = name.replace(f"synthesis.blocks.{block}.", f"synthesis.blocks.{block - 1}.")
        state[name] = value
    torch.save(state, path)


def _flame_texture(path: Path) -> None:
    np.savez(path, mean=np.zeros((8, 8, 3), np.float32), tex_dir=np.zeros((8, 8, 3, 5), np.float32))


READERS = (
    Reader("weights", "linear.safetensors", _linear, weights.load, lies.tensors, NOTES),
    Reader("linear textures", "linear.safetensors", _linear, LinearTextures.from_weights, lies.tensors, NOTES),
    Reader("texture models", "model.safetensors", _texture_model, _read_texture_model, lies.tensors, NOTES),
    Reader("generators", "generator.safetensors", write_generator, TextureGenerator.from_weights, lies.tensors, NOTES),
    Reader("authors' generators", "stylegan_G.pth", _published_generator, read_published_generator,
           lies.archives_of_torch),
    Reader("FLAME's textures", "FLAME_texture.npz", _flame_texture, lambda path: read_flame_texture(path, 8), lies.npz),
)  # fmt: skip
