"""Light as spherical harmonics: nine coefficients a channel, in DECA's convention."""

import math

import torch
from torch import Tensor

from clipface.shapes import expect

COEFFICIENTS = 9
# Each basis function times how much of it a matt surface reflects (Ramamoorthi and Hanrahan 2001, section 3.2).
_FIRST = 2 * math.pi / 3 * math.sqrt(3 / (4 * math.pi))
_SECOND = math.pi / 4 * 3 * math.sqrt(5 / (12 * math.pi))
FACTORS = (1 / math.sqrt(4 * math.pi), _FIRST, _FIRST, _FIRST, _SECOND, _SECOND, _SECOND, _SECOND / 2)
FACTORS = (*FACTORS, math.pi / 8 * math.sqrt(5 / (4 * math.pi)))


def harmonics(normals: Tensor) -> Tensor:
    """The basis at unit normals.

    Args:
        normals: [..., 3], head frame (x to the picture's right, y up, z towards the viewer).

    Returns:
        [..., 9] in the order 1, x, y, z, xy, xz, yz, x² - y², 3z² - 1, each times its factor.

    Gradient: to normals.

    Source: order and factors of DECA's light (Feng et al. 2021), so its codes mean the same here.
    """
    x, y, z = normals.unbind(-1)
    basis = torch.stack([torch.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], -1)
    return basis * basis.new_tensor(FACTORS)


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
    return harmonics(normals) @ light


def white_light(batch: int, device: torch.device | str = "cpu") -> Tensor:
    """Light [batch, 9, 3] from everywhere: the shading is 1."""
    light = torch.zeros(batch, COEFFICIENTS, 3, device=device)
    light[:, 0] = 1 / FACTORS[0]
    return light


def fit_light(albedo: Tensor, colours: Tensor, normals: Tensor, weights: Tensor, ridge: float = 0.02) -> Tensor:
    """Find the light under which surface points have the colours of a picture.

    Args:
        albedo: [B, N, 3], colours without light, 0..1.
        colours: [B, N, 3], colours seen, 0..1.
        normals: [B, N, 3], unit.
        weights: [B, N], how much each point counts; 0 for those not seen.
        ridge: pull of all but the even part towards zero, as a share of the points' weight: what no seen normal tells
            (light from behind) stays small.

    Returns:
        [B, 9, 3], the weighted least-squares solution.

    Gradient: to all.
    """
    sizes = expect("albedo", albedo, ("B", "N", 3))
    for name, tensor in (("colours", colours), ("normals", normals)):
        expect(name, tensor, (sizes["B"], sizes["N"], 3))
    expect("weights", weights, (sizes["B"], sizes["N"]))
    rows = harmonics(normals)[:, :, None] * albedo[..., None]  # [B, N, 3, 9]
    share = weights / weights.sum(1, keepdim=True).clamp_min(1e-6)
    weighted = rows * share[:, :, None, None]
    normal = torch.einsum("bnci,bncj->bcij", weighted, rows)
    target = torch.einsum("bnci,bnc->bci", weighted, colours)
    size = albedo.square().mul(share[..., None]).sum(1).clamp_min(1e-6)  # [B, 3]
    pull = albedo.new_tensor([1e-3] + [ridge] * (COEFFICIENTS - 1))
    normal = normal + torch.diag(pull) * size[..., None, None]
    target = target + torch.eye(1, COEFFICIENTS, device=albedo.device)[0] * (pull * size[..., None]) / FACTORS[0]
    return torch.linalg.solve(normal, target).transpose(1, 2)
