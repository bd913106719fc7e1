"""Fit the offsets of the looks to a generator that is done: each look's change of a texture, as the painter paints it.

python scripts/recipes/fit_offsets.py --textures my_textures --generator gan/generator.safetensors
python scripts/recipes/fit_offsets.py --textures my_textures --generator generator.safetensors --out new.safetensors
python scripts/recipes/fit_offsets.py --textures my_textures --generator generator.safetensors --device cuda --minutes 2

The anchored recipe learns offsets together with the generator, where each of 55 comes in few batches. Here the
generator stays as it is, and only the change counts, G(w + offset) - G(w) against painted - plain: what a code cannot
tell of a texture is in both. linear_textures.safetensors and looks.safetensors are read from beside the generator.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    one = command(__doc__)
    one.add_argument("--textures", type=Path, required=True, help="folder of textures, maybe with faces.csv")
    one.add_argument("--generator", type=Path, required=True, help="weights, with linear model and looks beside them")
    one.add_argument("--out", type=Path, help="file of the offsets; left out: the looks beside the generator")
    one.add_argument("--count", type=int, default=16, help="textures painted for each look")
    one.add_argument("--steps", type=int, default=200, help="of each look")
    one.add_argument("--minutes", type=float, help="end after these, with as many steps as that gives")
    one.add_argument("--batch", type=int, default=8, help="textures in a step of a look")
    one.add_argument("--rate", type=float, default=0.02, help="learning rate")
    one.add_argument("--seed", type=int, default=0, help="of the choice of textures and of what is painted")
    one.add_argument("--device", default="cpu", help="cpu, cuda")
    return one.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, fit, write."""
    options = parse(arguments)
    startup.announce(f"Fitting the offsets of the looks of {options.generator}")
    from offsets_build.fit import fit

    fit(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
