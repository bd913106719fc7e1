"""Try the project's readers on files that lie: mutated and crafted ones, each in a bounded process of its own. Linux.

python scripts/measure/fuzz.py --minutes 60
python scripts/measure/fuzz.py --minutes 2 --reader keyframes
python scripts/measure/fuzz.py --minutes 10 --seed 7 --table fuzz.md --keep found

Prints a table: of each reader how many files it read, how many it refused with a message of ours that names the file
or what is wrong with it, how often it crashed, took more than 5 s or more memory than 20 times the file and 200 MB
(images and videos: than their pixels take), or raised another error. The code is 1 if there was any of these. One seed
gives the same files again; with --keep those that did harm are written into a folder.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from clipface import startup  # noqa: E402


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--minutes", type=float, default=1.0, help="shared by all readers; crafted files are tried in any case")
    add("--reader", action="append", help="only those whose name contains this; may be given again")
    add("--seed", type=int, default=0)
    add("--table", type=Path, help="Markdown file to write the table to")
    add("--keep", type=Path, help="folder for the files that did harm")
    add("--no-crafted", action="store_true", help="mutated files alone")
    return parser.parse_args(arguments)


def main() -> int:
    """Run the command."""
    options = parse()
    startup.announce("trying readers on files that lie")
    from fuzzing.campaign import run

    return run(options)


if __name__ == "__main__":
    sys.exit(main())
