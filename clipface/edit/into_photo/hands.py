"""Where hands lie that are found by their joints."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

# MediaPipe's joints, from the root of each finger to its tip; and those around the palm.
FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
PALM = (0, 1, 2, 5, 9, 13, 17)
WRIST, MIDDLE, SIDES = 0, 9, (5, 9, 13, 17)  # the palm's ends
FINGER, EDGE, FOREARM = 0.3, 0.65, 0.85  # widths, in palm lengths
ARM = 2.0  # palm lengths that the forearm is followed beyond the wrist


def hands(found: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Draw hands as wide as they are, a little more than less.

    Args:
        found: [21, 2] joints of each hand in pixels (`FaceDetector.hands`).
        size: S, side of the image.

    Returns:
        [S, S] bool.
    """
    image = Image.new("1", (size, size))
    draw = ImageDraw.Draw(image)
    for joints in found:
        palm = joints[MIDDLE] - joints[WRIST]
        length = float(np.linalg.norm(joints[list(SIDES)] - joints[WRIST], axis=1).max())
        draw.polygon([tuple(joints[number]) for number in PALM], 1)
        _tube(draw, joints[[*PALM, PALM[0]]], EDGE * length)
        for finger in FINGERS:
            _tube(draw, joints[list(finger)], FINGER * length)
        _tube(draw, np.stack([joints[WRIST], joints[WRIST] - ARM * palm]), FOREARM * length)
    return np.array(image)


def _tube(draw: ImageDraw.ImageDraw, points: np.ndarray, width: float) -> None:
    """A line with round ends and corners."""
    draw.line([tuple(point) for point in points], 1, max(1, round(width)))
    for x, y in points:
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), 1)
