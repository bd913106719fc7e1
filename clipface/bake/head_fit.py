"""What a fit finds of a head in an image."""

from typing import NamedTuple

import torch
from torch import Tensor

from clipface.render.camera import orthographic


class HeadFit(NamedTuple):
    """Heads fitted to crops, as a batch.

    The camera looks along the head frame's z axis; the head turns by `pose[:, :3]`.
    """

    shape: Tensor  # [B, S] identity coefficients, standard deviations
    expression: Tensor  # [B, E]
    pose: Tensor  # [B, 6] axis-angle of the head and of the jaw, radians
    eye_pose: Tensor  # [B, 6] axis-angle of left and right eye, radians
    scale: Tensor  # [B], half crops a metre
    translation: Tensor  # [B, 2], metres
    light: Tensor  # [B, 9, 3] spherical-harmonic coefficients (see `clipface.bake.light`)
    texture: Tensor  # [B, K] coefficients of the linear texture model, standard deviations

    @property
    def camera(self) -> Tensor:
        """[B, 4, 4], to the crop's clip space (y down)."""
        return orthographic(self.scale, self.translation)

    def select(self, rows: Tensor | slice | list[int]) -> "HeadFit":
        """Some heads of the batch."""
        return HeadFit(*(part[rows] for part in self))

    def to(self, device: torch.device | str) -> "HeadFit":
        """The same on another device."""
        return HeadFit(*(part.to(device) for part in self))
