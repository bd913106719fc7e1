"""Find where MediaPipe's face points lie on the open head, and how real people's identities are spread.

python scripts/recipes/build_correspondence.py --photos my_photos --labels labels.csv --exclude others.txt
python scripts/recipes/build_correspondence.py --photos my_photos --labels labels.csv --exclude others.txt --out my.npz
python scripts/recipes/build_correspondence.py --photos my_photos --labels labels.csv --exclude others.txt --cache c.npz

Needs the extra `fit`. The folder holds photographs of many people, some of them with a neutral face; the file of labels
(columns file, person, expression) says who is who. Photographs that --exclude lists place no points: they measure them.
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
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True, help="CSV file: file, person, expression")
    parser.add_argument(
        "--exclude", type=Path, required=True, help="text file of photographs, one a line, that only measure the points"
    )
    parser.add_argument("--cache", type=Path, help=".npz that keeps the faces found for the next time")
    parser.add_argument("--out", type=Path, default=Path("data/open_head_points.npz"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    startup.announce(f"Placing face points on the open head by the photographs in {options.photos}")
    from correspondence_build import build

    build(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
