"""Turned rectangles of an image: sampled for a network, and points found there carried back."""

import math
from typing import NamedTuple

import numpy as np

# Parts of a pixel to which places are rounded, as the makers' program does: landmarks follow such roundings by a tenth
# of a pixel.
GRID = 32


class Region(NamedTuple):
    """A rectangle of an image: its centre, width and height in pixels, and its turn in radians.

    A turn is from x to y, so clockwise as one sees it.
    """

    x: float
    y: float
    width: float
    height: float
    turn: float = 0.0

    @classmethod
    def around(cls, image: np.ndarray) -> "Region":
        """The square around an image's middle that holds all of it."""
        height, width = image.shape[:2]
        return cls(width / 2, height / 2, max(width, height), max(width, height))

    def box(self) -> np.ndarray:
        """[4] left, top, right and bottom, were it not turned."""
        return np.array(self[:2] * 2) + np.array([-self.width, -self.height, self.width, self.height]) / 2

    def points(self, inside: np.ndarray) -> np.ndarray:
        """Points [N, 2] of the image from such in the rectangle, 0 to 1 from its left and top."""
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        across, down = (inside[:, 0] - 0.5) * self.width, (inside[:, 1] - 0.5) * self.height
        return np.stack([self.x + cosine * across - sine * down, self.y + sine * across + cosine * down], -1)

    def sample(self, image: np.ndarray, size: int, repeat: bool = False) -> np.ndarray:
        """Sample an image's part, bilinearly and without smoothing.

        A sample's first pixel lies on the rectangle's corner, its last one a pixel's width before the other: the
        networks were trained on such.

        Args:
            image: [H, W, 3] uint8.
            size: S, pixels.
            repeat: outside the image its border is repeated; otherwise it is black there.

        Returns:
            [3, S, S] float32, whole numbers 0..255.
        """
        steps = np.arange(size) / size - 0.5
        across, down = steps[None] * self.width, steps[:, None] * self.height
        if self.turn:
            cosine, sine = math.cos(self.turn), math.sin(self.turn)
            across, down = cosine * across - sine * down, sine * across + cosine * down
        height, width = image.shape[:2]
        pixels, total = image.reshape(-1, 3), np.zeros((3, size * size), np.float32)
        columns, rows = _neighbours(self.x + across, width, repeat), _neighbours(self.y + down, height, repeat)
        for row, row_weight in rows:
            for column, column_weight in columns:
                found = pixels.take((row * width + column).reshape(-1), 0)
                total += np.ascontiguousarray(found.T) * (row_weight * column_weight).reshape(-1)
        return np.floor(total + np.float32(0.5)).reshape(3, size, size)


def _neighbours(places: np.ndarray, count: int, repeat: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """The two pixels next to each place along one axis of `count`, and their weights."""
    parts = np.rint(places * GRID).astype(np.intp)
    low, part = parts // GRID, (parts % GRID).astype(np.float32) / GRID
    found = []
    for pixel, weight in ((low, 1 - part), (low + 1, part)):
        inside = pixel.clip(0, count - 1)
        found.append((inside, weight if repeat else weight * (inside == pixel)))
    return found


def enlarged(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """A plane [h, w] float32 at another size, linearly between its pixels' centres."""
    for axis, size in enumerate((height, width)):
        most = plane.shape[axis] - 1
        places = ((np.arange(size) + 0.5) * plane.shape[axis] / size - 0.5).clip(0, most)
        low = places.astype(np.intp)
        part = (places - low).astype(np.float32).reshape((-1, 1) if axis == 0 else -1)
        first, second = plane.take(low, axis), plane.take(np.minimum(low + 1, most), axis)
        plane = first + (second - first) * part
    return plane
