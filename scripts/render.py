"""Render a head to a PNG: any head, face, texture, camera and light.

python scripts/render.py --face 7 --shading studio --output face.png
python scripts/render.py --face 7 --mapper runs/zombie --shading studio --turn -60 0 60 --output relit.png
python scripts/render.py --face 7 --shading unlit sh studio studio --turn 0 0 -20 110 --output lights.png
python scripts/render.py --texture my_texture.png --identity 1 -0.5 --expression 0.8 --jaw 12 --yaw 30 --output head.png
python scripts/render.py --texture none --head flame --yaw 0 45 90 --output clay.png

--face gives identity and texture of a face; --identity, --expression, --jaw and --texture replace parts of it.
Several angles, shadings or turns of the light give several images, side by side.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipface import startup
from clipface.edit.options import add_avatar, add_edits, avatar_options, command
from clipface.settings import SHADINGS

if TYPE_CHECKING:
    from torch import Tensor

    from clipface.edit.mapper import Codes
    from clipface.head import HeadModel
    from clipface.render import Renderer


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--output", type=Path, required=True, help="PNG to write")
    add("--face", help="seed of a face, or a file of codes (.pt, .npz, .safetensors), of which the first is taken")
    add_edits(parser)
    add("--identity", nargs="+", type=float, help="first identity coefficients, standard deviations")
    add("--expression", nargs="+", type=float, help="first expression coefficients")
    add("--jaw", type=float, default=0.0, help="how far the jaw is open, degrees")
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
    import torch

    from clipface.evaluation.portraits import portrait_camera, portrait_lights, posed, read_texture, render_portraits

    lights = portrait_lights(options.shading, options.turn, not options.no_eyes)
    cameras = [portrait_camera(yaw, options.pitch, options.scale, options.distance) for yaw in options.yaw]
    head, renderer, codes, texture = load(options)
    device = head.v_template.device
    if options.texture:
        texture = None if options.texture == "none" else read_texture(options.texture).to(device)
    elif texture is None:
        raise ValueError("texture: expected an image file, none, or --face, got nothing")
    shape, expression = (codes.shape, codes.expression) if codes else (None, None)
    shape = torch.tensor([options.identity], device=device) if options.identity else shape
    expression = torch.tensor([options.expression], device=device) if options.expression else expression
    with torch.no_grad():
        vertices = posed(head, shape, expression, options.jaw)
    look = options.size, options.background, options.supersample
    image = render_portraits(renderer, vertices, texture, cameras, lights, *look)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    image.save(options.output)
    print(f"Written: {options.output}")


def load(options: argparse.Namespace) -> "tuple[HeadModel, Renderer, Codes | None, Tensor | None]":
    """Load what renders, and the face's codes and texture if one is asked for; a generator only then."""
    from clipface.edit.apply import edit_faces
    from clipface.edit.files import read_face
    from clipface.edit.loading import choose_device, load_editor
    from clipface.render.load import load_head_and_renderer
    from clipface.settings import HeadConfig, RendererConfig

    if options.face is None:
        if options.mapper:
            raise ValueError("face: expected a seed or a file of codes with --mapper, got neither")
        parts = load_head_and_renderer(HeadConfig(options.head or "open"), RendererConfig(options.renderer))
        return *(part.to(choose_device(options.device)) for part in parts), None, None
    avatar, mappers, psi, _ = load_editor(options.mapper, **avatar_options(options))
    codes = read_face(int(options.face) if options.face.isdecimal() else options.face, avatar, psi)
    faces = edit_faces(avatar, codes, mappers, options.strength, options.mix)
    return avatar.head, avatar.renderer, faces.codes, faces.texture(avatar)


if __name__ == "__main__":
    main()
