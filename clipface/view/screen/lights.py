"""Lights of the editor: the renderer's own, or a lamp somewhere around the head."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.render.light import Light
from clipface.render.shading import vertex_normals

PAINTED = "as painted"  # the texture's own colours
# The renderer's: a bright sky around the head, and a studio's lamps, which travel with the camera.
RENDERED = {"soft": Light("sh"), "studio": Light("studio")}
# Direction towards the lamp in the head frame (x to the image's right, y up, z towards the viewer).
DIRECTIONS = {
    "left": (-1.0, 0.35, 0.45),
    "right": (1.0, 0.35, 0.45),
    "front": (0.0, 0.3, 1.0),
    "above": (0.0, 1.0, 0.35),
    "below": (0.0, -1.0, 0.5),
    "behind": (0.5, 0.5, -1.0),
}
NAMES = (PAINTED, *RENDERED, *DIRECTIONS)
AMBIENT, DIRECT = 0.35, 0.8  # displayed colours' shares in the shadow, and added in full light
WRAP = 0.25  # how far light reaches round the form: 0 a sharp terminator


def light(vertices: Tensor, faces: Tensor, name: str, strength: float) -> Tensor | Light | None:
    """Light a head.

    Args:
        vertices: [1, V, 3] metres, head frame.
        faces: [F, 3].
        name: one of `NAMES`.
        strength: 0 as painted, 1 the whole light; those of `RENDERED` are whole, and mixed where they are rendered.

    Returns:
        For `Renderer.forward`: factors of displayed colours [1, V, 3], or its own light; None: as painted.

    Raises:
        ValueError: for another name.
    """
    if name not in NAMES:
        raise ValueError(f"light: expected one of {', '.join(NAMES)}, got {name!r}")
    if name == PAINTED or strength == 0:
        return None
    if name in RENDERED:
        return RENDERED[name]
    direction = functional.normalize(vertices.new_tensor(DIRECTIONS[name]), dim=0)
    cosine = vertex_normals(vertices, faces) @ direction
    lit = AMBIENT + DIRECT * ((cosine + WRAP) / (1 + WRAP)).clamp(min=0)
    return torch.lerp(torch.ones_like(lit), lit, strength)[..., None].expand(-1, -1, 3)
