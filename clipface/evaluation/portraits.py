"""Images of one head: any camera, any light, any texture."""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface.edit.apply import edit_faces
from clipface.edit.loading import choose_device, load_editor
from clipface.edit.mapper import Codes
from clipface.edit.options import avatar_options, faces_config, one_seed
from clipface.edit.persons.head_params import head_camera
from clipface.edit.persons.sources import read_subject
from clipface.evaluation.grid import to_image
from clipface.head import HeadModel
from clipface.images import PhotographError, read_photograph
from clipface.render import Light, Renderer, perspective, rotation, view
from clipface.render.camera import FRAME_HALF_WIDTH
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig


@torch.no_grad()
def render_portraits(options: argparse.Namespace) -> Image.Image:
    """Render a head under every light from every camera, one image to the right of the other.

    Args:
        options: of scripts/render.py.

    Raises:
        ValueError: if turns and shadings do not go together, the background is no colour, or there is no texture.
    """
    lights = portrait_lights(options.shading, options.turn, not options.no_eyes)
    if len(options.background) not in (1, 3):
        raise ValueError(f"background: expected 1 or 3 numbers, got {len(options.background)}")
    head, renderer, codes, texture = load_subject(options)
    device = head.v_template.device
    if options.texture:
        texture = None if options.texture == "none" else read_texture(options.texture).to(device)
    elif texture is None:
        raise ValueError("texture: expected an image file, none, or --face, --photo or --person, got nothing")
    shape, expression = (codes.shape, codes.expression) if codes else (None, None)
    shape = torch.tensor([options.identity], device=device) if options.identity else shape
    expression = torch.tensor([options.expression], device=device) if options.expression else expression
    pose = torch.zeros(1, 6, device=device) if codes is None or codes.pose is None else codes.pose.clone()
    pose[0, 3] += np.deg2rad(options.jaw)
    cameras = [portrait_camera(yaw, options.pitch, options.scale, options.distance) for yaw in options.yaw]
    own = head_camera(options, head)
    cameras = cameras if own is None else [own]
    vertices, size = head(shape, expression, pose), options.size
    behind = vertices.new_tensor(options.background).expand(3).view(1, 3, 1, 1)
    images = [
        renderer(vertices, texture, camera.to(device), size, behind, True, options.supersample, light).image[0]
        for light, camera in product(lights, cameras)
    ]
    return to_image(torch.cat(images, -1))


def load_subject(options: argparse.Namespace) -> tuple[HeadModel, Renderer, Codes | None, Tensor | None]:
    """Load what renders, and the face's codes and texture if one is asked for; a generator only then."""
    if options.face is None and not (options.photo or options.person):
        if options.mapper:
            raise ValueError("face: expected --face, --photo or --person with --mapper, got none")
        parts = load_head_and_renderer(HeadConfig(options.head or "open"), RendererConfig(options.renderer))
        return *(part.to(choose_device(options.device)) for part in parts), None, None
    avatar, mappers, psi, _ = load_editor(options.mapper, **avatar_options(options))
    numbered = options.face is not None and options.face.isdecimal()
    faces = faces_config(options, one_seed(int(options.face)) if numbered else options.face)
    codes = read_subject(faces, avatar, psi).codes
    edited = edit_faces(avatar, codes, mappers, options.strength, options.mix)
    return avatar.head, avatar.renderer, edited.codes, edited.texture(avatar)


def portrait_lights(shadings: Sequence[str], turns: Sequence[float], eyes: bool = True) -> list[Light]:
    """Pair shadings with degrees by which the light is turned; one of either goes with all of the other.

    Args:
        shadings: names (`Light`).
        turns: degrees around the head.
        eyes: whether eyes mirror the lamps.
    """
    count = max(len(shadings), len(turns))
    if {len(shadings), len(turns)} - {1, count}:
        raise ValueError(f"turn: expected as many as shadings, {len(shadings)}, or one, got {len(turns)}")
    shadings, turns = (list(given) * (count if len(given) == 1 else 1) for given in (shadings, turns))
    return [Light(shading, turn=turn, eyes=eyes) for shading, turn in zip(shadings, turns, strict=True)]


def portrait_camera(yaw: float, pitch: float, scale: float, distance: float | None = None) -> Tensor:
    """The camera [1, 4, 4] that shows a head as large from any distance.

    Args:
        yaw, pitch: degrees (see `camera.rotation`).
        scale: 1 fills the image with the head.
        distance: metres, for a view through a lens; None: parallel rays.
    """
    angles = torch.tensor([yaw]), torch.tensor([pitch])
    if distance is None:
        return view(*angles, scale)
    away = torch.tensor([distance])
    field = 2 * torch.rad2deg(torch.atan(FRAME_HALF_WIDTH / (scale * away)))
    return perspective(rotation(*angles), away, field)


def read_texture(path: str | Path) -> Tensor:
    """Read an image file as a texture [1, 3, H, W] in 0..1.

    Raises:
        ValueError: if it is missing or no readable image; names it.
    """
    try:
        image = read_photograph(path).image
    except PhotographError as error:
        raise ValueError(f"texture: {path}: {error}") from error
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
