"""Named parts of the head, as vertices and as masks over the texture."""

from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from clipface.head.model import HeadModel

FINER = 2  # triangles are filled on a grid this much finer, then averaged, so borders are smooth


def region_mask(head: HeadModel, names: str | Iterable[str]) -> Tensor:
    """Return which vertices belong to any of the named regions.

    Returns:
        [V] bool.

    Raises:
        ValueError: if the head has no such region; lists those it has.
    """
    names = [names] if isinstance(names, str) else list(names)
    regions = head.regions
    unknown = [name for name in names if name not in regions]
    if unknown or not names:
        has = ", ".join(sorted(regions)) or "none"
        raise ValueError(f"region: expected one or more of {has}, got {', '.join(unknown) or 'nothing'}")
    return torch.stack([regions[name] for name in names]).any(dim=0)


def region_texture_mask(head: HeadModel, names: str | Iterable[str], size: int, feather: float = 0.01) -> Tensor:
    """Return the named regions as a soft mask over the texture.

    Args:
        head: a head with texture coordinates.
        names: regions, joined. A triangle belongs if all its corners do.
        size: side of the texture, pixels.
        feather: standard deviation of the border's blur, as a part of the side.

    Returns:
        [1, size, size] in 0..1, row 0 at the top of the texture.

    Raises:
        ValueError: if the head has no such region, or no texture coordinates.
    """
    inside = region_mask(head, names).cpu()[head.faces.cpu().long()].all(dim=1)
    fine = size * FINER
    corners = head.uv.detach().float().cpu()[head.uv_faces.cpu().long()[inside]]  # [F', 3, 2]
    # v points up and rows go down; Pillow draws through pixel centres, which lie half a pixel inside.
    corners = torch.stack([corners[..., 0], 1 - corners[..., 1]], dim=-1) * fine - 0.5
    image = Image.new("L", (fine, fine))
    draw = ImageDraw.Draw(image)
    for triangle in corners.flatten(1).tolist():
        draw.polygon(triangle, fill=255)
    image = image.resize((size, size), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(feather * size))
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255)[None].to(head.v_template.device)
