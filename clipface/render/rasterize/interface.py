"""The rasteriser's contract, the checks of its arguments, and the choice of who fulfils it.

A backend is a module with the verbs `rasterize`, `interpolate` and `sample`, with these three in one as `paint`, with
`antialias` and `compose`, and with `topology`, which `antialias` needs. Their contract is what those of `warp.backend`
say. Conventions, those of nvdiffrast: clip space, pixel centres at (2i + 1) / size - 1, row 0 is y = -1; texture
coordinate (0, 0) is the corner of the first texel of row 0.

Forward passes are reproducible bit for bit; backward passes on the CPU too, and on CUDA with "warp" if
`torch.use_deterministic_algorithms(True)` is set (slow).
"""

import importlib
import math
from importlib.util import find_spec
from types import ModuleType
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from clipface.settings import BACKENDS
from clipface.shapes import expect

Boundary = Literal["wrap", "clamp"]
_MODULES = {
    "warp": "clipface.render.rasterize.warp.backend",
    "nvdiffrast": "clipface.render.rasterize.nvdiffrast_backend",
}
MAX_MIP_LEVEL = 9  # smaller levels than level 0
# What the renderer adds to a pixel's level of detail. The level is chosen by the longer side of the pixel's footprint,
# which blurs along the shorter one; slopes times 0.6 are sharper and still free of aliasing, times 0.4 are not
# (measured by FID of rendered people against photographs, docs/renderer.md).
MIP_LEVEL_BIAS = math.log2(0.6)


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


def check_float(name: str, tensor: Tensor, shape: tuple[int | str, ...]) -> dict[str, int]:
    """Check shape and float32, which is what the kernels compute in.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    sizes = expect(name, tensor, shape)
    if tensor.dtype != torch.float32:
        raise TypeError(f"{name}: expected float32, got {tensor.dtype}; convert it with .float()")
    return sizes


def check_faces(name: str, faces: Tensor, device: torch.device) -> int:
    """Check a face array [F, 3], int32, on the device of the positions, and return F.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    count = expect(name, faces, ("F", 3))["F"]
    if faces.dtype != torch.int32:
        raise TypeError(f"{name}: expected int32, got {faces.dtype}; convert it with .int()")
    if faces.device != device:
        raise ValueError(f"{name}: expected device {device}, got {faces.device}; move it with .to()")
    return count


def check_batch(name: str, batch: int, images: int) -> None:
    """Check that a batch has one entry, shared by all images, or one for each image.

    Raises:
        ValueError: naming the argument, what was expected and what it got.
    """
    if batch not in (1, images):
        raise ValueError(f"{name}: expected a batch of {'1' if images == 1 else f'1 or {images}'}, got {batch}")


def check_boundary(boundary: str) -> None:
    """Check what lies beyond a texture's border.

    Raises:
        ValueError: naming the argument, what was expected and what it got.
    """
    if boundary not in ("wrap", "clamp"):
        raise ValueError(f"boundary: expected 'wrap' or 'clamp', got {boundary!r}")


def check_attributes(attributes: Tensor, fragments: Fragments, faces: Tensor, derivatives: bool) -> None:
    """Check the arguments of the verb `interpolate`.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    given = check_float("attributes", attributes, ("B", "A", "C"))["B"]
    check_faces("faces", faces, attributes.device)
    check_batch("attributes", given, fragments.rast.shape[0])
    if derivatives and fragments.derivatives is None:
        raise ValueError("fragments: expected derivatives, got none; call rasterize(..., derivatives=True)")


def check_look_up(texture: Tensor, uv: Tensor, fragments: Fragments | None, boundary: str, coverage: bool) -> None:
    """Check the arguments of the verb `sample`.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    given = check_float("texture", texture, ("B", "Ht", "Wt", "C"))["B"]
    check_batch("texture", given, check_float("uv", uv, ("B", "H", "W", 2))["B"])
    check_boundary(boundary)
    if coverage and fragments is None:
        raise ValueError("fragments: expected them with coverage=True, got None; pass what rasterize returned")
