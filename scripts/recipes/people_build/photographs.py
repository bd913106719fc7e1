"""What is known of each photograph: its texture's code, its fitted head, and its labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.data import MaskedFaces
from clipface.data.textures import SUFFIXES, TABLE, TABLE_COLUMNS, read_textures
from clipface.files import read_table
from clipface.texture.linear import LinearTextures

SKIN = 0.86  # of a texture's height, from the top: below lie eyes and mouth


class Photographs(NamedTuple):
    """One row for each photograph."""

    names: list[str]  # paths below the folder of textures, without suffix
    codes: Tensor  # [N, K]
    shapes: Tensor  # [N, S] identity coefficients
    expressions: Tensor  # [N, E] coefficients
    weight: Tensor  # [N], so that ages, sexes and skin colours are drawn evenly
    mixed_only: Tensor  # [N] bool
    person: Tensor  # [N] int
    darkness: Tensor  # [N] of the skin, standard deviations
    table: list[dict[str, str]]  # rows of faces.csv


def read_photographs(textures: Path, dataset: Path, linear: Path) -> Photographs:
    """Read all photographs of faces.csv.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a photograph has no texture or no fitted head, or a column is damaged.
    """
    table = sorted(read_table(textures / TABLE, TABLE_COLUMNS, "textures"), key=lambda row: _name(row["file"]))
    names = [_name(row["file"]) for row in table]
    persons = {person: number for number, person in enumerate(sorted({row["person"] for row in table}))}
    try:
        weight = torch.tensor([float(row["weight"]) for row in table])
    except ValueError as error:
        raise ValueError(f"textures: weight: expected numbers in {textures / TABLE} ({error})") from error
    model = LinearTextures.from_weights(linear)
    rows = _textures(textures, names, model.size)
    lightness = rows[..., : int(SKIN * rows.shape[-1]), :].mean((1, 2, 3))
    return Photographs(
        names,
        model.coefficients(rows),
        *_heads(dataset, names),
        weight,
        torch.tensor([row["mixed_only"] not in ("", "0") for row in table]),
        torch.tensor([persons[row["person"]] for row in table]),
        (lightness.mean() - lightness) / lightness.std().clamp_min(1e-6),
        table,
    )


def _name(file: str) -> str:
    path = Path(file)
    return (path.with_suffix("") if path.suffix in SUFFIXES else path).as_posix()


def _textures(folder: Path, names: Sequence[str], size: int) -> Tensor:
    found, textures = read_textures(folder, size)
    places = {name: place for place, name in enumerate(found)}
    missing = [name for name in names if name not in places]
    if missing:
        raise ValueError(f"textures: expected one for each row of faces.csv, got none for {', '.join(missing[:5])}")
    return textures[[places[name] for name in names]].float() / 127.5 - 1


def _heads(dataset: Path, names: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Identity coefficients and those of the expression, up to the last ones that any fit uses."""
    faces = MaskedFaces(dataset, 16)
    places = {name: place for place, name in enumerate(faces.names)}
    missing = [name for name in names if name not in places]
    if missing:
        raise ValueError(f"dataset: expected a fitted head for each texture, got none for {', '.join(missing[:5])}")
    fits = [faces.parameters(places[name]) for name in names]
    return tuple(_used(np.stack([fit[key].ravel() for fit in fits])) for key in ("shape", "expression"))


def _used(rows: np.ndarray) -> Tensor:
    used = np.flatnonzero(np.abs(rows).max(0) > 0)
    return torch.from_numpy(rows[:, : used[-1] + 1 if len(used) else 1].astype(np.float32))
