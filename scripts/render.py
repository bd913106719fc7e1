"""Draw a head to a PNG: any head, face, texture, camera and light.

python scripts/render.py --face 7 --shading studio --output face.png
python scripts/render.py --face 7 --mapper runs/zombie --shading studio --turn -60 0 60 --output relit.png
python scripts/render.py --face 7 --shading unlit sh studio studio --turn 0 0 -20 110 --output lights.png
python scripts/render.py --texture my_texture.png --identity 1 -0.5 --expression 0.8 --jaw 12 --yaw 30 --output head.png
python scripts/render.py --texture none --head flame --yaw 0 45 90 --output clay.png

--face gives identity and texture of a drawn face; --identity, --expression, --jaw and --texture replace parts of it.
Several angles, shadings or turns of the light give several images, side by side.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from clipface import startup  # isort: skip

startup.prepare()

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from clipface.edit.apply import edit_in_turn, unedited
from clipface.edit.avatar import Avatar
from clipface.edit.files import mapper_notes, read_latents, read_mapper, sample_latents
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import Codes
from clipface.evaluation.grid import to_image
from clipface.head import HeadModel
from clipface.render import Light, Renderer, perspective, rotation, view
from clipface.render.camera import FRAME_HALF_WIDTH
from clipface.render.light import SHADINGS
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig

PSI = 0.7  # of drawn faces


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--output", type=Path, required=True, help="PNG to write")
    add("--head", default="open", choices=("open", "flame"))
    add("--face", help="seed of a face, or a file of codes (.pt, .npz, .safetensors), of which the first is taken")
    add("--psi", type=float, default=PSI, help="truncation of a face drawn from its seed, 0..1")
    add("--generator", help="weights that paint the face's texture (the shipped ones if left out)")
    add("--mapper", nargs="+", type=Path, default=[], help="runs or files of mappers that edit the face")
    add("--strength", nargs="+", type=float, default=[1.0], help="of the edits: one for all or one for each")
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
    add("--supersample", type=int, default=2, help="drawn this many times larger, then averaged")
    add("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


@torch.no_grad()
def main(arguments: Sequence[str] | None = None) -> None:
    """Draw and write."""
    options = parse(arguments)
    if len(options.background) not in (1, 3):
        raise ValueError(f"background: expected 1 or 3 numbers, got {len(options.background)}")
    head, renderer, codes, texture = load(options)
    vertices = pose(head, codes, options)
    if options.texture == "none":
        texture = None
    elif options.texture:
        texture = read_texture(options.texture).to(options.device)
    elif texture is None:
        raise ValueError("texture: expected an image file, none, or --face, got nothing")
    background = torch.tensor(options.background, device=options.device).expand(3).view(1, 3, 1, 1)
    images = []
    for light in lights(options):
        for yaw in options.yaw:
            camera = look(yaw, options).to(options.device)
            drawn = renderer(vertices, texture, camera, options.size, background, True, options.supersample, light)
            images.append(drawn.image[0].clamp(0, 1))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    to_image(make_grid(images, nrow=len(images), padding=0)).save(options.output)
    print(f"Written: {options.output}")


def lights(options: argparse.Namespace) -> list[Light]:
    """The lights to draw under, in turn."""
    count = max(len(options.shading), len(options.turn))
    if {len(options.shading), len(options.turn)} - {1, count}:
        wanted = f"as many as shadings, {len(options.shading)}, or one is wanted"
        raise ValueError(f"turn: {wanted}, {len(options.turn)} were given")
    shadings, turns = (given * (count if len(given) == 1 else 1) for given in (options.shading, options.turn))
    return [Light(shading, turn=turn, eyes=not options.no_eyes) for shading, turn in zip(shadings, turns, strict=True)]


def load(options: argparse.Namespace) -> tuple[HeadModel, Renderer, Codes | None, Tensor | None]:
    """Load what draws, and the face's codes and texture if one is asked for; a generator only then."""
    head_config, renderer_config = HeadConfig(options.head), RendererConfig(options.renderer)
    if options.face is None:
        if options.mapper:
            raise ValueError("face: a seed or a file of codes is wanted with --mapper, none was given")
        head, renderer = load_head_and_renderer(head_config, renderer_config)
        return head.to(options.device), renderer.to(options.device), None, None
    notes = mapper_notes(options.mapper[0]) if options.mapper else {}
    avatar = load_avatar(options.generator or notes.get("generator"), head_config, renderer_config).to(options.device)
    codes = read_face(options, avatar)
    mappers = [read_mapper(file, avatar.generator.levels)[0].to(options.device) for file in options.mapper]
    strengths = options.strength * (len(mappers) if len(options.strength) == 1 else 1)
    faces = edit_in_turn(avatar, unedited(codes), mappers, strengths) if mappers else unedited(codes)
    return avatar.head, avatar.renderer, faces.codes, faces.texture(avatar)


def read_face(options: argparse.Namespace, avatar: Avatar) -> Codes:
    """Codes of one face, drawn from a seed or read from a file."""
    if options.face.isdecimal():
        return sample_latents(avatar, [int(options.face)], options.psi)
    return read_latents(options.face, avatar).rows(slice(0, 1))


def pose(head: HeadModel, codes: Codes | None, options: argparse.Namespace) -> Tensor:
    """Vertices [1, V, 3] of the face, or of the mean head, with what the command line says of them."""
    device = options.device
    shape = None if codes is None else codes.shape
    expression = None if codes is None else codes.expression
    if options.identity:
        shape = torch.tensor([options.identity], device=device)
    if options.expression:
        expression = torch.tensor([options.expression], device=device)
    turned = torch.zeros(1, 6, device=device)
    turned[0, 3] = np.deg2rad(options.jaw)
    return head(shape, expression, turned)


def look(yaw: float, options: argparse.Namespace) -> Tensor:
    """The camera [1, 4, 4]."""
    angles = torch.tensor([yaw]), torch.tensor([options.pitch])
    if options.distance is None:
        return view(*angles, options.scale)
    distance = torch.tensor([options.distance])
    field = 2 * torch.rad2deg(torch.atan(FRAME_HALF_WIDTH / (options.scale * distance)))
    return perspective(rotation(*angles), distance, field)


def read_texture(path: str) -> Tensor:
    """Read an image file as a texture [1, 3, H, W] in 0..1."""
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255


if __name__ == "__main__":
    main()
