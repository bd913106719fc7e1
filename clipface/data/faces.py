"""Data sets of masked faces with fitted heads: how they lie on disk, and how they are read.

A data set is a folder:

    images/NAME.png   RGB picture
    masks/NAME.png    grey picture of the same size: 255 where the face is, 0 where anything else is
    faces.npz         one row a face: name (N,), shape (N, S), expression (N, E), pose (N, 6), camera (N, 4, 4);
                      optionally neck_pose (N, 3), eye_pose (N, 6), zero if left out, and caption (N,)

`camera` maps the head frame to the picture's clip space, y down (see clipface/render/camera.py).
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset

from clipface.shapes import expect

INDEX = "faces.npz"
# Shape of a row of each; None: any length.
PARAMETERS: dict[str, tuple[int | None, ...]] = {
    "shape": (None,), "expression": (None,), "pose": (6,), "camera": (4, 4), "neck_pose": (3,), "eye_pose": (6,),
}  # fmt: skip
OPTIONAL = ("neck_pose", "eye_pose")


class FaceBatch(NamedTuple):
    """Masked pictures and the heads in them (without the first axis: one face)."""

    image: Tensor  # [B, 3, H, W] in [-1, 1], on the background
    mask: Tensor  # [B, 1, H, W] in [0, 1], 1 where the face is
    shape: Tensor  # [B, S]
    expression: Tensor  # [B, E]
    pose: Tensor  # [B, 6]
    camera: Tensor  # [B, 4, 4]
    neck_pose: Tensor  # [B, 3]
    eye_pose: Tensor  # [B, 6]


def composite(image: Tensor, mask: Tensor, background: float) -> Tensor:
    """Put the masked part of pictures on a plain background.

    Args:
        image: [B, C, H, W].
        mask: [B, 1, H, W] in [0, 1].
        background: grey value, in the range of `image`.

    Gradient: to image and mask.
    """
    return background + mask * (image - background)


class MaskedFaces(Dataset):
    """A data set folder, read face by face.

    Args:
        path: the folder.
        image_size: side of the pictures handed out, pixels; others are resized, which leaves the camera as it is.
        background: grey value around the face, in [-1, 1].

    Raises:
        FileNotFoundError: if the folder, its index, or a picture is missing.
        ValueError: if the index is damaged, lacks a key, has rows of wrong shape, or is empty.
    """

    def __init__(self, path: str | Path, image_size: int, background: float = 1.0):
        self.path, self.image_size, self.background = Path(path), image_size, background
        rows = _read_index(self.path)
        self.names = [str(name) for name in rows["name"]]
        self.captions = [str(caption) for caption in rows["caption"]] if "caption" in rows else None
        self.parameters = {key: torch.from_numpy(rows[key].astype(np.float32)) for key in PARAMETERS}
        for kind in ("images", "masks"):
            folder = self.path / kind
            found = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
            missing = [name for name in self.names if f"{name}.png" not in found]
            if missing:
                raise FileNotFoundError(
                    f"dataset: {len(missing)} of {len(self.names)} pictures are missing in {folder}, "
                    f"the first is {missing[0]}.png; write the data set again or take them out of {INDEX}"
                )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> FaceBatch:
        """Read one face, as a FaceBatch without the first axis."""
        image = self._picture("images", self.names[index], "RGB") * 2 - 1
        mask = self._picture("masks", self.names[index], "L")
        return FaceBatch(
            composite(image, mask, self.background), mask, *(rows[index] for rows in self.parameters.values())
        )

    def _picture(self, kind: str, name: str, mode: str) -> Tensor:
        path = self.path / kind / f"{name}.png"
        try:
            with Image.open(path) as file:
                picture = file.convert(mode)
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(f"dataset: {path} cannot be read as a picture ({error}); write it again") from error
        if picture.size != (self.image_size, self.image_size):
            # Bilinear filters when it shrinks, and unlike sharper kernels never overshoots, so masks stay masks.
            picture = picture.resize((self.image_size, self.image_size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(picture, dtype=np.float32) / 255)
        return pixels[None] if mode == "L" else pixels.permute(2, 0, 1)


def _read_index(folder: Path) -> dict[str, np.ndarray]:
    path = folder / INDEX
    if not path.is_file():
        raise FileNotFoundError(
            f"dataset: {path} does not exist; give the folder of a data set (dataset.path=...), "
            "for instance one that `python scripts/paint_faces.py` wrote"
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            rows = {key: arrays[key] for key in arrays.files}
    except Exception as error:  # numpy raises what its ZIP, header and array readers happen to raise
        raise ValueError(f"dataset: {path} is cut off or not an index ({error}); write it again") from error
    lacking = [key for key in ("name", *PARAMETERS) if key not in rows and key not in OPTIONAL]
    if lacking:
        raise ValueError(f"dataset: {path} lacks {', '.join(lacking)}; it has {', '.join(sorted(rows)) or 'nothing'}")
    count = len(rows["name"])
    if not count:
        raise ValueError(f"dataset: {path} lists no faces; at least one is wanted")
    for key in OPTIONAL:
        rows.setdefault(key, np.zeros((count, *PARAMETERS[key]), np.float32))
    for key, row in PARAMETERS.items():
        _check_rows(path, key, rows[key], (count, *row))
    return rows


def _check_rows(path: Path, key: str, given: np.ndarray, wanted: tuple[int | None, ...]) -> None:
    fits = len(given.shape) == len(wanted) and all(w in (None, g) for g, w in zip(given.shape, wanted, strict=True))
    if not fits:
        words = str(wanted).replace("None", "any")
        raise ValueError(f"dataset: {key} in {path}: shape {words} is wanted, {given.shape} was given")
    if not np.isfinite(given).all():
        raise ValueError(f"dataset: {key} in {path} holds values that are no finite numbers")


def write_faces(
    folder: str | Path, batches: Iterable[tuple[FaceBatch, Sequence[str] | None]], first_name: int = 0
) -> Path:
    """Write a data set folder, complete or not at all.

    Args:
        folder: must not exist yet.
        batches: batches with images in [-1, 1] (the background does not matter), and their captions or None.
        first_name: number of the first face; names are six digits.

    Returns:
        The folder.

    Raises:
        FileExistsError: if the folder exists.
        ValueError: if there are no faces.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"folder: {folder} exists already; remove it or give another name")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for kind in ("images", "masks"):
        (partial / kind).mkdir(parents=True)
    rows: dict[str, list] = {"name": [], "caption": [], **{key: [] for key in PARAMETERS}}
    for batch, captions in batches:
        expect("image", batch.image, ("B", 3, "H", "W"))
        images = _bytes(batch.image / 2 + 0.5).transpose(0, 2, 3, 1)
        for image, mask in zip(images, _bytes(batch.mask)[:, 0], strict=True):
            rows["name"].append(f"{first_name + len(rows['name']):06d}")
            Image.fromarray(image).save(partial / "images" / f"{rows['name'][-1]}.png")
            Image.fromarray(mask).save(partial / "masks" / f"{rows['name'][-1]}.png")
        rows["caption"].extend(captions or [])
        for key in PARAMETERS:
            rows[key].append(getattr(batch, key).detach().cpu().numpy().astype(np.float32))
    if not rows["name"]:
        raise ValueError("batches: at least one face is wanted, none was given")
    arrays = {key: np.concatenate(rows[key]) for key in PARAMETERS} | {"name": np.array(rows["name"])}
    if rows["caption"]:
        arrays["caption"] = np.array(rows["caption"])
    np.savez_compressed(partial / INDEX, **arrays)
    os.replace(partial, folder)
    return folder


def _bytes(picture: Tensor) -> np.ndarray:
    return picture.detach().clamp(0, 1).mul(255).round().byte().cpu().numpy()


def endless_batches(count: int, batch_size: int, seed: int, start: int = 0) -> Iterator[list[int]]:
    """Give batches of indices for ever: one shuffled round through all faces after the other.

    Args:
        count: faces.
        batch_size: indices a batch; a batch may span two rounds.
        seed: of the shuffling.
        start: number of the first batch, so that a resumed run goes on where it stopped.
    """
    position, cached = start * batch_size, (-1, [])
    while True:
        batch = []
        for _ in range(batch_size):
            number, place = divmod(position, count)
            if cached[0] != number:
                generator = torch.Generator().manual_seed(seed + number)
                cached = (number, torch.randperm(count, generator=generator).tolist())
            batch.append(cached[1][place])
            position += 1
        yield batch
