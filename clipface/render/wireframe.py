"""The edges of a mesh, as thin lines over what is rendered."""

import torch
from torch import Tensor

from clipface.render.camera import project
from clipface.render.rasterize.interface import backend as load_backend

LINE = 0.5  # pixels from an edge up to which a line is wholly drawn; it fades over the next pixel


@torch.no_grad()
def wireframe(vertices: Tensor, faces: Tensor, camera: Tensor, size: tuple[int, int], backend: str = "warp") -> Tensor:
    """Find the edges that can be seen.

    Args:
        vertices: [B, V, 3] metres.
        faces: [F, 3] int32.
        camera: [B, 4, 4].
        size: height and width, pixels.
        backend: as in `Renderer`.

    Returns:
        [B, 1, H, W] in 0..1: how much of each pixel a line covers. Gradient: none.
    """
    fragments = load_backend(backend).rasterize(project(vertices.float(), camera.float()), faces, size, True)
    first, second = fragments.rast[..., 0], fragments.rast[..., 1]
    slopes = [fragments.derivatives[..., :2], fragments.derivatives[..., 2:]]
    slopes.append(-(slopes[0] + slopes[1]))
    weights = (first, second, 1 - first - second)  # zero on the edge opposite to a corner
    distances = [weight / slope.norm(dim=-1).clamp_min(1e-9) for weight, slope in zip(weights, slopes, strict=True)]
    nearest = torch.stack(distances).amin(0)
    return ((1 + LINE - nearest).clamp(0, 1) * (fragments.rast[..., 3] > 0))[:, None]
