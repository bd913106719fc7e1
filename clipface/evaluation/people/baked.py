"""Textures baked from the photographs of a data set, on the heads that were fitted to these."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from clipface.data.faces import MaskedFaces
from clipface.data.textures import TABLE, read_faces_table, read_textures
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes


def baked_heads(
    folder: Path, faces: MaskedFaces, compared: Sequence[int], avatar: Avatar, mixed: bool = True
) -> tuple[list[int], Tensor, Codes]:
    """Read textures and neutral heads.

    Args:
        folder: that scripts/bake_texture.py wrote of the data set.
        faces: the data set.
        compared: its rows that are asked for.
        avatar: whose generator and head decide the sizes.
        mixed: whether textures that may only be mixed are taken too; False, to show people, needs `faces.csv`.

    Returns:
        The rows with a texture, these textures [N, 3, R, R] uint8, and codes of the heads, without w+.

    Raises:
        FileNotFoundError: if it is not written who may be shown.
        ValueError: if there are no such textures.
    """
    names, textures = read_textures(folder, avatar.generator.config["resolution"])
    taken = set(names if mixed else _shown(folder, names))
    place = {name: number for number, name in enumerate(names) if name in taken}
    rows = [row for row in compared if faces.names[row] in place]
    if not rows:
        raise ValueError(f"textures: expected names of faces as in {faces.path}, got {names[0]} ...; bake them from it")
    shape = torch.stack([torch.from_numpy(faces.parameters(row)["shape"]).float() for row in rows])
    shape = functional.pad(shape, (0, avatar.head.n_shape - shape.shape[1])).to(avatar.head.v_template)
    nothing = shape.new_zeros(len(shape), 0, 0)
    heads = Codes(nothing, shape.new_zeros(len(shape), avatar.head.n_expression), shape)
    return rows, textures[[place[faces.names[row]] for row in rows]], heads


def _shown(folder: Path, names: Sequence[str]) -> list[str]:
    """Textures that `faces.csv` lets stand alone."""
    table = read_faces_table(folder, names)
    if not table:
        remedy = "write who may be shown by `python scripts/recipes/weigh_textures.py`"
        raise FileNotFoundError(f"textures: expected rows of people in {folder / TABLE}, got none; {remedy}")
    return [name for name, face in table.items() if not face.mixed_only]
