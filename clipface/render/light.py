"""Light on a textured head: an environment in spherical harmonics, or the lamps of a studio.

Colours are as displayed, so light of linear strength e multiplies them by e to the power 1 / 2.2: the same as going to
linear colours and back. Normals are smooth across seams of the texture (`shading.vertex_normals`).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clipface.render.shading import DISPLAY_GAMMA
from clipface.settings import SHADINGS, Shading
from clipface.shapes import expect

LEAST_LIGHT = 1e-3  # keeps the gradient of the power finite
# What makes each basis function's square integrate to 1, and that times how much of it a matt surface reflects
# (Ramamoorthi and Hanrahan 2001, section 3.2; of the constant one all, since DECA's light of strength 1 shades by 1).
_FIRST, _SECOND = math.sqrt(3 / (4 * math.pi)), 3 * math.sqrt(5 / (12 * math.pi))
_CONSTANT, _LAST = 1 / math.sqrt(4 * math.pi), math.sqrt(5 / (4 * math.pi)) / 2
ORTHONORMAL = (_CONSTANT, *[_FIRST] * 3, *[_SECOND] * 3, _SECOND / 2, _LAST)
_REFLECTED = (1.0, *[2 * math.pi / 3] * 3, *[math.pi / 4] * 5)
FACTORS = tuple(norm * share for norm, share in zip(ORTHONORMAL, _REFLECTED, strict=True))
# A bright sky, above and a little to the left, over a warm floor: what each basis function adds to the light.
_SKY = (
    (0.78, 0.78, 0.80), (-0.16, -0.16, -0.15), (0.26, 0.27, 0.31), (0.20, 0.19, 0.17), (-0.06, -0.06, -0.06),
    (-0.07, -0.07, -0.07), (0.06, 0.06, 0.06), (0.02, 0.02, 0.02), (0.03, 0.03, 0.03),
)  # fmt: skip
# Directions towards the lamps, in the camera's axes (right, up, towards the viewer), their linear colours, and how far
# each reaches round the form (0: sharp terminator, 1: lights everything but the point opposite).
LAMPS = (
    ((-0.70, 0.50, 0.55), (1.25, 1.19, 1.10), 0.05),
    ((0.80, 0.05, 0.55), (0.10, 0.12, 0.16), 0.35),
    ((0.70, 0.35, -0.65), (0.70, 0.75, 0.85), 0.05),
)
AMBIENT = (0.060, 0.063, 0.070)
EYE_SHARPNESS, EYE_STRENGTH = 90.0, 0.75  # Blinn-Phong exponent, and brightness of a lamp's reflection in a wet eye


class Light(NamedTuple):
    """How a textured head is lit.

    `shading`: "unlit" renders the texture as it is; "sh" lights it by `harmonics`, or by a sky if there are none;
    "studio" by a key, a fill and a rim lamp that travel with the camera. `harmonics`: [B or 1, 9, 3], in the order 1,
    x, y, z, xy, xz, yz, x² - y², 3z² - 1, in the head frame, as a fitted photograph has them. `turn`: degrees by which
    all light is turned around the head, to the image's right. `eyes`: whether the eyes mirror the studio's lamps.
    """

    shading: Shading = "unlit"
    harmonics: Tensor | None = None
    turn: float = 0.0
    eyes: bool = True


def check_shading(name: str) -> None:
    """Check a shading's name.

    Raises:
        ValueError: naming those there are.
    """
    if name not in SHADINGS:
        raise ValueError(f"shading: expected one of {', '.join(SHADINGS)}, got {name!r}")


def sky(device: torch.device | str = "cpu") -> Tensor:
    """The light of "sh" where none is given: harmonics [1, 9, 3]."""
    return torch.tensor(_SKY, device=device)[None] / torch.tensor(FACTORS, device=device)[:, None]


def harmonic_basis(normals: Tensor, factors: Sequence[float] = FACTORS) -> Tensor:
    """The spherical harmonics up to the second order at unit normals.

    Args:
        normals: [..., 3], head frame (x to the image's right, y up, z towards the viewer).
        factors: of the nine functions: `FACTORS` for the light that a matt surface reflects, `ORTHONORMAL` for the
            light itself.

    Returns:
        [..., 9] in the order 1, x, y, z, xy, xz, yz, x² - y², 3z² - 1, each times its factor.

    Gradient: to normals.

    Source: order and factors of DECA's light (Feng et al. 2021), so its codes mean the same here.
    """
    x, y, z = normals.unbind(-1)
    basis = torch.stack([torch.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], -1)
    return basis * basis.new_tensor(factors)


def harmonic_light(normals: Tensor, harmonics: Tensor, turn: float = 0.0) -> Tensor:
    """By how much an environment multiplies the colours of a matt surface.

    Args:
        normals: [B, V, 3], unit, head frame.
        harmonics: [B or 1, 9, 3], colours as displayed (see `Light`).
        turn: degrees by which the environment is turned around the head, to the image's right.

    Returns:
        [B, V, 3], not negative.

    Gradient: to normals and harmonics.
    """
    expect("normals", normals, ("B", "V", 3))
    expect("harmonics", harmonics, ("B", 9, 3))
    basis = harmonic_basis(turned(normals, -turn))
    return (basis.unsqueeze(-1) * harmonics.unsqueeze(1)).sum(2).clamp(min=0)


def studio_light(normals: Tensor, gloss: Tensor | None, axes: Tensor, turn: float = 0.0) -> tuple[Tensor, Tensor]:
    """The studio's lamps on a surface.

    Args:
        normals: [B, H, W, 3], head frame, of any length.
        gloss: [B, H, W, 1], 0..1, how far the surface mirrors the lamps, or None.
        axes: [B, 3, 3], the camera's axes (see `camera.viewing_axes`).
        turn: degrees by which the lamps are turned around the head, to the image's right.

    Returns:
        What multiplies the colours, and what is added to them, [B, H, W, 3] each.

    Gradient: to normals and gloss.
    """
    seen = functional.normalize(normals, dim=-1) @ axes.transpose(1, 2).unsqueeze(1)
    light = normals.new_tensor(AMBIENT).expand(seen.shape)
    added = torch.zeros_like(light)
    for direction, colour, wrap in LAMPS:
        towards = turned(functional.normalize(normals.new_tensor(direction), dim=0), turn)
        colour = normals.new_tensor(colour)
        amount = ((seen @ towards + wrap) / (1 + wrap)).clamp(min=0).unsqueeze(-1)
        light = light + amount * colour
        if gloss is not None:
            between = functional.normalize(towards + towards.new_tensor([0.0, 0.0, 1.0]), dim=0)
            mirrored = (seen @ between).clamp(min=0).unsqueeze(-1) ** EYE_SHARPNESS
            added = added + EYE_STRENGTH * gloss * mirrored * colour
    return light.clamp(min=LEAST_LIGHT) ** (1 / DISPLAY_GAMMA), added


def turned(vectors: Tensor, degrees: float) -> Tensor:
    """Turn vectors [..., 3] about the vertical, what looks at the viewer towards the image's right."""
    angle = math.radians(degrees)
    x, y, z = vectors.unbind(-1)
    return torch.stack([x * math.cos(angle) + z * math.sin(angle), y, z * math.cos(angle) - x * math.sin(angle)], -1)
