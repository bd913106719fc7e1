"""Measure how like their photographs people stay when they are edited, and show them.

python scripts/measure/own_faces.py --dataset my_faces --photos my_photos --output own_faces
python scripts/measure/own_faces.py --dataset my_faces --photos my_photos --edits look:beard --match portraits
python scripts/measure/own_faces.py --dataset my_faces --edits runs/old runs/my_old --words "a photo of an old person"
python scripts/measure/own_faces.py --dataset my_faces --photos my_photos --sheets london/025_03.jpg --output docs

Makes people of photographs that data/validation_photos.txt keeps out of every training, from the heads fitted in the
data set: texture, nearest code, edits. Prints how far to dlib each photograph is from the head in its pose,
unedited, as the nearest code alone, and after each edit; writes own_faces.json. Needs the extra identity.

With --sheets, writes own_heads.jpg and own_photos.jpg of the photographs named: edited heads, and the edits back in
the photographs, cut out around the faces; each of at most 400 kB if it can. Needs the extra fit. With --mouths, writes
own_mouths.jpg: heads that open their mouths.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import add_avatar, add_output, command

MEASURED = ("look:red_lipstick", "look:blue_eyes", "slider:smiling", "look:old", "slider:older=25", "look:beard")
SHOWN = (
    "look:zombie", "look:clown", "look:vampire", "look:red_lipstick", "look:beard", "look:blue_eyes",
    "slider:older=25", "slider:smiling",
)  # fmt: skip


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--dataset", type=Path, required=True, help="folder that scripts/prepare_photos.py wrote")
    add("--photos", type=Path, help="folder of photographs it wrote it from; left out: textures are less sharp")
    add("--list", type=Path, help="text file of photographs to measure; left out: data/validation_photos.txt")
    add("--match", default="", help="regular expression of those that are measured")
    add("--sheets", nargs="+", metavar="PHOTOGRAPH", help="photographs to show, by their names in that folder")
    add("--mouths", nargs="+", metavar="PHOTOGRAPH", help="photographs whose heads are shown with open mouths")
    add("--edits", nargs="+", metavar="EDIT", help="as --mapper of scripts/edit.py; left out: six, on sheets eight")
    add("--plain", action="store_true", help="measure the unedited heads alone, which takes a tenth of the time")
    add("--words", help="prompt: measure too how near to it the scoring encoder finds each head, from the front")
    add("--strength", nargs="+", type=float, default=[1.0], help="of all edits")
    add("--texture-size", type=int, default=512, help="side of the textures, texels")
    add("--size", type=int, default=192, help="side of an image on sheets, pixels")
    add_avatar(parser, runs=False)
    add_output(parser, "own_faces")
    options = parser.parse_args(arguments)
    options.edits = options.edits or list(SHOWN if options.sheets else MEASURED)
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or show."""
    options = parse(arguments)
    shown = options.sheets or options.mouths
    what = f"{len(shown)} photographs" if shown else "the photographs that no training reads"
    startup.announce(f"Edit {what} of {options.dataset} by {', '.join(options.edits)}")
    from clipface.evaluation.people.own_faces import measure_own_faces, show_mouths, show_own_faces

    (show_mouths if options.mouths else show_own_faces if options.sheets else measure_own_faces)(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
