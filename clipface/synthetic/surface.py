"""The head's rest surface as maps in UV space: where each texel lies, how it is turned, how much light reaches it."""

from __future__ import annotations

import math

import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from clipface.head import HeadModel
from clipface.render.rasterize import interface

_DIRECTIONS = 64  # sky samples for occlusion; more changes nothing visible
_SHADOW_SIZE = 160  # pixels of each shadow map
_SHADOW_BIAS = 0.02  # of the head's half size


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Area-weighted unit normals [V, 3] of one mesh."""
    corners = vertices[faces.long()]
    normal = torch.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], dim=1)
    total = torch.zeros_like(vertices)
    total.index_add_(0, faces.long().flatten(), normal.repeat_interleave(3, dim=0))
    return functional.normalize(total, dim=1)


def harmonics(direction: Tensor) -> Tensor:
    """Real spherical harmonics to order two: [..., 3] unit vectors → [..., 9]."""
    x, y, z = direction.unbind(-1)
    one = torch.ones_like(x)
    return torch.stack(
        [0.282095 * one, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
         0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y)], dim=-1)  # fmt: skip


def sphere_directions(count: int, device: torch.device) -> Tensor:
    """Evenly spread unit vectors [count, 3] (Fibonacci sphere)."""
    index = torch.arange(count, device=device) + 0.5
    height, angle = 1 - 2 * index / count, index * math.pi * (3 - math.sqrt(5))
    ring = (1 - height**2).sqrt()
    return torch.stack([ring * angle.cos(), height, ring * angle.sin()], dim=1)


def light_transfer(vertices: Tensor, normals: Tensor, faces: Tensor, backend: interface.Rasterizer) -> Tensor:
    """How light from everywhere reaches each vertex, self-shadowing included (precomputed radiance transfer).

    Returns:
        [V, 9]: dot with a light's harmonics gives irradiance; an even sky of radiance 1 gives 1 in the open.
    """
    centre = (vertices.amax(0) + vertices.amin(0)) / 2
    points = (vertices - centre) / (vertices - centre).norm(dim=1).max()
    transfer = torch.zeros(len(points), 9, device=points.device)
    for direction in sphere_directions(_DIRECTIONS, points.device):
        helper = torch.eye(3, device=points.device)[int(direction.abs().argmin())]
        side = functional.normalize(torch.linalg.cross(direction, helper), dim=0)
        up = torch.linalg.cross(side, direction)
        view = points @ torch.stack([side, up, -direction], dim=1)  # [V, 3]; the light looks down -direction
        clip = torch.cat([view, torch.ones_like(view[:, :1])], dim=1)[None]
        rast = backend.rasterize(clip.contiguous(), faces, (_SHADOW_SIZE, _SHADOW_SIZE), False).rast
        depth = torch.where(rast[..., 3] > 0, rast[..., 2], torch.full_like(rast[..., 2], 2.0))[:, None]
        depth = -functional.max_pool2d(-depth, 3, 1, 1) * 0.5 + depth * 0.5
        nearest = functional.grid_sample(depth, view[None, None, :, :2], align_corners=False)[0, 0, 0]
        lit = _visible(nearest - view[:, 2])
        cosine = (normals @ direction).clamp_min(0)
        transfer += (lit * cosine)[:, None] * harmonics(direction) * (4 / _DIRECTIONS)
    return transfer


def _visible(margin: Tensor) -> Tensor:
    """Soft shadow test: 1 where the occluder is the point itself, falling to 0 where it is nearer by twice the bias."""
    return (2 + margin / _SHADOW_BIAS).clamp(0, 1)


class Surface:
    """Maps in UV space, baked once from the mean head; row 0 is the top of the texture's image.

    Attributes:
        resolution: R, texels a side.
        position: [R, R, 3] rest position, millimetres. normal: [R, R, 3] unit.
        masks: region name → [1, 1, R, R] soft membership.
        transfer: [9, R * R] light transfer, see `light_transfer`. ambient: [1, 1, R, R] openness to the sky, 0..1.
        landmarks: [68, 3]; ear_centre: [3], between both ears; eye_centres: [2, 3], left to right; millimetres.
    Texels outside the chart carry the values of the nearest texel inside it, so no seam shows in filtering.
    """

    def __init__(self, head: HeadModel, resolution: int, backend: interface.Rasterizer) -> None:
        self.resolution = resolution
        vertices, faces = head.v_template, head.faces
        normals = vertex_normals(vertices, faces)
        names = list(head.regions)
        regions = torch.stack([head.regions[name] for name in names], dim=1).float()
        transfer = light_transfer(vertices, normals, faces, backend)
        baked = self._bake(head, torch.cat([vertices * 1000, normals, transfer, regions], dim=1), backend)
        self.position, self.normal = baked[..., :3], functional.normalize(baked[..., 3:6], dim=-1)
        self.transfer = baked[..., 6:15].reshape(-1, 9).T.contiguous()
        self.ambient = (self.transfer[0] / 0.282095).clamp(0, 1).view(1, 1, resolution, resolution)
        self.masks = {name: baked[..., 15 + i][None, None].contiguous() for i, name in enumerate(names)}
        self.landmarks = head.landmarks(vertices[None])[0] * 1000
        balls = [vertices[head.regions[name]] * 1000 for name in ("right_eyeball", "left_eyeball")]
        balls.sort(key=lambda ball: float(ball[:, 0].mean()))
        ears = torch.cat([vertices[head.regions[name]] for name in ("right_ear", "left_ear")]) * 1000
        self.ear_centre = (ears * torch.tensor([0.0, 1.0, 1.0], device=ears.device)).mean(0)
        self.eye_centres = torch.stack([(ball.amax(0) + ball.amin(0)) / 2 for ball in balls])

    def _bake(self, head: HeadModel, values: Tensor, backend: interface.Rasterizer) -> Tensor:
        uv = head.uv
        flat = torch.stack([2 * uv[:, 0] - 1, 1 - 2 * uv[:, 1], 0 * uv[:, 0], 0 * uv[:, 0] + 1], dim=1)
        size = (self.resolution, self.resolution)
        fragments = backend.rasterize(flat[None].contiguous(), head.uv_faces, size, False)
        baked = backend.interpolate(values[None].contiguous(), fragments, head.faces)[0][0]
        covered = (fragments.rast[0, ..., 3] > 0).cpu().numpy()
        nearest = ndimage.distance_transform_edt(~covered, return_distances=False, return_indices=True)
        rows, columns = torch.from_numpy(nearest).to(values.device).long()
        self.covered = torch.from_numpy(covered).to(values.device)
        return baked[rows, columns]
