"""Fitted images read back from a data set that scripts/prepare_photos.py wrote."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.data.faces import MaskedFaces


def stored_images(faces: MaskedFaces, indices: Sequence[int], device: torch.device | str = "cpu") -> tuple:
    """Read heads, images and masks.

    Args:
        faces: the data set, of any `image_size`: images are read as they are stored.
        indices: which faces.
        device: where they go.

    Returns:
        HeadFit of B heads, crops [B, S, S, 3] uint8, masks [B, S, S] uint8.

    Raises:
        ValueError: if the data set has no fits (one of painted faces, for instance).
    """
    rows = [faces.parameters(index) for index in indices]
    lacking = sorted(set(HeadFit._fields) - set(rows[0]))
    if lacking:
        wanted = "one that scripts/prepare_photos.py wrote from photographs"
        raise ValueError(f"dataset: {wanted} is wanted, {faces.path} lacks {', '.join(lacking)}")
    fit = HeadFit(*(_stack([row[name] for row in rows], device).float() for name in HeadFit._fields))
    images, masks = zip(*(faces.images(index) for index in indices), strict=True)
    return fit, _stack(images, device), _stack(masks, device)


def _stack(arrays: Sequence, device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(array) for array in arrays])).to(device)
