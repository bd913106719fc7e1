"""Photographs drawn evenly: most show light-skinned, older men."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

LEAST_CELL = 6  # images that a cell counts as if it had, so that none of very few is drawn all the time
# Individual typology angle, degrees, down to which skin is called light and tan.
# Source: Del Bino et al., Relationship between skin response to ultraviolet exposure and skin color type (2006).
LIGHT_ABOVE, TAN_ABOVE = 28.0, 10.0
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # of linear sRGB
_WHITE = np.array([0.9505, 1.0, 1.0890])  # D65


def even_weights(cells: Sequence[Hashable]) -> list[float]:
    """Weights of drawing each item so that all cells, each item's own, come alike often."""
    sizes = Counter(cells)
    return [1 / max(sizes[cell], LEAST_CELL) for cell in cells]


def skin_group(colours: np.ndarray) -> str:
    """Tell light, tan and dark skin apart by the median colour of a face.

    Args:
        colours: [3, N] sRGB, 0..255.
    """
    if not colours.size:
        return "tan"
    median = np.median(colours, axis=1) / 255
    linear = np.where(median <= 0.04045, median / 12.92, ((median + 0.055) / 1.055) ** 2.4)
    x = _TO_XYZ @ linear / _WHITE
    _, y, z = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    lightness, blue_yellow = 116 * y - 16, 200 * (y - z)  # L* and b* of CIE Lab
    angle = np.degrees(np.arctan2(lightness - 50, blue_yellow))
    return "light" if angle > LIGHT_ABOVE else "tan" if angle > TAN_ABOVE else "dark"
