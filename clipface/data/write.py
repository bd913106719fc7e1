"""Batches of faces → a data set folder."""

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from clipface.data.faces import EXTRA, PARAMETERS, FaceBatch
from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.files import partial_path
from clipface.shapes import expect

FACES_A_SHARD = 1000


def write_faces(
    folder: str | Path,
    batches: Iterable[tuple[FaceBatch, Sequence[str] | None]],
    first_name: int = 0,
    head: str = "open",
    faces_a_shard: int = FACES_A_SHARD,
) -> Path:
    """Write a data set folder, complete or not at all, with lossless images.

    Args:
        folder: must not exist yet.
        batches: batches with images in [-1, 1] (the background does not matter), and their captions or None.
        first_name: number of the first face; names are six digits.
        head: name of the head that the parameters belong to.
        faces_a_shard: faces in one archive.

    Returns:
        The folder.

    Raises:
        FileExistsError: if the folder exists.
        ValueError: if there are no faces, or their values are not finite.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"folder: {folder} exists already; remove it or give another name")
    partial = partial_path(folder)
    shutil.rmtree(partial, ignore_errors=True)
    create_dataset(partial, head, {})
    faces, number = _faces(batches, first_name), 0
    while first := next(faces, None):
        writer = ShardWriter(partial, number, lossless=True)
        for face in itertools.chain([first], itertools.islice(faces, faces_a_shard - 1)):
            writer.add(face)
        writer.close()
        number += 1
    if not number:
        raise ValueError("batches: expected at least one face, got none")
    os.replace(partial, folder)
    return folder


def _faces(batches: Iterable[tuple[FaceBatch, Sequence[str] | None]], number: int) -> Iterator[Face]:
    for batch, captions in batches:
        expect("image", batch.image, ("B", 3, "H", "W"))
        images, masks = _bytes(batch.image / 2 + 0.5).transpose(0, 2, 3, 1), _bytes(batch.mask)[:, 0]
        stored = {key: getattr(batch, key) for key in (*PARAMETERS, *EXTRA) if getattr(batch, key) is not None}
        arrays = {
            key: _bytes(value)[:, 0] if key == "visibility" else value.detach().cpu().numpy().astype(np.float32)
            for key, value in stored.items()
        }
        for place, (image, mask) in enumerate(zip(images, masks, strict=True)):
            caption = captions[place] if captions else None
            yield Face(f"{number:06d}", image, mask, {key: rows[place] for key, rows in arrays.items()}, caption)
            number += 1


def _bytes(image: Tensor) -> np.ndarray:
    return image.detach().clamp(0, 1).mul(255).round().byte().cpu().numpy()
