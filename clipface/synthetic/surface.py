"""The head's rest surface as maps in UV space: where each texel lies, how it is turned, how much light reaches it."""

import math
from types import ModuleType

import torch
from torch import Tensor
from torch.nn import functional

from clipface.head import HeadModel
from clipface.head.regions import region_mask
from clipface.render.light import ORTHONORMAL, harmonic_basis
from clipface.render.rasterize import interface
from clipface.render.shading import vertex_normals
from clipface.render.uv import UVMap

_DIRECTIONS = 64  # sky samples for occlusion; more changes nothing visible
_SHADOW_SIZE = 160  # pixels of each shadow map
_SHADOW_BIAS = 0.02  # of the head's half size


def sphere_directions(count: int, device: torch.device) -> Tensor:
    """Evenly spread unit vectors [count, 3] (Fibonacci sphere)."""
    index = torch.arange(count, device=device) + 0.5
    height, angle = 1 - 2 * index / count, index * math.pi * (3 - math.sqrt(5))
    ring = (1 - height**2).sqrt()
    return torch.stack([ring * angle.cos(), height, ring * angle.sin()], dim=1)


def light_transfer(vertices: Tensor, normals: Tensor, faces: Tensor, backend: ModuleType) -> Tensor:
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
        transfer += (lit * cosine)[:, None] * harmonic_basis(direction, ORTHONORMAL) * (4 / _DIRECTIONS)
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
        covered: [R, R] bool, texels that lie on the surface.
        landmarks: [68, 3]; ear_centre: [3], between both ears; eye_centres: [2, 3], left to right; millimetres.
    Texels outside the chart carry the values of the nearest texel inside it, so no seam shows in filtering.
    """

    def __init__(self, head: HeadModel, resolution: int, backend: str) -> None:
        self.resolution, uv_map = resolution, UVMap(head, resolution, backend)
        vertices, faces = head.v_template, head.faces
        region_mask(head, ("face", "neck", "right_eyeball", "left_eyeball", "right_ear", "left_ear"))  # or says so
        normals = vertex_normals(vertices[None], faces)[0]
        names = list(head.regions)
        regions = torch.stack([head.regions[name] for name in names], dim=1).float()
        transfer = light_transfer(vertices, normals, faces, interface.backend(backend))
        values = torch.cat([vertices * 1000, normals, transfer, regions], dim=1)
        baked = uv_map.image(uv_map.on_texels(values[None]), continued=True)[0].permute(1, 2, 0).contiguous()
        self.covered = uv_map.covered
        self.position, self.normal = baked[..., :3], functional.normalize(baked[..., 3:6], dim=-1)
        self.transfer = baked[..., 6:15].reshape(-1, 9).T.contiguous()
        self.ambient = (self.transfer[0] / ORTHONORMAL[0]).clamp(0, 1).view(1, 1, resolution, resolution)
        self.masks = {name: baked[..., 15 + i][None, None].contiguous() for i, name in enumerate(names)}
        self.landmarks = head.landmarks(vertices[None])[0] * 1000
        balls = [vertices[head.regions[name]] * 1000 for name in ("right_eyeball", "left_eyeball")]
        balls.sort(key=lambda ball: float(ball[:, 0].mean()))
        ears = torch.cat([vertices[head.regions[name]] for name in ("right_ear", "left_ear")]) * 1000
        self.ear_centre = (ears * torch.tensor([0.0, 1.0, 1.0], device=ears.device)).mean(0)
        self.eye_centres = torch.stack([(ball.amax(0) + ball.amin(0)) / 2 for ball in balls])
