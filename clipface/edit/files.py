"""Faces to edit and mappers to edit them with, read from files."""

from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from clipface import weights
from clipface.edit.attributes import is_look, look_mapper
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.sampling import sample_latents
from clipface.edit.video_mapper import VideoMapper
from clipface.texture.published import load_published

MAPPER_FILE = "mapper.safetensors"
Mapper = TypeVar("Mapper", FaceMapper, VideoMapper)


def mapper_file(path: str | Path) -> Path:
    """A mapper's file: of a run's folder the one in it, else the path itself."""
    path = Path(path)
    return path / MAPPER_FILE if path.is_dir() else path


def read_mapper(path: str | Path, levels: int) -> tuple[FaceMapper, dict]:
    """Read a mapper: a run's folder, its `mapper.safetensors`, one of the authors' files, or a look (`look:zombie`).

    Args:
        path: see above; a file that does not end in `.safetensors` is taken for one of the authors'.
        levels: that the generator reads; the authors' files hold two more.

    Returns:
        The mapper (CPU, evaluation mode) and the run's notes; none for a file of the authors or a look.

    Raises:
        FileNotFoundError, ValueError: if a file is missing, cut off, or no mapper for such a generator.
    """
    if is_look(path):
        return look_mapper(path, levels), {}
    return _read(FaceMapper, mapper_file(path), levels)


def read_video_mapper(path: str | Path, levels: int) -> tuple[VideoMapper, dict]:
    """Read the mapper of an animation; arguments, result and errors as in `read_mapper`."""
    return _read(VideoMapper, mapper_file(path), levels)


def read_any_mapper(path: str | Path, levels: int) -> tuple[FaceMapper | VideoMapper, dict]:
    """Read a mapper of either kind; arguments, result and errors as in `read_mapper`."""
    if is_look(path):
        return read_mapper(path, levels)
    path = mapper_file(path)
    if path.suffix == ".safetensors":
        moving = "video_mapper" in weights.load_config(path)
    else:  # the authors keep a network for the expression beside those of textures, but where a motion gives it
        moving = not {"geo", "texture_mapper"} & load_published(path).keys()
    return _read(VideoMapper if moving else FaceMapper, path, levels)


def mapper_notes(path: str | Path) -> dict:
    """What a run noted beside its mapper; nothing for a file of the authors or a look."""
    file = mapper_file(path)
    return weights.load_config(file) if file.suffix == ".safetensors" else {}


def latents(words: str, avatar: Avatar, psi: float) -> Codes:
    """Codes from a file (`read_latents`), or drawn from seeds "first:end" (`sample_latents`).

    Raises:
        ValueError: if the words are neither, or the file does not fit.
        FileNotFoundError: if there is no such file.
    """
    first, colon, end = words.partition(":")
    if colon and first.isdecimal() and end.isdecimal() and int(first) < int(end):
        return sample_latents(avatar, range(int(first), int(end)), psi)
    if Path(words).suffix not in (".pt", ".npz", ".safetensors"):
        wanted = "a .pt, .npz or .safetensors file, or seeds such as 0:8, are wanted"
        raise ValueError(f"latents: {wanted}, {words!r} was given")
    return read_latents(words, avatar)


def read_latents(path: str | Path, avatar: Avatar) -> Codes:
    """Read texture codes, and what else a file says of the faces.

    Args:
        path: a `.pt` file with one code [L, dim] or several [N, L, dim], as the authors' files hold them, or an `.npz`
            with such an array `w_plus` and, where wanted, `shape` [N, <= n_shape] and `expression`
            [N, <= n_expression]; or the `.safetensors` file of scripts/sample_textures.py: its codes for training, then
            those for validation. Nothing in a file is run.
        avatar: for which the codes are; levels past those that its generator reads are left out.

    Returns:
        Codes on the avatar's device; shape and expression are zero where the file has none.

    Raises:
        FileNotFoundError, ValueError: if the file is missing, cut off, or its arrays do not fit.
    """
    path = Path(path)
    arrays = READERS.get(path.suffix, _read_published)(path)
    w_plus = arrays.get("w_plus")
    levels, dim = avatar.generator.levels, avatar.generator.config["w_dim"]
    if not isinstance(w_plus, Tensor) or w_plus.ndim not in (2, 3):
        raise ValueError(f"latents: {path} is wanted to hold codes [N, {levels}, {dim}], as `w_plus` in an .npz")
    w_plus = w_plus.float().reshape(-1, *w_plus.shape[-2:])
    if w_plus.shape[1] < levels or w_plus.shape[2] != dim or not torch.isfinite(w_plus).all():
        given = f"{tuple(w_plus.shape)}{'' if torch.isfinite(w_plus).all() else ' with NaN or infinity'}"
        raise ValueError(f"latents: {path}: expected shape (N, {levels} or more, {dim}), finite,, got {given}")
    head = avatar.head
    parts = [
        _coefficients(path, name, arrays.get(name), len(w_plus), most)
        for name, most in (("expression", head.n_expression), ("shape", head.n_shape))
    ]
    return Codes(*(part.to(head.v_template.device) for part in (w_plus[:, :levels].contiguous(), *parts)))


def _read(kind: type[Mapper], path: Path, levels: int) -> tuple[Mapper, dict]:
    if path.suffix == ".safetensors":
        mapper, notes = kind.from_weights(path)
    else:
        mapper, notes = kind.from_published(path, levels), {}
    if mapper.config["levels"] != levels:
        raise ValueError(f"mapper: {path} is for {mapper.config['levels']} levels, the generator has {levels}")
    return mapper.eval(), notes


def _read_npz(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"latents: {path} does not exist")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}
    except Exception as error:  # zip, zlib and NumPy's header parser each raise their own
        raise ValueError(f"latents: {path} is cut off or holds more than numbers ({error})") from error


def _read_published(path: Path) -> dict[str, Tensor]:
    return {"w_plus": load_published(path)}


def _read_sampled(path: Path) -> dict[str, Tensor]:
    tensors = weights.load(path)[0]
    parts = [tensors[name] for name in ("train", "validation") if name in tensors]
    return {"w_plus": torch.cat(parts)} if parts else {}


READERS = {".npz": _read_npz, ".safetensors": _read_sampled}  # of latents, by the file's suffix


def _coefficients(path: Path, name: str, given: Tensor | None, count: int, most: int) -> Tensor:
    whole = torch.zeros(count, most)
    if given is not None:
        if given.ndim != 2 or len(given) != count or given.shape[1] > most or not torch.isfinite(given).all():
            wanted = f"shape ({count}, {most} or fewer), finite,"
            raise ValueError(f"latents: {path}: {name}: expected {wanted}, got {tuple(given.shape)}")
        whole[:, : given.shape[1]] = given
    return whole
