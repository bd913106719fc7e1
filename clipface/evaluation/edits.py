"""Where edits come from: trained mappers, and edits of single faces that a baseline saved."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from clipface import weights
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.files import mapper_file
from clipface.edit.mapper import Codes, FaceMapper
from clipface.evaluation.timing import synchronized_time

SHARED = ("head", "generator", "psi")  # edits can be compared only where these are the same
TOGETHER = 8  # faces painted or drawn at once


class Source(NamedTuple):
    """A file that holds an edit, and the notes beside it."""

    name: str  # for the tables
    path: Path
    notes: dict[str, Any]
    mapper: FaceMapper | None  # None: edits of single faces


class Edit(NamedTuple):
    """Faces with an edit."""

    name: str
    notes: dict[str, Any]
    texture: Tensor  # [B, 3, R, R] in 0..1
    codes: Codes  # their expression and shape belong to the texture
    seconds: float | None = None  # for a face, from codes to texture and coefficients


def parse_source(words: str) -> tuple[str | None, Path]:
    """Read `NAME=PATH` or `PATH`."""
    name, found, path = words.partition("=")
    return (name, Path(path)) if found and not Path(words).exists() else (None, Path(words))


def read_sources(given: Sequence[str]) -> list[Source]:
    """Read run folders, `mapper.safetensors` files and files of `scripts/measure/baselines.py`, each `NAME=PATH` or `PATH`.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is none of these, two have the same name, or they are of different heads or generators.
    """
    sources = [_read_source(*parse_source(words)) for words in given]
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"mappers: a name for each is wanted, two are called {', '.join(twice)}; give NAME=PATH")
    first = sources[0]
    for source in sources:
        if any(source.notes[key] != first.notes[key] for key in SHARED):
            raise ValueError(
                f"mappers: all of one head, generator and psi are wanted, {source.path} differs from {first.path}"
            )
    return sources


def _read_source(name: str | None, path: Path) -> Source:
    path = mapper_file(path)
    notes = weights.load_config(path)
    if "mapper" in notes:
        mapper, notes = FaceMapper.from_weights(path)
        return Source(name or notes["prompt"]["name"] or path.parent.name, path, notes, mapper)
    if "method" in notes:
        return Source(name or f"{notes['prompt']['name']} {notes['method']}", path, notes, None)
    raise ValueError(f"mappers: {path} holds other weights; a run of trainer.mapper or scripts/measure/baselines.py is wanted")


@torch.no_grad()
def paint(avatar: Avatar, w_plus: Tensor) -> Tensor:
    """Textures [B, 3, R, R] in 0..1 of any number of codes."""
    return torch.cat([avatar.texture(part) for part in w_plus.split(TOGETHER)])


@torch.no_grad()
def apply(source: Source, avatar: Avatar, faces: Faces, original: Tensor, seed: int) -> Edit:
    """Edit faces, or read their edits.

    Args:
        source: the edit.
        avatar: on the faces' device.
        faces: B of them, drawn with `seed`.
        original: their textures [B, 3, R, R].
        seed: of the faces.

    Raises:
        ValueError: if the edits were made of other faces.
    """
    if source.mapper is None:
        return _saved(source, faces, seed)
    mapper, device = source.mapper.to(original.device), original.device
    start = synchronized_time(device)
    codes = mapper(faces.codes)
    texture = original if mapper.texture is None else paint(avatar, codes.w_plus)
    texture = avatar.blend(original, texture, mapper.region)
    return Edit(source.name, source.notes, texture, codes, (synchronized_time(device) - start) / len(original))


def _saved(source: Source, faces: Faces, seed: int) -> Edit:
    tensors, _ = weights.load(source.path)
    count, device = len(faces.codes.shape), faces.codes.shape.device
    if source.notes["seed"] != seed or source.notes["faces"] < count:
        raise ValueError(
            f"{source.path}: edits of {count} faces of seed {seed} are wanted, it has {source.notes['faces']} of seed "
            f"{source.notes['seed']}; give --faces and --seed as they were given to scripts/measure/baselines.py"
        )
    tensors = {name: value[:count].to(device) for name, value in tensors.items()}
    codes = faces.codes._replace(expression=tensors["expression"])
    return Edit(source.name, source.notes, tensors["texture"], codes, source.notes["seconds_a_face"])
