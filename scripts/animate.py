"""Animate faces with trained mappers, without training again.

python scripts/animate.py --mapper runs/angry --sequence laugh --latents 0:4 --output animated
python scripts/animate.py --mapper runs/zombie --sequence talking --latents 3:4 --camera turntable --glb --output turned
python scripts/animate.py --mapper runs/angry --sequence capture.csv --latents my_codes.pt --textures --output animated
python scripts/animate.py --photo me.jpg --mapper look:clown --sequence laugh --output me_laughing
python scripts/animate.py --prompt "an old man with a grey beard" --sequence talking --latents 0:1 --output talking
python scripts/animate.py --sequence laugh --latents 0:1 --output unedited

A mapper is a run of trainer.video_mapper, of trainer.mapper (the same edit in every frame), a file of the authors or
look:NAME; a prompt is any words, edited at once. Writes for each face `NNNN.mp4` (before, after, geometry) and
`NNNN.png` (a strip of frames), with --textures a folder `NNNN` with the texture of each frame, with --glb a head that
moves, `NNNN.glb`. Frames are made and written some at a time, so memory does not grow with the sequence.
"""

import argparse
import sys
from collections.abc import Sequence

from clipface import startup
from clipface.edit.options import (
    PROMPT_HELP,
    SEEDS_HELP,
    add_avatar,
    add_output,
    add_people,
    command,
    edit_of_words,
    faces_named,
)
from clipface.settings import CAMERA_PATHS


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--mapper", help="a run, a file of a mapper (the authors' too) or look:NAME; left out: faces as they are")
    add("--prompt", dest="mapper", type=edit_of_words, metavar="TEXT", help=PROMPT_HELP)
    add("--sequence", help="name of a shipped one, file or folder (left out: that of the mapper's run)")
    add("--rate", type=float, help="frames per second (left out: the sequence's own)")
    add("--strength", type=float, default=1.0, help="1 the trained edit; negative: the opposite")
    add_people(parser, several=True).add_argument("--latents", help=SEEDS_HELP)
    add_output(parser)
    add("--camera", default="front", choices=CAMERA_PATHS, help="how it moves")
    add("--textures", action="store_true", help="write the texture of each frame too")
    add("--glb", action="store_true", help="write heads that move too, in the texture of the strongest frame")
    add("--size", type=int, default=256, help="side of each image, pixels")
    add("--window", type=int, default=16, help="frames in memory together")
    add_avatar(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Animate and write."""
    options = parse(arguments)
    startup.announce(f"Animate the faces of {faces_named(options)}")
    from clipface.evaluation.animation import animate_faces

    animate_faces(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
