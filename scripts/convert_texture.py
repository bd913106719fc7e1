"""Carry textures of the open head over from its former UV map to today's, which gives the face twice the texels.

python scripts/convert_texture.py old.png new.png
python scripts/convert_texture.py my_textures converted --size 1024
python scripts/convert_texture.py first.png second.png converted

Takes a file and the file to write, or files and folders and the folder to write into (every image of a folder; those
that are no PNG or JPEG become PNG).
Textures of FLAME need no conversion: its UV map is what it was. A texture that was baked gains by being baked again.
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
    parser.add_argument("sources", type=Path, nargs="+", metavar="OLD", help="images, or folders of images")
    parser.add_argument("out", type=Path, metavar="NEW", help="image to write, or folder to write into")
    parser.add_argument("--size", type=int, help="side of the new textures, texels (left out: that of each old one)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert each texture."""
    options = parse(arguments)
    startup.announce(f"Converting textures into {options.out}")
    from clipface.texture.convert import convert_files

    try:
        count = convert_files(options.sources, options.out, options.size)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{count} textures written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
