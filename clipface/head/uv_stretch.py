"""The last step of the open head's UV map: a stretch that gives the face twice the texels.

The rectangle of the skin is stretched about the face, its columns and its rows apart; the strip below it, of eyes and
mouth, stays. It was added to a map that textures had been made for, which `clipface.texture.convert` carries over.
"""

from typing import NamedTuple

import numpy as np

STRIP = 0.137  # v below which eyes and mouth lie, and nothing moves
KNOTS = 20001  # of the tabulated maps


class Axis(NamedTuple):
    """A monotone map of one coordinate, as a table."""

    before: np.ndarray  # [KNOTS] coordinates, rising
    after: np.ndarray  # [KNOTS] where they come to lie, rising; both ends stay

    def stretch(self, values: np.ndarray) -> np.ndarray:
        """Where coordinates come to lie."""
        return np.interp(values, self.before, self.after)

    def unstretch(self, values: np.ndarray) -> np.ndarray:
        """Where coordinates came from."""
        return np.interp(values, self.after, self.before)


def _axis(low: float, high: float, middle: float, width: float, most: float) -> Axis:
    """The map whose slope is `most` within `width` of the middle, falls smoothly, and averages 1 from low to high."""
    before = np.linspace(low, high, KNOTS)
    bump = np.exp(-(((before - middle) / width) ** 4))
    step = (high - low) / (KNOTS - 1)
    area = (bump[:-1] + bump[1:]).sum() / 2 * step
    least = (high - low - most * area) / (high - low - area)
    slope = least + (most - least) * bump
    after = low + np.concatenate([[0], np.cumsum((slope[:-1] + slope[1:]) / 2 * step)])
    after[-1] = high
    return Axis(before, after)


COLUMNS = _axis(0.0, 1.0, middle=0.5, width=0.24, most=1.5)
ROWS = _axis(STRIP, 1.0, middle=0.56, width=0.26, most=1.4)


def stretch(uv: np.ndarray) -> np.ndarray:
    """Carry UV coordinates over to the stretched map.

    Args:
        uv: [N, 2] in 0..1, v up.

    Returns:
        [N, 2] float32; points of the strip stay where they are.
    """
    u, v = np.asarray(uv, np.float32).T
    skin = v > STRIP
    moved = [np.where(skin, COLUMNS.stretch(u), u), np.where(skin, ROWS.stretch(v), v)]
    return np.stack(moved, axis=1).astype(np.float32)
