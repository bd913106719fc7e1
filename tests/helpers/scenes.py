"""Small meshes for the renderer's tests."""

import torch
from torch import Tensor

from clipface.render.scenes import grid, soup, sphere

__all__ = ["RUNS", "grid", "soup", "sphere", "tangle"]
RUNS = ("warp-cpu", "warp-cuda", "nvdiffrast-cuda")


def tangle(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Triangles that share vertices at random, some degenerate, some twice: clip [1, V, 4] before the camera, faces."""
    generator = torch.Generator().manual_seed(seed)
    clip, _ = soup(count, seed, batch=1)
    return clip, torch.randint(clip.shape[1], (count, 3), generator=generator, dtype=torch.int32)
