"""A folder of textures completed from photographs, to paint over: NAME.png or NAME.jpg, in folders as they may be."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface.files import read_table
from clipface.images import PhotographError, read_photograph
from clipface.parts import check_parts

SUFFIXES = (".png", ".jpg")
TABLE = "faces.csv"  # may lie in the folder, and say who is in the textures and how often each is drawn
TABLE_COLUMNS = ("file", "weight", "mixed_only", "age_group", "sex", "skin", "person")
PREVIEW = "_preview"  # ends the names of images that lie beside textures and are none


class TextureFace(NamedTuple):
    """What the table says of who is in a texture."""

    weight: float = 1.0  # how often it is sampled
    mixed_only: bool = False  # never a target and never shown as it is
    person: str = ""  # textures of one person are never mixed with each other; empty: of nobody else
    groups: tuple[str, str, str] = ("", "", "")  # sex, skin colour, age group; empty: not known


def read_faces_table(folder: str | Path, names: Sequence[str]) -> dict[str, TextureFace]:
    """Read `faces.csv`, if the folder has it: file, and maybe any other of `TABLE_COLUMNS`.

    Args:
        folder: of the textures.
        names: of the textures, as `read_textures` gives them.

    Returns:
        The rows by name, sorted; a texture may have none.

    Raises:
        ValueError: naming the row that does not fit.
    """
    path, known, found = Path(folder) / TABLE, set(names), {}
    for row in read_table(path, ["file"], TABLE) if path.exists() else ():
        file, flag = row["file"], row.get("mixed_only") or "0"
        if file not in known:
            raise ValueError(f"{TABLE}: expected files of {folder} without suffix, got {file!r}")
        if flag not in ("0", "1"):
            raise ValueError(f"{TABLE}: expected a mixed_only of 0 or 1, got {flag!r} for {file}")
        groups = tuple(row.get(name, "") for name in ("sex", "skin", "age_group"))
        found[file] = TextureFace(_weight(row.get("weight") or "1"), flag == "1", row.get("person", ""), groups)
    return dict(sorted(found.items()))


def _weight(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise ValueError(f"{TABLE}: expected a weight of 0 or more, got {text!r}")
    return value


def read_textures(folder: str | Path, size: int) -> tuple[list[str], Tensor]:
    """Read all textures of a folder and those in it.

    Args:
        folder: for instance one that `scripts/bake_texture.py` wrote.
        size: side of the textures handed out, texels; others are resized.

    Returns:
        Names (paths below the folder, without suffix), sorted, and [N, 3, size, size] uint8, row 0 the texture's top.

    Raises:
        FileNotFoundError: if there is no such folder, or no texture in it.
        ValueError: if a file is no image, or not square, or parts that write to the folder are not all done.
    """
    folder = Path(folder)
    check_parts(folder)
    every = (f for f in folder.rglob("[!.]*") if f.suffix.lower() in SUFFIXES)  # hidden ones are macOS's
    files = sorted(f for f in every if not f.stem.endswith(PREVIEW))
    if not files:
        remedy = "`python scripts/bake_texture.py` writes one"
        raise FileNotFoundError(f"textures: {folder} holds no textures ({', '.join(SUFFIXES)}); {remedy}")
    textures = np.empty((len(files), 3, size, size), np.uint8)
    for texture, file in zip(textures, files, strict=True):
        try:
            image = read_photograph(file).image
        except PhotographError as error:
            raise ValueError(f"textures: {file} cannot be read as an image ({error}); bake it again") from error
        if image.width != image.height:
            raise ValueError(f"textures: expected a square texture, got {image.size} in {file}")
        if image.width != size:
            image = image.resize((size, size), Image.Resampling.BOX)
        texture[:] = np.asarray(image).transpose(2, 0, 1)
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    return names, torch.from_numpy(textures)
