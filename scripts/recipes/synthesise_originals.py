"""Write files as the first implementation and FLAME have them, of their sizes, with random numbers in them.

python scripts/recipes/synthesise_originals.py --out originals
python scripts/recipes/synthesise_originals.py --size small --out small
python scripts/recipes/synthesise_originals.py --seed 7 --out others
python scripts/recipes/synthesise_originals.py --encoders --out originals

Nothing in them is licensed, nor means anything: they show that the real ones will be read (docs/original_files.md).
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
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--size", default="original", choices=("original", "small"))
    words = "write CLIP's models and the network of FID too, always of their true sizes: 1.5 GB"
    parser.add_argument("--encoders", action="store_true", help=words)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files."""
    options = parse(arguments)
    startup.announce(f"Write files of the originals' {options.size} sizes into {options.out}")
    from originals_build.build import SIZES, build

    build(options.out, SIZES[options.size], options.seed, options.encoders, with_photographs=True)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
