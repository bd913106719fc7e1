"""Turn a folder of photographs into a data set for trainer.texture_gan: filter, crop, fit heads, mask.

python scripts/prepare_photos.py --photos my_photos --out my_faces
python scripts/prepare_photos.py --photos ffhq --attributes features.zip --filter paper --device cuda --out ffhq_faces
python scripts/prepare_photos.py --photos my_photos --people people.csv --workers 8 --lossless --out my_faces

The same command again does only what is missing: after an interruption, or when there are new photographs. On many
machines that share a disk, each does a part (`--part 3/16`); then the same command without it joins them.
"""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command
from clipface.parts import add_part

INTERRUPTED = 130  # exit code of a program ended by Ctrl-C


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    cpus = os.cpu_count() or 1
    one = command(__doc__)
    one.add_argument("--photos", type=Path, required=True, help="folder of images, searched with all below it")
    one.add_argument("--out", type=Path, required=True, help="data set folder; new, or one to go on with")
    one.add_argument("--head", default="open", choices=("open", "flame"), help="the head to fit")
    one.add_argument("--filter", default="default", help="default, paper, or a YAML file (see configs/filter)")
    one.add_argument("--attributes", type=Path, help="folder or zip of FFHQ attribute files (JSON)")
    one.add_argument("--fits", type=Path, help="folder of DECA codes (.mat, .pkl, .npz) or vertices (.pt) to import")
    one.add_argument("--tform", type=Path, help="sample_deca.pkl, if the vertices are in DECA's crop")
    one.add_argument(
        "--masks", type=Path, help="folder of the photographs' masks, alpha or grey, in the place of found"
    )
    one.add_argument("--list", type=Path, help="text file: names of the photographs to take, one a line")
    one.add_argument("--people", type=Path, help="CSV (file, person): images of one person share an identity")
    one.add_argument("--device", default="cpu", help="where heads are fitted: cpu, cuda")
    one.add_argument("--workers", type=number(0), default=cpus, help="processes that find faces; 0: none")
    one.add_argument("--batch", type=number(1), default=32, help="faces fitted at once")
    one.add_argument("--shard", type=number(1), default=256, help="photographs in a shard: what a crash loses")
    one.add_argument("--lossless", action="store_true", help="keep images as PNG instead of JPEG")
    add_part(one)
    one.add_argument("--verify", action="store_true", help="first compare the checksums of what is there")
    return one.parse_args(arguments)


def number(least: int) -> Callable[[str], int]:
    """A whole number of at least so much, from the command line."""

    def whole_number(words: str) -> int:
        if int(words) < least:
            raise argparse.ArgumentTypeError(f"expected {least} or more, got {words}")
        return int(words)

    return whole_number


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    startup.announce(f"Preparing the photographs in {options.photos} as the data set {options.out}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        from clipface.photos.prepare import prepare

        if prepare(options) == 0:
            print("error: the data set holds no face", file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        print("\nstopped. What was done is kept; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError, ImportError) as error:
        said = getattr(error, "strerror", None) or error
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            said = f"the disk of {options.out} is full. The shards that are complete stay; make room and run it again"
        print(f"error: {said}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
