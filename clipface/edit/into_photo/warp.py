"""Where a photograph's pixels go when the head in it changes its form."""

from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from clipface.bake.completion import spread_out
from clipface.head import HeadModel
from clipface.head.regions import known_region_mask
from clipface.render.camera import DEPTH_SQUEEZE, project
from clipface.render.rasterize import interface
from clipface.render.renderer import Renderer
from clipface.render.shading import vertex_normals

HIDDEN = 0.004  # metres behind the nearest surface from which on a point was not visible
GRAZING = 0.05  # cosine to the viewer, likewise
NECK = 0.07  # metres above the neck's end from which on it moves less
LEAST_REACH = 0.06  # of the window: how far around the head pixels follow it, at least,
REACH = 4.0  # and in the largest shifts: so that nothing folds over
BORDER = 0.15  # of the window's half, likewise from its border
SEAM = 3  # pixels over which what was hidden meets what was visible


class Flow(NamedTuple):
    """`source` [1, h, w, 2] in [-1, 1]: where in the window each pixel's content was; `fresh` [1, 1, h, w] in 0..1:
    surface that the photograph does not show."""

    source: Tensor
    fresh: Tensor

    def moved(self, values: Tensor, mode: str = "bilinear") -> Tensor:
        """Values [1, C, H, W] of any size, moved along."""
        source = self.source
        if source.shape[1:3] != values.shape[-2:]:
            planes = source.permute(0, 3, 1, 2) - identity(source.shape[1:3], source).permute(0, 3, 1, 2)
            planes = functional.interpolate(planes, values.shape[-2:], mode="bilinear", align_corners=False)
            source = planes.permute(0, 2, 3, 1) + identity(values.shape[-2:], values)
        return functional.grid_sample(values, source, mode, "border", align_corners=False)


def identity(size: tuple[int, int], like: Tensor) -> Tensor:
    """[1, h, w, 2] each pixel's own place in [-1, 1]."""
    y, x = ((2 * torch.arange(count, device=like.device) + 1) / count - 1 for count in size)
    return torch.stack([x.expand(size), y[:, None].expand(size)], -1)[None]


def find_flow(
    renderer: Renderer, before: Tensor, after: Tensor, camera: Tensor, size: tuple[int, int], metre: float
) -> Flow:
    """Follow the surface of a head from its new form back to where it was.

    Args:
        renderer: of the mesh.
        before, after: [1, V, 3] vertices.
        camera: [1, 4, 4], orthographic.
        size: of the image, rows and columns.
        metre: of depth, in clip space (`HeadFit.scale`).

    Returns:
        Inside the head exact; around it the shifts go on smoothly and fade away, so that the background bends a little
        and does not tear.
    """
    rasterizer, faces = interface.backend(renderer.backend), renderer.faces
    old, new = (project(each, camera).contiguous() for each in (before, after))
    facing = vertex_normals(before, faces)[..., 2:]
    fragments = rasterizer.rasterize(new, faces, size, False)
    was, _ = rasterizer.interpolate(torch.cat([old[..., :3], facing], 2), fragments, faces)
    shown = fragments.rast[..., 3] > 0
    rast = rasterizer.rasterize(old, faces, size, False).rast
    depth = torch.where(rast[..., 3] > 0, rast[..., 2], torch.ones_like(rast[..., 2]))
    depth = functional.max_pool2d(depth[:, None], 3, 1, 1)
    nearest = functional.grid_sample(depth, was[..., :2], "nearest", "border", align_corners=False)[:, 0]
    behind = (was[..., 2] - nearest) / (metre * DEPTH_SQUEEZE)
    visible = shown & (behind < HIDDEN) & (was[..., 3] > GRAZING)
    hidden = shown & (behind >= HIDDEN)
    own = identity(size, old)
    shift = ((was[..., :2] - own) * visible[..., None]).permute(0, 3, 1, 2)
    shift = _continued(shift, visible, shown | (rast[..., 3] > 0))
    return Flow(own + shift.permute(0, 2, 3, 1), _soft(hidden))


def with_fixed_neck(head: HeadModel, before: Tensor, after: Tensor) -> Tensor:
    """`after` [1, V, 3] with the neck's lower end where it was, as the body below it does not change."""
    ends = known_region_mask(head, ("boundary",))
    if torch.equal(before, after) or not ends.any():
        return after
    away = (torch.cdist(head.v_template, head.v_template[ends]).amin(1) / NECK).clamp(0, 1)
    return torch.lerp(before, after, (away * away * (3 - 2 * away))[None, :, None])


def _continued(shift: Tensor, known: Tensor, head: Tensor) -> Tensor:
    """Shifts [1, 2, h, w] beyond where they are known; zero far from the head."""
    filled = spread_out(shift, known[:, None].float())
    filled = torch.where(known[:, None], shift, filled)
    away = torch.from_numpy(ndimage.distance_transform_edt(~head[0].cpu().numpy())).to(shift)
    side = max(shift.shape[-2:])
    reach = max(LEAST_REACH * side, REACH * float(shift.norm(dim=1).max()) * side / 2)
    # At the window's border nothing moves, so that there is no step.
    border = 1 - identity(shift.shape[-2:], shift).abs().amax(-1)
    fade = (1 - away / reach).clamp(0, 1) * (border / BORDER).clamp(0, 1)
    return filled * (fade * fade * (3 - 2 * fade))


def _soft(mask: Tensor) -> Tensor:
    """[1, 1, h, w] from [1, h, w] bool, without single pixels."""
    kept = torch.from_numpy(ndimage.binary_opening(mask[0].cpu().numpy(), np.ones((2, 2)))).to(mask.device)
    soft = functional.avg_pool2d(kept[None, None].float(), SEAM, 1, SEAM // 2, count_include_pad=False)
    return soft
