"""Edit faces by any words, by looks, or with trained mappers: nothing is trained.

python scripts/edit.py --photo me.jpg --mapper look:zombie look:blue_eyes --output edited
python scripts/edit.py --photo me.jpg --mapper look:clown --into-photo --output edited
python scripts/edit.py --video me.mp4 --mapper look:clown --output edited
python scripts/edit.py --person edited/me.person.safetensors --mapper look:old --output edited
python scripts/edit.py --prompt "an old man with a beard, smiling" --latents 0:8 --output edited
python scripts/edit.py --mapper runs/zombie --latents 0:8 --output edited
python scripts/edit.py --mapper runs/old runs/clown --strength 0.7 1.2 --latents my_codes.pt --output edited --glb
python scripts/edit.py --mapper look:zombie --latents 0:4 --output edited
python scripts/edit.py --mapper trained.pt --generator stylegan_G.pth --head flame --latents code.pt --output edited

Several mappers edit one after the other, or with --mix all at once. Writes `faces.png` (before, after, geometry, second
view; the first 64 faces), a folder `textures` with `NNNN.png` for each face and, with --glb, `NNNN.glb`; prints the
time a face takes. Textures of photographs keep pores, moles and stubble; `NAME.person.safetensors`, named after the
first photograph, holds the person: given by --person, it needs no photograph, and nothing is fitted again.

With --into-photo, `NAME_edited.jpg` (or .png) is the photograph NAME at its full size with the edited face in it, and
`photographs.png` shows all before and after; names that are alike get their folders before them. With --video,
`NAME_edited.mp4` is the video with the edited face and its sound; frames without a face stay. Metadata say that a part
of it is generated; the place is left out. Ask whoever is shown before you edit a photograph.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipface import startup
from clipface.edit.options import (
    SEEDS_HELP,
    add_avatar,
    add_edits,
    add_head_camera,
    add_output,
    add_people,
    command,
    faces_named,
)

if TYPE_CHECKING:
    from clipface.evaluation.faces import EditedBatch


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add_edits(parser, required=True)
    faces = add_people(parser, several=True)
    faces.add_argument("--latents", help=SEEDS_HELP)
    faces.add_argument("--video", type=Path, help="a video of one person, which gets the edited face in every frame")
    add_head_camera(parser)
    add_output(parser)
    add("--into-photo", action="store_true", help="put the edited face back into the photographs of --photo")
    add("--glb", action="store_true", help="write the edited heads as GLB too")
    add("--size", type=int, default=256, help="side of each image, pixels")
    add("--batch", type=int, default=8, help="faces edited at once")
    add_avatar(parser)
    options = parser.parse_args(arguments)
    if not options.mapper:
        parser.error('expected an edit: --prompt "any words", or --mapper look:NAME, a run or a file')
    return options


def main(arguments: Sequence[str] | None = None) -> "EditedBatch":
    """Edit and write; returns the last batch's faces."""
    options = parse(arguments)
    named = options.video or faces_named(options)
    startup.announce(f"Edit the faces of {named} by {', '.join(options.mapper)}")
    if options.video:
        from clipface.evaluation.edited_video import edit_video

        return edit_video(options)
    from clipface.evaluation.faces import write_edits

    return write_edits(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
