"""Make the texture of a head from one or several photographs of a person, or textures of a data set.

python scripts/bake_texture.py --photo me.jpg --out me.png
python scripts/bake_texture.py --photo front.jpg left.jpg right.jpg --out me.png --size 1024
python scripts/bake_texture.py --dataset my_faces --photos my_photos --size 768 --out textures

Of photographs, the textures are completed by symmetry and from a base texture in the person's colours; beside each lies
a preview from the front and from 30 degrees.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.bake import UNLIT
from clipface.edit.options import add_which_face, command
from clipface.parts import add_part


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    one = command(__doc__)
    source = one.add_mutually_exclusive_group(required=True)
    source.add_argument("--photo", type=Path, nargs="+", help="photographs of one person, which make one texture")
    source.add_argument("--dataset", type=Path, help="folder that scripts/prepare_photos.py wrote: a texture a face")
    add_which_face(one)
    one.add_argument(
        "--photos", type=Path, help="with --dataset: the folder it was prepared from, for sharper textures"
    )
    one.add_argument("--out", type=Path, required=True, help="PNG file, or with --dataset a folder")
    one.add_argument("--head", default="open", choices=("open", "flame"), help="head to fit (photographs only)")
    one.add_argument("--size", type=int, default=512, help="side of the texture, pixels")
    one.add_argument("--unlit", type=float, default=UNLIT, help="how much of the fitted light is taken out, 0 to 1")
    one.add_argument("--neutral", action="store_true", help="take out the tint of lamps and cameras too")
    one.add_argument("--exclude", type=Path, help="with --dataset: text file of photographs to leave out, one a line")
    one.add_argument("--match", default="", help="with --dataset: regular expression of the photographs to take")
    add_part(one)
    one.add_argument("--no-preview", dest="preview", action="store_false", help="textures only")
    one.add_argument("--device", default="cpu", help="cpu, cuda")
    options = one.parse_args(arguments)
    if options.part and not options.dataset:
        one.error("--part: expected --dataset with it, whose faces are divided")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    what = options.dataset or ", ".join(map(str, options.photo))
    startup.announce(f"Baking {what} into {options.out}")
    from clipface.photos.textures import bake_dataset, bake_photographs

    try:
        (bake_dataset if options.dataset else bake_photographs)(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
