"""Photographs drawn evenly: most show light-skinned, older men."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import torch

from clipface.metrics.skin import lightness_and_tone

LEAST_CELL = 6  # images that a cell counts as if it had, so that none of very few is drawn all the time
# Individual typology angle, degrees, down to which skin is called light and tan.
# Source: Del Bino et al., Relationship between skin response to ultraviolet exposure and skin color type (2006).
LIGHT_ABOVE, TAN_ABOVE = 28.0, 10.0


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
    median = torch.from_numpy(np.median(colours, axis=1)) / 255
    angle = lightness_and_tone(median[None])[1].item()
    return "light" if angle > LIGHT_ABOVE else "tan" if angle > TAN_ABOVE else "dark"
