"""Small meshes for the renderer's tests."""

import math

import torch
from torch import Tensor

from clipface.render.soak import soup

__all__ = ["RUNS", "grid", "soup", "sphere", "tangle"]

RUNS = ("warp-cpu", "warp-cuda", "nvdiffrast-cuda")


def sphere(rings: int = 12, sectors: int = 20, radius: float = 0.1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Vertices [V, 3], faces, uv and uv_faces of a ball whose texture has a seam and whose triangles face outwards."""
    polar, around = torch.meshgrid(
        torch.linspace(0, math.pi, rings + 1), torch.linspace(0, 2 * math.pi, sectors + 1), indexing="ij"
    )
    uv = torch.stack([around / (2 * math.pi), 1 - polar / math.pi], -1).reshape(-1, 2)
    points = torch.stack([polar.sin() * around.sin(), polar.cos(), polar.sin() * around.cos()], -1).reshape(-1, 3)
    corner = torch.arange((rings + 1) * (sectors + 1)).reshape(rings + 1, sectors + 1)
    a, b, c, d = corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]
    uv_faces = torch.cat([torch.stack([a, b, c], -1).reshape(-1, 3), torch.stack([a, c, d], -1).reshape(-1, 3)])
    welded = corner.clone()
    welded[:, -1] = welded[:, 0]  # the seam
    welded[0], welded[-1] = welded[0, 0], welded[-1, 0]  # the poles
    faces = welded.reshape(-1)[uv_faces]
    keep = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return points * radius, faces[keep].int(), uv, uv_faces[keep].int()


def grid(cells: int, seed: int) -> tuple[Tensor, Tensor]:
    """A jittered sheet that reaches beyond the image: clip [1, V, 4], faces [2 cells^2, 3], orientations mixed."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.linspace(-1.3, 1.3, cells + 1), torch.linspace(-1.3, 1.3, cells + 1), indexing="ij")
    points = torch.stack([x, y, torch.zeros_like(x), torch.ones_like(x)], -1)
    points[..., :2] += (torch.rand(cells + 1, cells + 1, 2, generator=generator) - 0.5) * (1.0 / cells)
    corner = torch.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    a, b, c, d = (corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:])
    first, second = torch.stack([a, b, c], -1).reshape(-1, 3), torch.stack([a, c, d], -1).reshape(-1, 3)
    turned = torch.where(torch.rand(len(first), 1, generator=generator) < 0.5, first, first.flip(1))
    return points.reshape(1, -1, 4), torch.cat([turned, second]).int()


def tangle(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Triangles that share vertices at random, some degenerate, some twice: clip [1, V, 4] before the camera, faces."""
    generator = torch.Generator().manual_seed(seed)
    clip, _ = soup(count, seed, batch=1)
    return clip, torch.randint(clip.shape[1], (count, 3), generator=generator, dtype=torch.int32)
