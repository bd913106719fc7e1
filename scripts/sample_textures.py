"""Sample textures of a generator: images of each, and its style code.

python scripts/sample_textures.py --seeds 0-63 --psi 0.7 --out samples
python scripts/sample_textures.py --generator runs/my_gan/generator.safetensors --psi 1 --out varied
python scripts/sample_textures.py --seeds 0-999 --codes-only --out codes
python scripts/sample_textures.py --seeds 64-69 --looks zombie clown beard --out looks

Writes for each seed `NNNN.png` (the texture) and `NNNN_views.png` (three views on the mean head), `heads.png` with all
faces on random heads (with --looks a row for each face, as it is and in these looks), and all codes [N, L, w_dim] in
`codes.safetensors`: those of the first half of the seeds under the name `train`, the others under `validation`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import add_avatar, command


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--seeds", type=parse_seeds, default="0-7", help="numbers and ranges: 0-7,12")
    add("--out", type=Path, required=True, help="folder to write into")
    add("--codes-only", action="store_true", help="write no images")
    add("--looks", nargs="+", default=[], metavar="NAME", help="of the shipped generator: zombie ...")
    add_avatar(parser, runs=False)
    return parser.parse_args(arguments)


def parse_seeds(words: str) -> list[int]:
    """Seeds of "0-7,12"."""
    seeds = []
    for word in words.split(","):
        first, dash, last = word.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"expected numbers and ranges such as 0-7,12, got {words!r}")
        seeds += range(int(first), int(last or first) + 1)
    if not seeds:
        raise argparse.ArgumentTypeError(f"expected at least one seed, got {words!r}")
    return seeds


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files."""
    options = parse(arguments)
    startup.announce(f"Sample {len(options.seeds)} textures")
    from clipface.evaluation.textures import write_samples

    print(f"{len(options.seeds)} codes: {write_samples(options)}")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
