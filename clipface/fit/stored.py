"""Fitted images read back from a data set that scripts/prepare_photos.py wrote."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.data.faces import MaskedFaces

Stored = tuple[HeadFit, Tensor, Tensor]  # B heads, crops [B, S, S, 3] uint8, masks [B, S, S] uint8


def stored_images(faces: MaskedFaces, indices: Sequence[int], device: torch.device | str = "cpu") -> Stored:
    """Read heads, images and masks.

    Args:
        faces: the data set, of any `image_size`: images are read as they are stored.
        indices: which faces.
        device: where they go.

    Returns:
        Heads, crops and masks.

    Raises:
        ValueError: if the data set has no fits (one of painted faces, for instance).
    """
    rows = [faces.parameters(index) for index in indices]
    lacking = sorted(set(HeadFit._fields) - set(rows[0]))
    if lacking:
        raise ValueError(
            f"dataset: expected fitted heads in {faces.path}, got faces without {', '.join(lacking)}; give a data set "
            "that scripts/prepare_photos.py wrote from photographs"
        )
    fit = HeadFit(*(_stack([row[name] for row in rows], device).float() for name in HeadFit._fields))
    images, masks = zip(*(faces.images(index) for index in indices), strict=True)
    return fit, _stack(images, device), _stack(masks, device)


def stored_batches(
    faces: MaskedFaces, indices: Sequence[int], size: int, device: torch.device | str = "cpu"
) -> Iterator[Stored]:
    """Read heads, images and masks of many faces, `size` at a time (see `stored_images`)."""
    for start in range(0, len(indices), size):
        yield stored_images(faces, indices[start : start + size], device)


def _stack(arrays: Sequence, device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(array) for array in arrays])).to(device)
