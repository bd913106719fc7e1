"""Measure textures baked from a data set: how much of a face is shown, and how well faces lie on each other.

python scripts/measure/textures.py --dataset my_faces
python scripts/measure/textures.py --dataset my_faces --match london/.*_03
python scripts/measure/textures.py --dataset my_faces --sheet docs/baked.jpg

Sharpness of the mean texture is 1 if all faces had their lids and lips at the same texels and looked alike, near 0 if
they lay anyhow. The sheet shows complete textures on heads of neutral expression.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="folder that scripts/prepare_photos.py wrote")
    parser.add_argument("--match", default="", help="regular expression of the photographs' names to take")
    parser.add_argument("--size", type=int, default=256, help="side of the textures, pixels")
    parser.add_argument("--sheet", type=Path, help="image to write, JPEG or PNG")
    parser.add_argument("--people", type=int, default=24, help="on the sheet, spread over the data set")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    startup.announce(f"Baking and measuring textures of {options.dataset}")
    from clipface.data.faces import MaskedFaces
    from clipface.evaluation.photos.sheets import measure_textures, sheet_of_textures

    faces = MaskedFaces(options.dataset, options.size)
    chosen = [i for i, name in enumerate(faces.sources or faces.names) if re.search(options.match, name)]
    if len(chosen) < 2:
        raise ValueError(f"match: expected two faces or more, got {len(chosen)} of {len(faces)} for {options.match!r}")
    print(measure_textures(faces, chosen, options.size, options.device).markdown())
    if options.sheet:
        step = max(1, len(chosen) // options.people)
        shown = chosen[step // 2 :: step][: options.people]
        sheet_of_textures(faces, shown, options.device).save(options.sheet)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
