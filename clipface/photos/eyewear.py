"""Spectacles, told from pixels: lines around the lower half of both eyes, and across the bridge of the nose."""

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates, maximum_filter1d

# Among MediaPipe's points: corners and lids of the eyes, top of the nose's bridge.
RIGHT, LEFT, BRIDGE = (33, 133, 159, 145), (263, 362, 386, 374), 168
SMOOTH = 1.2  # pixels of a 512-pixel crop, against its noise
THIN, THICK = 1.0, 5.0  # samples: a line is thinner than the second
DARKEST = 16.0  # added before the logarithm, so that noise in shadows is no line
STRONGEST = 0.25  # of a line at one place; a highlight must not stand for a whole rim
ANGLES = np.radians(np.arange(15, 166, 5))  # around the eye, below it
RADII = np.linspace(0.25, 0.8, 111)  # distances between the eyes' centres
REACH = 2  # samples that a line may wander from one angle to the next
BRIDGE_HALF = (0.10, 0.28)  # half width and height of the patch on the nose, eye distances
BRIDGE_DROP = 0.05


def eyewear_lines(crop: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """Strength of the lines that spectacles make.

    Args:
        crop: [S, S, 3] uint8.
        points: [478, 3] in the crop's pixels.

    Returns:
        For the rims the weaker eye's strongest unbroken line, dark or bright, and the same across the nose; mean
        logarithm of its contrast. Wrinkles and shadows break off, so bare faces have rims below 0.11 in 99 of 100.
        Rimless and very thin bright frames, and thin dark ones on dark skin, are missed.
    """
    grey = np.asarray(Image.fromarray(crop).convert("L"), np.float32)
    light = np.log(gaussian_filter(grey, SMOOTH * len(crop) / 512) + DARKEST)
    places = points[:, :2].astype(np.float64)
    eyes = [places[list(eye)].mean(0) for eye in (RIGHT, LEFT)]
    across = eyes[1] - eyes[0]
    down = np.array([-across[1], across[0]])
    rims = [_rings(light, eye, across, down) for eye in eyes]
    rim = max(min(_line(sign * _thin(ring).clip(-STRONGEST, STRONGEST), REACH) for ring in rims) for sign in (1, -1))
    nose = _thin(_patch(light, places[BRIDGE] + BRIDGE_DROP * down, across, down))
    return rim, max(_line(sign * nose, 1) for sign in (1, -1))


def _rings(light: np.ndarray, eye: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Brightness below an eye [radii, angles]."""
    directions = np.cos(ANGLES)[:, None] * across + np.sin(ANGLES)[:, None] * down
    return _at(light, eye + RADII[:, None, None] * directions)


def _patch(light: np.ndarray, centre: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Brightness of the nose's bridge [down, across]."""
    x, y = np.linspace(-1, 1, 15) * BRIDGE_HALF[0], np.linspace(-1, 1, 81) * BRIDGE_HALF[1]
    return _at(light, centre + x[None, :, None] * across + y[:, None, None] * down)


def _at(light: np.ndarray, places: np.ndarray) -> np.ndarray:
    # Places count from the image's corner, samples from the first pixel's centre.
    return map_coordinates(light, [places[..., 1] - 0.5, places[..., 0] - 0.5], order=1, mode="nearest")


def _thin(values: np.ndarray) -> np.ndarray:
    """What is thin along the first axis: bright lines positive, dark ones negative."""
    return gaussian_filter1d(values, THIN, axis=0) - gaussian_filter1d(values, THICK, axis=0)


def _line(values: np.ndarray, reach: int) -> float:
    """Mean along the best unbroken line through all columns."""
    best = values[:, 0]
    for column in range(1, values.shape[1]):
        best = maximum_filter1d(best, 2 * reach + 1) + values[:, column]
    return float(best.max() / values.shape[1])
