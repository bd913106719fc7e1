"""Unroll a picture of an eye about its pupil, for `clipface.synthetic.face.iris`.

python scripts/recipes/unroll_eye.py --image grey_eye.png --out data/eye.png
python scripts/recipes/unroll_eye.py --image brown_eye.png --out brown.png
python scripts/recipes/unroll_eye.py --image makehuman-assets/eye/bluegreen_eye.png --out bluegreen.png

The result is an image of 128 by 512: rows from the pupil outwards, columns about it. The shipped one is
MakeHuman's `grey_eye.png` (github.com/makehumancommunity/makehuman-assets, CC0).
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates

from clipface.images import read_photograph

CENTRE, IRIS, BALL = (117.5 / 400, 284 / 400), 45 / 400, 108 / 400  # of MakeHuman's eyes, in widths of the picture
ROWS, COLUMNS = 128, 512
IRIS_RIM, REACH = 0.47, 1.5  # radians, as clipface.synthetic.face.iris has them


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    one = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    one.add_argument("--image", type=Path, required=True, help="square picture with MakeHuman's layout")
    one.add_argument("--out", type=Path, required=True, help="PNG file")
    return one.parse_args(arguments)


def unroll(picture: np.ndarray) -> np.ndarray:
    """[ROWS, COLUMNS, 3] of a picture [H, H, 3]: rows from the axis outwards, columns about it from -pi on."""
    size = len(picture)
    angle = (np.arange(ROWS) + 0.5)[:, None] / ROWS * REACH
    turn = ((np.arange(COLUMNS) + 0.5)[None] / COLUMNS * 2 - 1) * math.pi
    beyond = (np.sin(angle) - math.sin(IRIS_RIM)) / (1 - math.sin(IRIS_RIM))
    radius = np.where(angle < IRIS_RIM, angle / IRIS_RIM * IRIS, IRIS + (BALL - IRIS) * beyond.clip(0, 1)) * size
    places = [CENTRE[1] * size - radius * np.sin(turn) - 0.5, CENTRE[0] * size + radius * np.cos(turn) - 0.5]
    return np.stack([map_coordinates(picture[..., c], places, order=1, mode="nearest") for c in range(3)], -1)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    picture = np.asarray(read_photograph(options.image, transparent=True).image, np.float32)[..., :3]
    Image.fromarray(unroll(picture).round().astype(np.uint8)).save(options.out, optimize=True)
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
