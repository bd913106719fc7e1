"""Render a head to a PNG: any head, face, texture, camera and light.

python scripts/render.py --face 7 --shading studio --output face.png
python scripts/render.py --photo me.jpg --mapper look:skull --yaw -30 30 --output me.png
python scripts/render.py --face 7 --mapper runs/zombie --shading studio --turn -60 0 60 --output relit.png
python scripts/render.py --face 7 --shading unlit sh studio studio --turn 0 0 -20 110 --output lights.png
python scripts/render.py --texture my_texture.png --identity 1 -0.5 --expression 0.8 --jaw 12 --yaw 30 --output head.png
python scripts/render.py --texture none --head flame --yaw 0 45 90 --output clay.png

--face, --photo and --person give identity and texture of a face; --identity, --expression, --jaw and --texture replace
parts of it.
Several angles, shadings or turns of the light give several images, side by side.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import add_avatar, add_edits, add_head_camera, add_people, command
from clipface.settings import SHADINGS


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--output", type=Path, required=True, help="PNG to write")
    add_people(parser).add_argument(
        "--face", help="seed of a face, or a file of codes (.pt, .npz, .safetensors), of which the first is taken"
    )
    add_edits(parser)
    add_head_camera(parser)
    add("--identity", nargs="+", type=float, help="first identity coefficients, standard deviations")
    add("--expression", nargs="+", type=float, help="first expression coefficients")
    add("--jaw", type=float, default=0.0, help="how far the jaw is opened, degrees")
    add("--texture", help="an image file, or none: the shape as clay (left out: the face's)")
    add("--yaw", nargs="+", type=float, default=[0.0], help="degrees; positive turns the head to the image's right")
    add("--pitch", type=float, default=0.0, help="degrees")
    add("--scale", type=float, default=1.0, help="1 fills the image with the head")
    add("--distance", type=float, help="metres, for a view through a lens (left out: parallel rays)")
    add("--shading", nargs="+", default=["unlit"], choices=SHADINGS, help="one for all turns or one for each")
    add("--turn", nargs="+", type=float, default=[0.0], help="degrees by which the light is turned around the head")
    add("--no-eyes", action="store_true", help="no reflections in the eyes")
    add("--background", nargs="+", type=float, default=[1.0], help="a grey, or red green blue, 0..1")
    add("--size", type=int, default=512, help="side of each image, pixels")
    add("--supersample", type=int, default=2, help="rendered this many times larger, then averaged")
    add_avatar(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Render and write."""
    options = parse(arguments)
    startup.announce(f"Render a head to {options.output}")
    from clipface.evaluation.portraits import render_portraits

    image = render_portraits(options)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    image.save(options.output)
    print(f"Written: {options.output}")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
