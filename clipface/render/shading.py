"""The geometry view: a head as a soft clay model, so that its form can be read without its texture."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect

CLAY = (0.72, 0.69, 0.66)  # linear reflectance
# Directions towards the lights, in the camera's axes (right, up, towards the viewer), their linear colours, and how far
# each reaches round the form (0: sharp terminator, 1: lights everything but the point opposite).
KEY = ((-0.55, 0.65, 0.62), (1.02, 0.98, 0.92), 0.25)
FILL = ((0.85, 0.05, 0.45), (0.20, 0.23, 0.28), 0.5)
RIM = ((0.35, 0.45, -0.85), (0.22, 0.24, 0.28), 0.1)
SKY, GROUND = (0.16, 0.17, 0.19), (0.06, 0.055, 0.05)  # ambient light from above and below
DISPLAY_GAMMA = 2.2


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Smooth unit normals: the area-weighted mean of the triangles around each position.

    Positions, not texture corners, are averaged over, so a texture seam does not show.

    Args:
        vertices: [B, V, 3].
        faces: [F, 3], any integer type, counter-clockwise from outside.

    Returns:
        [B, V, 3]; zero for a vertex without triangles.

    Gradient: to vertices.
    """
    expect("vertices", vertices, ("B", "V", 3))
    index = faces.reshape(-1).long()
    corners = vertices.index_select(1, index).unflatten(1, (-1, 3))
    twice_area = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    spread = twice_area.unsqueeze(2).expand(-1, -1, 3, -1).flatten(1, 2)
    return functional.normalize(torch.zeros_like(vertices).index_add(1, index, spread), dim=2)


def shade(normals: Tensor, axes: Tensor) -> Tensor:
    """Light a clay surface with a key, a fill and a rim light that travel with the camera.

    Args:
        normals: [B, H, W, 3], head frame, of any length.
        axes: [B, 3, 3], the camera's axes (see `camera.viewing_axes`).

    Returns:
        Colours [B, H, W, 3] in [0, 1], as displayed.

    Gradient: to normals.
    """
    seen = functional.normalize(normals, dim=-1) @ axes.transpose(1, 2).unsqueeze(1)
    up = 0.5 + 0.5 * seen[..., 1:2]
    light = up * normals.new_tensor(SKY) + (1 - up) * normals.new_tensor(GROUND)
    for direction, colour, wrap in (KEY, FILL, RIM):
        cosine = seen @ functional.normalize(normals.new_tensor(direction), dim=0)
        amount = ((cosine + wrap) / (1 + wrap)).clamp(min=0).unsqueeze(-1)
        light = light + amount**1.2 * normals.new_tensor(colour)
    linear = light * normals.new_tensor(CLAY)
    return linear.clamp(min=1e-4, max=1.0) ** (1 / DISPLAY_GAMMA)
