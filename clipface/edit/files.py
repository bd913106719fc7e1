"""Codes of faces from files, and one edited face as a file for other programs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from clipface import weights
from clipface.arrays import read_arrays
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes
from clipface.edit.origin import check_origin
from clipface.export import write_obj, write_ply, write_rigged_glb, write_usdz
from clipface.files import numbered
from clipface.texture.published import UNREAD_LEVELS, load_published


def read_latents(path: str | Path, avatar: Avatar) -> Codes:
    """Read texture codes, and shape and expression where a file has them.

    Args:
        path: a `.pt` file with one code [L, dim] or several [N, L, dim], as the authors' files hold them, or an `.npz`
            with such an array `w_plus`, `uv_map` and `generator_sha256` (`Avatar.origin`) and, if it likes, `shape`
            [N, <= n_shape] and `expression` [N, <= n_expression]; or the `.safetensors` file of
            scripts/sample_textures.py: its codes for training, then those for validation; or a folder of `.pt` files,
            in the order of their names, 2.pt before 10.pt. Nothing in a file is run.
        avatar: for which the codes are; the authors' have two levels more than its generator reads (`Codes.unread`).

    Returns:
        Codes on the avatar's device; shape and expression are zero where the file has none.

    Raises:
        FileNotFoundError, ValueError: if the file is missing, cut off, or its arrays do not fit.
    """
    path = Path(path)
    read = _read_folder if path.is_dir() else READERS.get(path.suffix, _read_published)
    arrays, notes = read(path)
    remedy = "sample codes again by scripts/sample_textures.py, or give --generator and --head as when they were made"
    check_origin(f"latents {path}", notes, avatar, remedy)
    w_plus = arrays.get("w_plus")
    levels, dim = avatar.generator.levels, avatar.generator.config["w_dim"]
    if not isinstance(w_plus, Tensor) or w_plus.ndim not in (2, 3) or not w_plus.numel():
        raise ValueError(
            f"latents: expected codes [N, {levels}, {dim}] in {path}, as `w_plus` in an .npz, got something else"
        )
    w_plus = w_plus.float().reshape(-1, *w_plus.shape[-2:])
    if (
        w_plus.shape[1] not in (levels, levels + UNREAD_LEVELS)
        or w_plus.shape[2] != dim
        or not torch.isfinite(w_plus).all()
    ):
        given = f"{tuple(w_plus.shape)}{'' if torch.isfinite(w_plus).all() else ' with NaN or infinity'}"
        raise ValueError(
            f"latents: {path}: expected shape (N, {levels} or {levels + UNREAD_LEVELS}, {dim}), finite, got {given}"
        )
    head = avatar.head
    parts = [
        _coefficients(path, name, arrays.get(name), len(w_plus), most)
        for name, most in (("expression", head.n_expression), ("shape", head.n_shape))
    ]
    unread = w_plus[:, levels:] if w_plus.shape[1] > levels else None
    return Codes(w_plus[:, :levels].contiguous(), *parts, unread=unread).to(head.v_template.device)


def _read_npz(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    arrays = read_arrays(path, "latents")
    words = {name: str(array) for name, array in arrays.items() if array.dtype.kind in "US"}
    numbers = {name: array for name, array in arrays.items() if array.dtype.kind in "fi"}
    return {name: torch.from_numpy(array) for name, array in numbers.items()}, words


def _read_published(path: Path) -> tuple[dict[str, Tensor], dict]:
    return {"w_plus": load_published(path)}, {}


def _read_folder(path: Path) -> tuple[dict[str, Tensor], dict]:
    files = [file for file in path.glob("*.pt") if not file.name.startswith(".")]  # which macOS adds to others'
    files.sort(key=lambda file: numbered(file.name))
    found = [(file, load_published(file)) for file in files]
    if not found:
        raise ValueError(
            f"latents: expected codes (.pt) in {path}, got none; a folder in it, such as train, may be meant"
        )
    for file, code in found:
        if not isinstance(code, Tensor) or code.ndim not in (2, 3) or code.shape[-2:] != found[0][1].shape[-2:]:
            got = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
            raise ValueError(f"latents: {file}: expected a code [L, dim] like the first one's, got {got}")
    return {"w_plus": torch.cat([code.reshape(-1, *code.shape[-2:]) for _, code in found])}, {}


def _read_sampled(path: Path) -> tuple[dict[str, Tensor], dict]:
    tensors, notes = weights.load(path)
    parts = [tensors[name] for name in ("train", "validation") if name in tensors]
    if any(part.ndim != 3 or part.shape[1:] != parts[0].shape[1:] for part in parts):
        shapes = " and ".join(str(tuple(part.shape)) for part in parts)
        raise ValueError(f"latents: expected codes [N, L, dim] in {path}, got tensors of shape {shapes}")
    return {"w_plus": torch.cat(parts)} if parts else {}, notes


READERS = {".npz": _read_npz, ".safetensors": _read_sampled}  # of latents, by the file's suffix


def _coefficients(path: Path, name: str, given: Tensor | None, count: int, most: int) -> Tensor:
    padded = torch.zeros(count, most)
    if given is not None:
        if given.ndim != 2 or len(given) != count or given.shape[1] > most or not torch.isfinite(given).all():
            expected = f"shape ({count}, {most} or fewer), finite"
            raise ValueError(f"latents: {path}: {name}: expected {expected}, got {tuple(given.shape)}")
        padded[:, : given.shape[1]] = given
    return padded


@torch.no_grad()
def write_face(
    path: Path,
    avatar: Avatar,
    before: Codes,
    after: Codes,
    texture: Tensor,
    expressions: Sequence[str] | None = None,
    compact: bool = False,
) -> None:
    """Write one face in the format that the file's ending names.

    Args:
        path: ends in .glb, .usdz, .obj or .ply.
        avatar: whose head it is.
        before, after: an edit, of one face; GLB and USDZ hold the change of its shape and expression as a morph target,
            and as relief the fine detail of its own texture before the edit.
        texture: [3, R, R] in 0..1, after the edit.
        expressions: names that GLB and USDZ hold, or `["all"]`; None: the usual ones.
        compact: as of `write_rigged_glb`.
    """
    head = avatar.head
    if path.suffix in (".obj", ".ply"):
        vertices = avatar.vertices(after)[0]
        (write_obj if path.suffix == ".obj" else write_ply)(path, vertices, head, texture)
        return
    changed = not (torch.equal(before.shape, after.shape) and torch.equal(before.expression, after.expression))
    write = partial(write_rigged_glb, compact=compact) if path.suffix == ".glb" else write_usdz
    write(
        path,
        head,
        texture=texture,
        shape=before.shape,
        expression=before.expression,
        edited_shape=after.shape if changed else None,
        edited_expression=after.expression if changed else None,
        pose=after.pose,
        expressions="all" if expressions == ["all"] else expressions,
        relief=before.detail and before.detail.texture[0],
    )
