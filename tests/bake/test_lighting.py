import math

import torch
from torch.nn import functional

from clipface.bake.head_fit import fit_light, shading, white_light
from clipface.render.light import harmonic_basis


def _normals(count: int, front: bool = False) -> torch.Tensor:
    normals = functional.normalize(torch.randn(1, count, 3, generator=torch.Generator().manual_seed(1)), dim=2)
    return normals * torch.tensor([1.0, 1.0, -1.0]) ** (normals[..., 2:] < 0) if front else normals


def test_white_light_leaves_colours_as_they_are():
    assert torch.allclose(shading(_normals(20), white_light(1)), torch.ones(1, 20, 3), atol=1e-6)


def test_harmonics_are_orthogonal_over_the_sphere():
    index = torch.arange(20000) + 0.5  # a Fibonacci sphere
    height, angle = 1 - index / 10000, index * math.pi * (3 - math.sqrt(5))
    ring = (1 - height**2).sqrt()
    basis = harmonic_basis(torch.stack([ring * angle.cos(), ring * angle.sin(), height], 1))
    product = basis.T @ basis / len(basis)
    size = product.diag().sqrt()
    assert torch.allclose(product / size / size[:, None], torch.eye(9), atol=1e-3)


def test_light_is_found_again_from_colours():
    light = white_light(2) + 0.3 * torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(2))
    normals = _normals(500).expand(2, -1, -1)
    albedo = 0.2 + 0.6 * torch.rand(2, 500, 3, generator=torch.Generator().manual_seed(3))
    colours = albedo * shading(normals, light)
    weights = torch.ones(2, 500)
    colours[:, :100], weights[:, :100] = 9.0, 0.0  # not seen, so whatever is there must not count
    assert torch.allclose(fit_light(albedo, colours, normals, weights, ridge=0.0), light, atol=0.02)


def test_light_from_behind_stays_small_where_nothing_tells():
    normals, albedo = _normals(300, front=True), torch.full((1, 300, 3), 0.5)
    narrow = functional.normalize(normals * torch.tensor([0.1, 0.1, 1.0]), dim=2)
    light = fit_light(albedo, 0.4 * torch.ones(1, 300, 3), narrow, torch.ones(1, 300))
    assert shading(_normals(300), light).sub(0.8).abs().max() < 0.15
