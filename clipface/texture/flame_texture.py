"""FLAME's linear models of textures: FLAME_texture.npz, and the one made from BFM's albedo."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface.arrays import array_names, read_arrays
from clipface.texture.linear import LinearTextures, TextureModel

# Names of the mean and of the directions, and the largest colour; colours are blue, green, red (as DECA reads them).
LAYOUTS = {"FLAME": ("mean", "tex_dir", 255.0), "BFM": ("MU", "PC", 1.0)}


def read_flame_texture(path: str | Path, size: int) -> tuple[Tensor, Tensor]:
    """Read a texture model.

    Args:
        path: `FLAME_texture.npz` (200 directions), or `FLAME_albedo_from_BFM.npz` (199).
        size: R, at most this many texels a side.

    Returns:
        Mean [3, R, R] in 0..1 and directions [K, 3, R, R] of one standard deviation each; red, green, blue, row 0 at
        the texture's top.

    Raises:
        FileNotFoundError, ValueError: if the file is missing, cut off, or no such model.
    """
    remedy = "FLAME_texture.npz is on https://flame.is.tue.mpg.de"
    names = array_names(path, "flame-texture", remedy)
    layout = next((layout for layout in LAYOUTS.values() if {*layout[:2]} <= names), None)
    if layout is None:
        raise ValueError(
            f"flame-texture: {path} is no texture model of FLAME: expected mean and tex_dir, or MU and PC, got "
            f"{', '.join(sorted(names)[:8])}; {remedy}"
        )
    found = read_arrays(path, "flame-texture", layout[:2], remedy).values()
    if any(array.dtype.kind not in "fiu" or not array.ndim for array in found):
        raise ValueError(f"flame-texture: {path}: expected arrays of numbers, got others")
    mean, directions = (np.asarray(array, np.float32) for array in found)
    side, count = round((mean.size / 3) ** 0.5), directions.shape[-1]
    if mean.size != 3 * side**2 or directions.size != mean.size * count:
        raise ValueError(f"flame-texture: {path}: expected square textures, got {mean.shape} and {directions.shape}")
    parts = []
    for array in (mean.reshape(-1, 1), directions.reshape(-1, count)):
        texels = torch.from_numpy(array).div_(layout[2]).T.reshape(-1, side, side, 3).permute(0, 3, 1, 2)
        parts.append((functional.adaptive_avg_pool2d(texels, size) if size < side else texels)[:, [2, 1, 0]])
    return parts[0][0], parts[1]


def flame_linear_textures(path: str | Path, size: int) -> LinearTextures:
    """The model as one whose textures are in [-1, 1]; arguments and errors as of `read_flame_texture`."""
    mean, directions = read_flame_texture(path, size)
    return LinearTextures(mean * 2 - 1, directions * 2)


def flame_texture_model(path: str | Path, size: int) -> TextureModel:
    """The model as one in 0..1, for edits of its coefficients; arguments and errors as of `read_flame_texture`."""
    mean, directions = read_flame_texture(path, size)
    return TextureModel(mean, directions.flatten(2), torch.arange(mean[0].numel()))
