"""The rectangle of a photograph that an edited head can change, and the camera that renders into its pixels."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.render.camera import crop_to_image, orthographic, project

CROP_SIZE = 512  # pixels of the square that heads are fitted to
MARGIN = 0.05  # of the head's size, on each side
MOVED_MARGIN = 0.25  # likewise, of a head that changes its form: its surroundings give way


class Window(NamedTuple):
    """`width` x `height` pixels of a photograph from (`left`, `top`), looked at in an image of `columns` x `rows`."""

    left: int
    top: int
    width: int
    height: int
    columns: int
    rows: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns, as renderers take them."""
        return self.rows, self.columns

    def to_photograph(self) -> np.ndarray:
        """[3, 3], pixels of the window's image to those of the photograph."""
        across, down = self.width / self.columns, self.height / self.rows
        return np.array([[across, 0, self.left], [0, down, self.top], [0, 0, 1.0]])

    def camera(self, fit: HeadFit, matrix: np.ndarray) -> Tensor:
        """Camera [1, 4, 4] of one fitted head; `matrix` takes the photograph's pixels to those of the fit's crop."""
        tform = torch.from_numpy(matrix @ self.to_photograph()).float()[None]
        crop = crop_to_image(tform, self.size, CROP_SIZE).to(fit.scale)
        return orthographic(fit.scale, fit.translation, crop)

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The window's part [height, width, ...] of a photograph [H, W, ...]; a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def reduced(self, side: int) -> "Window":
        """The same rectangle in an image whose longer side has at most so many pixels."""
        step = max(1.0, max(self.width, self.height) / side)
        return self._replace(columns=math.ceil(self.width / step), rows=math.ceil(self.height / step))


def head_window(
    fit: HeadFit, matrix: np.ndarray, vertices: list[Tensor], photograph: tuple[int, int], largest: int
) -> Window:
    """Find the part of a photograph that shows a head.

    Args:
        fit: of one head.
        matrix: [3, 3], pixels of the photograph to those of the fit's crop.
        vertices: one or two of [1, V, 3], metres; all of them are to be inside. Two: the head moves.
        photograph: width and height, pixels.
        largest: pixels; a longer side is looked at in a smaller image.

    Raises:
        ValueError: if the head lies outside the photograph.
    """
    places = [project(each, fit.camera)[0, :, :2].detach().cpu().double().numpy() for each in vertices]
    crop = (np.concatenate(places) + 1) * (CROP_SIZE / 2)
    inverse = np.linalg.inv(matrix)
    pixels = crop @ inverse[:2, :2].T + inverse[:2, 2]
    low, high = pixels.min(0), pixels.max(0)
    margin = (MARGIN if len(vertices) == 1 else MOVED_MARGIN) * (high - low).max() + 2
    low = np.floor(low - margin).astype(int).clip(0)
    high = np.ceil(high + margin).astype(int).clip(None, photograph)
    width, height = (high - low).tolist()
    if min(width, height) < 1:
        raise ValueError(f"matrix: expected a head inside the photograph of {photograph} pixels, got one beside it")
    return Window(int(low[0]), int(low[1]), width, height, width, height).reduced(largest)
