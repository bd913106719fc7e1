"""Images of one head: any camera, any light, any texture."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from clipface.evaluation.grid import to_image
from clipface.head import HeadModel
from clipface.render import Light, Renderer, perspective, rotation, view
from clipface.render.camera import FRAME_HALF_WIDTH


@torch.no_grad()
def render_portraits(
    renderer: Renderer,
    vertices: Tensor,
    texture: Tensor | None,
    cameras: Sequence[Tensor],
    lights: Sequence[Light],
    size: int,
    background: Sequence[float] = (1.0,),
    supersample: int = 1,
) -> Image.Image:
    """Render a head under every light from every camera, one image to the right of the other.

    Args:
        renderer: of the head's mesh.
        vertices: [1, V, 3] metres.
        texture: [1, 3, R, R] in 0..1, or None for grey clay.
        cameras: each [1, 4, 4].
        lights: in the order of the images; under each all cameras.
        size: side of each image, pixels.
        background: a grey, or red, green, blue, in 0..1.
        supersample: rendered this many times larger, then averaged.

    Raises:
        ValueError: if the background is neither.
    """
    if len(background) not in (1, 3):
        raise ValueError(f"background: expected 1 or 3 numbers, got {len(background)}")
    behind = vertices.new_tensor(background).expand(3).view(1, 3, 1, 1)
    images = [
        renderer(vertices, texture, camera.to(vertices.device), size, behind, True, supersample, light).image[0]
        for light, camera in product(lights, cameras)
    ]
    return to_image(make_grid(images, nrow=len(images), padding=0))


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


def posed(head: HeadModel, shape: Tensor | None, expression: Tensor | None, jaw: float) -> Tensor:
    """Vertices [1, V, 3] of a head whose jaw is open by some degrees."""
    pose = torch.zeros(1, 6, device=head.v_template.device)
    pose[0, 3] = np.deg2rad(jaw)
    return head(shape, expression, pose)


def read_texture(path: str | Path) -> Tensor:
    """Read an image file as a texture [1, 3, H, W] in 0..1."""
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255
