"""A folder of textures completed from photographs, to paint over: NAME.png or NAME.jpg, in folders as they may be."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SUFFIXES = (".png", ".jpg")
TABLE = "faces.csv"  # may lie in the folder, and say who is in the textures and how often each is drawn
TABLE_COLUMNS = ("file", "weight", "mixed_only", "age_group", "sex", "skin", "person")
PREVIEW = "_preview"  # ends the names of images that lie beside textures and are none


def read_textures(folder: str | Path, size: int) -> tuple[list[str], Tensor]:
    """Read all textures of a folder and those in it.

    Args:
        folder: for instance one that `scripts/bake_texture.py` wrote.
        size: side of the textures handed out, texels; others are resized.

    Returns:
        Names (paths below the folder, without suffix), sorted, and [N, 3, size, size] uint8, row 0 the texture's top.

    Raises:
        FileNotFoundError: if there is no such folder, or no texture in it.
        ValueError: if a file is no image, or not square.
    """
    folder = Path(folder)
    files = sorted(f for f in folder.rglob("*") if f.suffix in SUFFIXES and not f.stem.endswith(PREVIEW))
    if not files:
        remedy = "`python scripts/bake_texture.py` writes one"
        raise FileNotFoundError(f"textures: {folder} holds no textures ({', '.join(SUFFIXES)}); {remedy}")
    textures = np.empty((len(files), 3, size, size), np.uint8)
    for texture, file in zip(textures, files, strict=True):
        try:
            with Image.open(file) as image:
                image = image.convert("RGB")
        except OSError as error:
            raise ValueError(f"textures: {file} cannot be read as an image ({error}); bake it again") from error
        if image.width != image.height:
            raise ValueError(f"textures: expected a square texture, got {image.size} in {file}")
        if image.width != size:
            image = image.resize((size, size), Image.Resampling.BOX)
        texture[:] = np.asarray(image).transpose(2, 0, 1)
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    return names, torch.from_numpy(textures)
