"""The rasteriser's contract, and the choice of who fulfils it.

A backend is a module with the verbs `rasterize`, `interpolate` and `sample`, with these three in one as `paint`, with
`antialias` and `compose`, and with `topology`, which `antialias` needs. Their contract is what those of `warp.backend`
say. Conventions, those of nvdiffrast: clip space, pixel centres at (2i + 1) / size - 1, row 0 is y = -1; texture
coordinate (0, 0) is the corner of the first texel of row 0.

Forward passes are reproducible bit for bit; backward passes on the CPU too, and on CUDA with "warp" if
`torch.use_deterministic_algorithms(True)` is set (slow).
"""

import importlib
from importlib.util import find_spec
from types import ModuleType
from typing import Literal, NamedTuple

from torch import Tensor

Boundary = Literal["wrap", "clamp"]
BACKENDS = ("warp", "nvdiffrast")
_MODULES = {
    "warp": "clipface.render.rasterize.warp.backend",
    "nvdiffrast": "clipface.render.rasterize.nvdiffrast_backend",
}
MAX_MIP_LEVEL = 9  # smaller levels than level 0


class Fragments(NamedTuple):
    """The surface that each pixel sees.

    `rast` [B, H, W, 4]: weight u of the triangle's first vertex, v of the second, depth z/w, triangle number + 1 (0:
    nothing). `derivatives` [B, H, W, 4]: du/dX, du/dY, dv/dX, dv/dY per pixel, or None if not asked for.
    """

    rast: Tensor
    derivatives: Tensor | None


def backend(name: str) -> ModuleType:
    """Load a rasteriser by name. Never falls back to another one.

    Args:
        name: "warp" (CPU and CUDA, the default everywhere) or "nvdiffrast" (CUDA only, research licence, optional).

    Raises:
        ValueError: unknown name.
        ImportError: the backend's package is missing; says how to get it.
    """
    check_backend(name)
    return importlib.import_module(_MODULES[name])


def check_backend(name: str) -> None:
    """Check that a backend can be had, without loading it.

    Raises:
        ValueError: unknown name.
        ImportError: the backend's package is missing; says how to get it.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, got {name!r}")
    if name == "nvdiffrast" and find_spec("nvdiffrast") is None:
        raise ImportError(
            "renderer=nvdiffrast needs the package nvdiffrast and a CUDA GPU. Build it with "
            "`pip install --no-build-isolation git+https://github.com/NVlabs/nvdiffrast.git` (its licence allows "
            "research and evaluation only), or leave the choice out: renderer=warp is the default and needs neither."
        )


def mip_levels(height: int, width: int) -> list[tuple[int, int]]:
    """Heights and widths of a texture's mip levels, the full texture first; ends where a side cannot be halved."""
    sizes = [(height, width)]
    while len(sizes) <= MAX_MIP_LEVEL and (height, width) != (1, 1):
        if (height > 1 and height % 2) or (width > 1 and width % 2):
            break
        height, width = max(height // 2, 1), max(width // 2, 1)
        sizes.append((height, width))
    return sizes
