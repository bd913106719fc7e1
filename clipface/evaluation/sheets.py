"""Grids of faces: a row for each face, a column for each edit."""

from pathlib import Path

import torch
from torch import Tensor

from clipface.edit.avatar import Avatar
from clipface.evaluation.edits import Edit
from clipface.evaluation.faces import SECOND_VIEW, face_images
from clipface.evaluation.grid import grid

NAMES = ("faces", "turned", "geometry")


class Sheets:
    """Collects images of edits.

    Args:
        avatar: draws.
        size: side of each image, pixels.
        shown: how many of the faces, from the first.
    """

    def __init__(self, avatar: Avatar, size: int, shown: int) -> None:
        self.avatar, self.size, self.shown = avatar, size, shown
        self.header: list[str] = []
        self.columns: dict[str, list[Tensor]] = {name: [] for name in NAMES}

    @torch.no_grad()
    def add(self, edit: Edit) -> None:
        """Draw an edit's first faces from the front, from the side, and as geometry from the front."""
        self.header.append(edit.name.replace("_", " "))
        texture, codes = edit.texture[: self.shown], edit.codes.rows(slice(self.shown))
        for name, painted, yaw in zip(NAMES, (texture, texture, None), (0.0, SECOND_VIEW, 0.0), strict=True):
            self.columns[name].append(face_images(self.avatar, painted, codes, yaw, self.size).cpu())

    def write(self, folder: Path) -> None:
        """Write a PNG of each kind."""
        for name, columns in self.columns.items():
            grid(list(zip(*columns, strict=True)), self.header).save(folder / f"{name}.png")
