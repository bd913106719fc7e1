"""Build the linear texture model and the base texture of a head from a data set of fitted photographs.

python scripts/recipes/build_texture_model.py --dataset my_faces --out data/texture_model.safetensors --note "of ..."
python scripts/recipes/build_texture_model.py --dataset my_faces --count 80 --out my_data/texture_model.safetensors
python scripts/recipes/build_texture_model.py --dataset my_faces --photos my_photos --exclude data/validation_photos.txt
python scripts/recipes/build_texture_model.py --dataset my_faces --image directions.png --out my_model.safetensors

The data set is what scripts/prepare_photos.py writes. The shipped model (of the open head) serves the photometric fit;
for another head put the result into the folder that CLIPFACE_DATA names. Of the data set only geometry, images and
masks are used, so landmark fits suffice.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__, picture="image")
    parser.add_argument("--dataset", type=Path, required=True, help="folder that scripts/prepare_photos.py wrote")
    parser.add_argument("--photos", type=Path, help="the folder it was prepared from, for sharper textures")
    parser.add_argument("--match", default="", help="regular expression of the photographs to take")
    parser.add_argument("--exclude", type=Path, help="text file of photographs to leave out, one a line")
    parser.add_argument("--out", type=Path, default=Path("data/texture_model.safetensors"))
    parser.add_argument("--count", type=int, default=40, help="number of directions")
    parser.add_argument("--note", default="", help="what it was made of and whom to credit; kept in the file")
    parser.add_argument("--image", type=Path, help="PNG of the base, the mean and the first directions")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    startup.announce(f"Building the texture model {options.out} from {options.dataset}")
    from texture_model_build import build

    build(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
