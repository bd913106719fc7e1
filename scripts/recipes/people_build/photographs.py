"""What is known of each photograph: its texture's code, its fitted head, and its labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.bake.neutral import fuller_gains
from clipface.data import MaskedFaces
from clipface.data.textures import TABLE, read_faces_table, read_textures
from clipface.texture.linear import LinearTextures

LEAST_SATURATION = 0.95  # of the usual one; one set of photographs has 0.76, the others 1.1 to 1.2
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
    groups: list[tuple[str, str, str]]  # sex, skin colour and age group


def read_photographs(textures: Path, dataset: Path, linear: Path) -> Photographs:
    """Read all photographs of faces.csv.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a row has no texture or does not fit, or a texture has no fitted head.
    """
    model = LinearTextures.from_weights(linear)
    found, rows = read_textures(textures, model.size)
    table = read_faces_table(textures, found)
    if not table:
        remedy = "`python scripts/recipes/weigh_textures.py` writes it"
        raise FileNotFoundError(f"textures: expected rows of people in {textures / TABLE}, got none; {remedy}")
    names, faces, places = list(table), table.values(), {name: place for place, name in enumerate(found)}
    who = [face.person or name for name, face in table.items()]
    persons = {person: number for number, person in enumerate(sorted(set(who)))}
    rows = _fuller(rows[[places[name] for name in names]].float() / 255) * 2 - 1
    lightness = rows[..., : int(SKIN * rows.shape[-1]), :].mean((1, 2, 3))
    return Photographs(
        names,
        model.coefficients(rows),
        *_heads(dataset, names),
        torch.tensor([face.weight for face in faces]),
        torch.tensor([face.mixed_only for face in faces]),
        torch.tensor([persons[person] for person in who]),
        (lightness.mean() - lightness) / lightness.std().clamp_min(1e-6),
        [face.groups for face in faces],
    )


def _fuller(textures: Tensor) -> Tensor:
    """Textures [N, 3, R, R] in 0..1 without pale skins, of which blends would be grey: they go beyond both people."""
    skin = textures[..., : int(SKIN * textures.shape[-1]), :]
    skin = (skin * fuller_gains(skin.mean((2, 3), keepdim=True), LEAST_SATURATION)).clamp(0, 1)
    return torch.cat([skin, textures[..., skin.shape[-2] :, :]], 2)


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
