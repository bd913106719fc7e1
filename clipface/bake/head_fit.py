"""What a fit finds of a head in an image, and its light: spherical harmonics in DECA's convention."""

from typing import NamedTuple

import torch
from torch import Tensor

from clipface.render.camera import orthographic
from clipface.render.light import FACTORS, harmonic_basis
from clipface.shapes import expect

COEFFICIENTS = 9  # of each channel


class HeadFit(NamedTuple):
    """Heads fitted to crops, as a batch.

    The camera looks along the head frame's z axis; the head turns by `pose[:, :3]`.
    """

    shape: Tensor  # [B, S] identity coefficients, standard deviations
    expression: Tensor  # [B, E]
    pose: Tensor  # [B, 6] axis-angle of the head and of the jaw, radians
    eye_pose: Tensor  # [B, 6] axis-angle of left and right eye, radians
    scale: Tensor  # [B], half crops a metre
    translation: Tensor  # [B, 2], metres
    light: Tensor  # [B, 9, 3] spherical-harmonic coefficients (see `shading`)
    texture: Tensor  # [B, K] coefficients of the linear texture model, standard deviations

    @property
    def camera(self) -> Tensor:
        """[B, 4, 4], to the crop's clip space (y down)."""
        return orthographic(self.scale, self.translation)

    def select(self, rows: Tensor | slice | list[int]) -> "HeadFit":
        """Some heads of the batch."""
        return HeadFit(*(part[rows] for part in self))

    def to(self, device: torch.device | str) -> "HeadFit":
        """The same on another device."""
        return HeadFit(*(part.to(device) for part in self))


def shading(normals: Tensor, light: Tensor) -> Tensor:
    """By how much light multiplies the colour of a surface.

    Args:
        normals: [B, N, 3], unit.
        light: [B, 9, 3].

    Returns:
        [B, N, 3], 1 in white light of unit strength; colours as displayed, as in DECA, not linear ones.

    Gradient: to both.
    """
    batch = expect("normals", normals, ("B", "N", 3))["B"]
    expect("light", light, (batch, COEFFICIENTS, 3))
    return harmonic_basis(normals) @ light


def white_light(batch: int, device: torch.device | str = "cpu") -> Tensor:
    """Light [batch, 9, 3] from everywhere: the shading is 1."""
    light = torch.zeros(batch, COEFFICIENTS, 3, device=device)
    light[:, 0] = 1 / FACTORS[0]
    return light


def fit_light(albedo: Tensor, colours: Tensor, normals: Tensor, weights: Tensor, ridge: float = 0.02) -> Tensor:
    """Find the light under which surface points have the colours of an image.

    Args:
        albedo: [B, N, 3], colours without light, 0..1.
        colours: [B, N, 3], colours in the image, 0..1.
        normals: [B, N, 3], unit.
        weights: [B, N], how much each point counts; 0 for those not visible.
        ridge: pull of all but the even part towards zero, as a share of the points' weight: what no visible
            normal determines (light from behind) stays small.

    Returns:
        [B, 9, 3], the weighted least-squares solution.

    Gradient: to all.
    """
    sizes = expect("albedo", albedo, ("B", "N", 3))
    for name, tensor in (("colours", colours), ("normals", normals)):
        expect(name, tensor, (sizes["B"], sizes["N"], 3))
    expect("weights", weights, (sizes["B"], sizes["N"]))
    rows = harmonic_basis(normals)[:, :, None] * albedo[..., None]  # [B, N, 3, 9]
    share = weights / weights.sum(1, keepdim=True).clamp_min(1e-6)
    weighted = rows * share[:, :, None, None]
    normal = torch.einsum("bnci,bncj->bcij", weighted, rows)
    target = torch.einsum("bnci,bnc->bci", weighted, colours)
    size = albedo.square().mul(share[..., None]).sum(1).clamp_min(1e-6)  # [B, 3]
    pull = albedo.new_tensor([1e-3] + [ridge] * (COEFFICIENTS - 1))
    normal = normal + torch.diag(pull) * size[..., None, None]
    target = target + torch.eye(1, COEFFICIENTS, device=albedo.device)[0] * (pull * size[..., None]) / FACTORS[0]
    return torch.linalg.solve(normal, target).transpose(1, 2)
