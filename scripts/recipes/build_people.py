"""Build the people of a texture generator: the table from which random faces are sampled.

python scripts/recipes/build_people.py --textures my_textures --dataset faces --linear gan/linear_textures.safetensors
python scripts/recipes/build_people.py --textures baked --dataset faces --linear linear.safetensors --labels a.csv b.csv
python scripts/recipes/build_people.py --textures baked --dataset faces --linear gan/linear.safetensors --note "..." \\
    --generator gan/generator.safetensors --out gan/people.safetensors

The textures' folder holds faces.csv (file, weight, mixed_only, age_group, sex, skin, person); the data set is what
scripts/prepare_photos.py wrote of the same photographs. People of whom mixed_only is 1 enter the table only as blends
of three of them. The result belongs beside the generator: data/people.safetensors beside data/generator.safetensors.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--textures", type=Path, required=True, help="folder of textures baked from photographs, with faces.csv")
    add("--dataset", type=Path, required=True, help="folder that scripts/prepare_photos.py wrote of the photographs")
    add("--linear", type=Path, required=True, help="the linear model whose coefficients the generator reads")
    add("--generator", type=Path, default=Path("data/generator.safetensors"), help="its weights")
    add("--labels", type=Path, nargs="*", default=[], help="CSV files (file, age, gender, expression), for the sliders")
    add("--out", type=Path, default=Path("data/people.safetensors"))
    add("--note", default="", help="what it was made of and whom to credit; kept in the file")
    add("--seed", type=int, default=0, help="of the blends of people who may only be mixed")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, build, write."""
    options = parse(arguments)
    startup.announce(f"Building the people {options.out} from {options.textures}")
    from people_build.build import build

    build(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
