"""The geometry view: a head as a soft clay model, so that its form can be read without its texture."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect

CLAY = (0.64, 0.58, 0.53)  # linear reflectance
# Directions towards the lights, in the camera's axes (right, up, towards the viewer), their linear colours, and how far
# each reaches round the form (0: sharp terminator, 1: lights everything but the point opposite).
KEY = ((-0.60, 0.70, 0.55), (1.10, 1.06, 1.00), 0.15)
FILL = ((0.85, -0.05, 0.45), (0.13, 0.16, 0.20), 0.4)
RIM = ((0.55, 0.35, -0.80), (0.30, 0.33, 0.38), 0.1)
SKY, GROUND = (0.15, 0.16, 0.18), (0.05, 0.045, 0.04)  # ambient light from above and below
EDGE_DARKENING = 0.45  # surfaces seen edge-on lose this share of ambient light, which brings out folds and outlines
DISPLAY_GAMMA = 2.2
CAVITY_RADIUS = 0.03  # of the image's height: what counts as a hollow's surroundings
CAVITY_IGNORED = 0.001  # metres; shallower hollows are left to the lights
CAVITY_DEPTH = 0.003  # metres further down at which a point gets half the light


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
    if vertices.is_cuda:  # where `index_add` sums in any order; this sorts, so that an image is the same each time
        of_vertex = torch.zeros_like(vertices).transpose(0, 1)
        sums = of_vertex.index_put((index,), spread.transpose(0, 1), accumulate=True).transpose(0, 1)
    else:
        sums = torch.zeros_like(vertices).index_add(1, index, spread)
    return functional.normalize(sums, dim=2)


def shade(normals: Tensor, nearness: Tensor, mask: Tensor, axes: Tensor) -> Tensor:
    """Light a clay surface with a key, a fill and a rim light that travel with the camera; hollows are darker.

    Args:
        normals: [B, H, W, 3], head frame, of any length.
        nearness: [B, H, W, 1], metres towards the viewer.
        mask: [B, H, W, 1], 1 where the surface is.
        axes: [B, 3, 3], the camera's axes (see `camera.viewing_axes`).

    Returns:
        Colours [B, H, W, 3] in [0, 1], as displayed; zero outside the mask.

    Gradient: to normals and nearness.

    Source: darkening hollows by the blurred depth's difference: Luft, Colditz, Deussen, "Image enhancement by unsharp
    masking the depth buffer" (SIGGRAPH 2006).
    """
    seen = functional.normalize(normals, dim=-1) @ axes.transpose(1, 2).unsqueeze(1)
    up, facing = 0.5 + 0.5 * seen[..., 1:2], seen[..., 2:3].clamp(0, 1)
    light = up * normals.new_tensor(SKY) + (1 - up) * normals.new_tensor(GROUND)
    light = light * (1 - EDGE_DARKENING * (1 - facing))
    for direction, colour, wrap in (KEY, FILL, RIM):
        cosine = seen @ functional.normalize(normals.new_tensor(direction), dim=0)
        amount = ((cosine + wrap) / (1 + wrap)).clamp(min=0).unsqueeze(-1)
        light = light + amount**1.2 * normals.new_tensor(colour)
    linear = light * normals.new_tensor(CLAY) * _openness(nearness, mask, facing)
    return linear.clamp(min=1e-4, max=1.0) ** (1 / DISPLAY_GAMMA) * mask


def _openness(nearness: Tensor, mask: Tensor, facing: Tensor) -> Tensor:
    """Share of light [B, H, W, 1] that reaches a point: less, the deeper it lies below the surface around it.

    Surfaces that turn away lie below their surroundings without being hollow: they count by the square of `facing`.
    """
    radius = max(1, round(CAVITY_RADIUS * mask.shape[1]))
    blurred = torch.cat([nearness * mask, mask], -1).permute(0, 3, 1, 2)
    for _ in range(2):  # twice a box is nearly a bell
        for kernel, padding in (((2 * radius + 1, 1), (radius, 0)), ((1, 2 * radius + 1), (0, radius))):
            blurred = functional.avg_pool2d(blurred, kernel, 1, padding)
    around = (blurred[:, :1] / blurred[:, 1:].clamp(min=1e-6)).permute(0, 2, 3, 1)
    depth = (around - nearness - CAVITY_IGNORED).clamp(min=0) * facing**2
    return 1 / (1 + depth / CAVITY_DEPTH)
