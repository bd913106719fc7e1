"""Lights of the editor: by how much each vertex multiplies the texture's colours."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.render.shading import vertex_normals

PAINTED = "as painted"  # the texture's own colours
# Direction towards the light in the head frame (x to the image's right, y up, z towards the viewer).
DIRECTIONS = {
    "front": (0.0, 0.3, 1.0),
    "left": (-1.0, 0.35, 0.45),
    "right": (1.0, 0.35, 0.45),
    "above": (0.0, 1.0, 0.35),
    "below": (0.0, -1.0, 0.5),
    "behind": (0.5, 0.5, -1.0),
}
NAMES = (PAINTED, *DIRECTIONS)
AMBIENT, DIRECT = 0.35, 0.8  # displayed colours' shares in the shadow, and added in full light
WRAP = 0.25  # how far light reaches round the form: 0 a sharp terminator


def light(vertices: Tensor, faces: Tensor, name: str, strength: float) -> Tensor | None:
    """Light a head.

    Args:
        vertices: [1, V, 3] metres, head frame.
        faces: [F, 3].
        name: one of `NAMES`.
        strength: 0 as painted, 1 the whole light.

    Returns:
        [1, V, 3] factors of displayed colours, for `Renderer.forward`; None: as painted.

    Raises:
        ValueError: for another name.
    """
    if name not in NAMES:
        raise ValueError(f"light: expected one of {', '.join(NAMES)}, got {name!r}")
    if name == PAINTED or strength == 0:
        return None
    direction = functional.normalize(vertices.new_tensor(DIRECTIONS[name]), dim=0)
    cosine = vertex_normals(vertices, faces) @ direction
    lit = AMBIENT + DIRECT * ((cosine + WRAP) / (1 + WRAP)).clamp(min=0)
    return torch.lerp(torch.ones_like(lit), lit, strength)[..., None].expand(-1, -1, 3)
