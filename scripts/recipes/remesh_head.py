"""Write the open head on another mesh with another UV map, in FLAME's files: a head to try what is made for FLAME with.

python scripts/recipes/remesh_head.py --out remeshed/flame
python scripts/recipes/remesh_head.py --vertices 1200 --out small/flame
python scripts/recipes/remesh_head.py --seed 7 --strength 2 --out others/flame

Nothing in it is FLAME's. Its neutral face is another person's, its expressions are the main directions of the open
head's without names, jaw and eyes move by joints alone. `CLIPFACE_DATA=remeshed` makes it `--head flame`.
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
    parser.add_argument("--out", type=Path, required=True, help="folder to write into; call it flame")
    parser.add_argument("--vertices", type=int, default=5023, help="how many, about (5023, as FLAME has)")
    parser.add_argument("--seed", type=int, default=0, help="of the points and of who the neutral face is (0)")
    parser.add_argument("--strength", type=float, default=1.0, help="how much that person differs; 0: not at all (1)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files."""
    options = parse(arguments)
    startup.announce(f"Write the open head on a mesh of {options.vertices} vertices into {options.out}")
    from open_head_build.remesh import remeshed
    from originals_build.remeshed import write_head

    from clipface import assets
    from clipface.head import read_open_head

    head = read_open_head(assets.resolve("open_head"))
    write_head(options.out, remeshed(head, options.vertices, seed=options.seed, strength=options.strength))


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
