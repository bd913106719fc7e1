"""Show random people: all, from three sides, near by, eyes and mouths, in all looks, and beside photographs' textures.

python scripts/sheets/people.py --out docs
python scripts/sheets/people.py --sheets nearest close --dataset my_faces --textures textures --out docs
python scripts/sheets/people.py --sheets heads looks --generator runs/my_gan/generator.safetensors --out sheets

Writes people_<name>.jpg, each of at most 400 kB if it can: `heads` all people; `turned` three views of some, spread
evenly over them; `features` their eyes and mouths, neutral, smiling, the jaw open, surprised; `looks` all of them on a
light and a dark person; `nearest` the photograph's texture that is nearest to each of some, as the linear model sees
both; `close` some beside as many such textures. Of photographs only those are shown that
faces.csv beside their textures lets stand alone, and whose name --match knows.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import add_avatar, command

ALONE = ("heads", "turned", "features", "looks")  # need no textures


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--sheets", nargs="+", choices=[*ALONE, "nearest", "close"], default=list(ALONE), metavar="NAME", help="which")
    add("--dataset", type=Path, help="folder that scripts/prepare_photos.py wrote, for nearest and close")
    add("--textures", type=Path, help="folder of textures that scripts/bake_texture.py wrote of it, with faces.csv")
    add("--match", default="^(london|portraits)/", help="regular expression of the photographs that may be shown")
    add("--count", type=int, default=64, help="of people")
    add("--few", type=int, default=8, help="people in the sheets of some")
    add("--seed", type=int, default=0, help="of the first; the others follow")
    add("--size", type=int, default=224, help="side of a head's image, pixels; near by it is 3.1 times as large")
    add("--out", type=Path, default=Path("docs"), help="folder to write into")
    add_avatar(parser, runs=False)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Render the sheets and write them."""
    options = parse(arguments)
    startup.announce(f"Rendering {options.count} random people for sheets in {options.out}")
    from clipface.evaluation.people.sheets import write_sheets

    write_sheets(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
