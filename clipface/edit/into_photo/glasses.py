"""Where a face that wears glasses has their rims."""

import numpy as np
from PIL import Image
from scipy import ndimage

from clipface.photos.examine import LEFT_EYE, RIGHT_EYE
from clipface.photos.filter import FilterRule, eyewear_lines

DARK = 8.0  # of 255, added before logarithms
# In distances between the eyes: width of a rim at most, the box around the eyes that rims lie in, and the half axes of
# an eye's opening.
WIDEST, ACROSS, ABOVE, BELOW, OPENING = 0.12, 1.15, 0.4, 0.5, (0.22, 0.1)
CONTRAST = 0.3  # natural logarithm, by which a rim is darker than the skin around it
GROWN = 2  # pixels


def glasses(crop: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Find rims darker than skin.

    Args:
        crop: [S, S, 3] uint8.
        points: [478, 2 or 3] landmarks in the crop's pixels.

    Returns:
        [S, S] bool; nowhere, if the face wears none (see `eyewear_lines`).
    """
    rule = FilterRule()
    rim, bridge = eyewear_lines(crop, points)
    if rim <= rule.eyewear_rim or bridge <= rule.eyewear_bridge:
        return np.zeros(crop.shape[:2], bool)
    right, left = (points[list(eye), :2].mean(0) for eye in (RIGHT_EYE, LEFT_EYE))
    unit = float(np.hypot(*(left - right)))
    across = (left - right) / unit**2
    down = np.array([-across[1], across[0]])
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]] + 0.5

    def along(axis: np.ndarray, origin: np.ndarray) -> np.ndarray:
        return (x - origin[0]) * axis[0] + (y - origin[1]) * axis[1]

    middle = (right + left) / 2
    height = along(down, middle)
    zone = (np.abs(along(across, middle)) < ACROSS) & (height > -ABOVE) & (height < BELOW)
    for eye in (right, left):
        zone &= (along(across, eye) / OPENING[0]) ** 2 + (along(down, eye) / OPENING[1]) ** 2 > 1
    light = np.log(ndimage.gaussian_filter(np.asarray(Image.fromarray(crop).convert("L"), np.float32), 1) + DARK)
    lines = ndimage.grey_closing(light, size=(round(WIDEST * unit),) * 2) - light
    return ndimage.binary_dilation(zone & (lines > CONTRAST), iterations=GROWN)
