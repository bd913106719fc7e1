"""What lies behind a head: a plain backdrop, lighter at the top, and the soft shadow of the head on the ground."""

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

WHITE = "white"  # without a shadow, as in the project's other images
# Colours in 0..1 at the image's top and bottom.
COLOURS = {
    "light": ((0.925, 0.930, 0.940), (0.830, 0.838, 0.850)),
    "warm": ((0.930, 0.905, 0.870), (0.820, 0.780, 0.730)),
    "dark": ((0.200, 0.205, 0.215), (0.105, 0.108, 0.115)),
    WHITE: ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
}
NAMES = tuple(COLOURS)
COARSE = 4  # pixels a side for which the shadow, which is soft, is computed once
DARKNESS = 0.55  # share of the light that the shadow takes where the head stands
# Metres: how far the shadow reaches around the place where the head stands, at the side and to front and back.
REACH = (0.105, 0.095)
CORE = 0.055  # metres of it that are wholly dark


def backdrop(name: str, size: tuple[int, int], camera: Tensor, vertices: Tensor) -> Tensor:
    """Paint a backdrop.

    Args:
        name: one of `NAMES`.
        size: height and width, pixels.
        camera: [1, 4, 4] of the image.
        vertices: [1, V, 3] metres, of the head that stands on the ground.

    Returns:
        [1, 3, H, W] in 0..1.

    Raises:
        ValueError: for another name.
    """
    if name not in NAMES:
        raise ValueError(f"backdrop: expected one of {', '.join(NAMES)}, got {name!r}")
    height, width = size
    top, bottom = (vertices.new_tensor(colour)[:, None, None] for colour in COLOURS[name])
    share = torch.linspace(0, 1, max(height, 2)).to(vertices)[None, :height, None] ** 1.5
    image = torch.lerp(top, bottom, share)[None].expand(-1, -1, -1, width)
    if name == WHITE:
        return image
    coarse = [max(side // COARSE, 1) for side in size]
    shadow = functional.interpolate(_shadow(coarse, camera, vertices), size, mode="bilinear", align_corners=False)
    return image * (1 - DARKNESS * shadow)


def sign(words: str, size: tuple[int, int]) -> np.ndarray:
    """Words on the plain backdrop, [H, W, 3] uint8, for as long as there is no image; `size`: height and width."""
    height, width = (max(side, 64) for side in size)
    image = Image.new("RGB", (width, height), tuple(round(255 * value) for value in COLOURS["light"][0]))
    font = ImageFont.load_default(max(min(width, height) // 26, 10))
    ImageDraw.Draw(image).text((width / 2, height / 2), words, (110, 113, 120), font, anchor="mm")
    return np.asarray(image)


def _shadow(size: list[int], camera: Tensor, vertices: Tensor) -> Tensor:
    """How dark the ground is that each pixel sees: [1, 1, h, w] in 0..1."""
    low = vertices[0, :, 1].min()
    foot = vertices[0, vertices[0, :, 1] < low + 0.01].mean(0)
    height, width = size
    x = (torch.arange(width) + 0.5) / width * 2 - 1
    y = (torch.arange(height) + 0.5) / height * 2 - 1
    y, x = torch.meshgrid(y, x, indexing="ij")
    back = torch.linalg.inv(camera[0].double()).cpu()
    near, far = (_unprojected(back, x, y, depth) for depth in (-1.0, 1.0))
    ray = far - near
    share = (float(low) - near[..., 1]) / torch.where(ray[..., 1].abs() < 1e-9, 1e-9, ray[..., 1])
    ground = near + share[..., None] * ray
    reach = torch.tensor(REACH, dtype=ground.dtype)
    offset = (ground[..., [0, 2]] - foot[[0, 2]].cpu()).abs()
    distance = ((offset / (reach + CORE)).square().sum(-1)).sqrt()
    dark = torch.exp(-2.5 * distance.square())
    return torch.where((share > 0) & (share < 1), dark, 0.0)[None, None].to(vertices)


def _unprojected(back: Tensor, x: Tensor, y: Tensor, depth: float) -> Tensor:
    points = torch.stack([x, y, torch.full_like(x, depth), torch.ones_like(x)], -1).double() @ back.T
    return points[..., :3] / points[..., 3:]
