"""Heads for `prepare`: fitted to the pictures."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from clipface.fit.examine import Cutout
from clipface.fit.fitter import FittedPictures, Fitter
from clipface.head import HeadModel
from clipface.render.renderer import Renderer


class FittedHeads:
    """Fits a head to each picture (see `fitter`).

    Args:
        head: the head to fit.
        renderer: of its mesh, on the same device.
    """

    name = "fitted"

    def __init__(self, head: HeadModel, renderer: Renderer) -> None:
        self.fitter = Fitter(head, renderer)

    def reason(self, file: str) -> str | None:
        """Every photograph can be fitted."""
        return None

    def heads(self, files: Sequence[str], cutouts: Sequence[Cutout], groups: Tensor) -> tuple[FittedPictures, dict]:
        """Fit a batch; pictures of one group share the identity."""
        crops, points, person, inside = stacked(cutouts)
        return self.fitter(crops, points, person, inside, groups), {}


def stacked(cutouts: Sequence[Cutout]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures [B, S, S, 3], points [B, 478, 3], person and inside [B, S, S] of cut out faces as tensors."""
    names = ("picture", "points", "person", "inside")
    return tuple(torch.from_numpy(np.stack([getattr(cutout, name) for cutout in cutouts])) for name in names)
