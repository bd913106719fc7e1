"""The rasteriser on nvdiffrast, for CUDA (contract: `warp.backend`). Optional, and for research use only."""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from clipface.render.rasterize.interface import (
    Boundary,
    Fragments,
    check_attributes,
    check_backend,
    check_faces,
    check_float,
    check_look_up,
    mip_levels,
)


@cache
def _library() -> Any:
    check_backend("nvdiffrast")
    import nvdiffrast.torch as library

    return library


@cache
def _context(device: torch.device) -> Any:
    return _library().RasterizeCudaContext(device=device)


def rasterize(clip: Tensor, faces: Tensor, size: tuple[int, int], derivatives: bool = True) -> Fragments:
    """Find the triangle that each pixel sees (see `warp.backend`).

    Raises:
        ValueError: positions on the CPU, or a size that the installed release does not take.
    """
    check_float("clip", clip, ("B", "V", 4))
    check_faces("faces", faces, clip.device)
    library = _library()
    if clip.device.type != "cuda":
        raise ValueError(f"clip: expected a CUDA tensor for nvdiffrast, got one on {clip.device}; use renderer=warp")
    try:
        rast, screen = library.rasterize(_context(clip.device), clip.contiguous(), faces, size, grad_db=derivatives)
    except RuntimeError as error:
        if "divisible" not in str(error):  # as some releases say of sizes that are no multiples of 8
            raise
        raise ValueError(
            f"size: {error}, got {tuple(size)}; install a newer nvdiffrast or use renderer=warp"
        ) from error
    return Fragments(rast, screen if derivatives else None)


def interpolate(
    attributes: Tensor, fragments: Fragments, faces: Tensor, derivatives: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Interpolate vertex attributes over the triangles (see `warp.backend`)."""
    check_attributes(attributes, fragments, faces, derivatives)
    if not derivatives:
        return _library().interpolate(attributes.contiguous(), fragments.rast, faces)[0], None
    return _library().interpolate(
        attributes.contiguous(), fragments.rast, faces, rast_db=fragments.derivatives, diff_attrs="all"
    )


def sample(
    texture: Tensor,
    uv: Tensor,
    uv_derivatives: Tensor | None = None,
    fragments: Fragments | None = None,
    boundary: Boundary = "wrap",
    coverage: bool = False,
    mip_level_bias: float = 0.0,
) -> Tensor:
    """Look up a texture (see `warp.backend`)."""
    check_look_up(texture, uv, fragments, boundary, coverage)
    if uv_derivatives is None:
        colour = _library().texture(texture.contiguous(), uv, filter_mode="linear", boundary_mode=boundary)
    else:
        bias = torch.full_like(uv[..., 0], mip_level_bias) if mip_level_bias else None  # nvdiffrast: one a pixel
        colour = _library().texture(
            texture.contiguous(),
            uv,
            uv_da=uv_derivatives,
            mip_level_bias=bias,
            filter_mode="linear-mipmap-linear",
            boundary_mode=boundary,
            max_mip_level=len(mip_levels(*texture.shape[1:3])) - 1,
        )
    if fragments is None:
        return colour
    seen = fragments.rast[..., 3:] > 0
    colour = torch.where(seen, colour, 0.0)
    return torch.cat([colour, seen.float()], -1) if coverage else colour


def paint(
    clip: Tensor,
    faces: Tensor,
    size: tuple[int, int],
    uv: Tensor,
    uv_faces: Tensor,
    texture: Tensor,
    boundary: Boundary = "wrap",
    mip_level_bias: float = 0.0,
) -> tuple[Tensor, Fragments]:
    """The first three verbs, one after the other (see `warp.backend`)."""
    check_float("uv", uv, ("T", 2))
    fragments = rasterize(clip, faces, size)
    at, slopes = interpolate(uv[None], fragments, uv_faces, derivatives=True)
    return sample(texture, at, slopes, fragments, boundary, True, mip_level_bias), fragments


def antialias(
    image: Tensor,
    fragments: Fragments,
    clip: Tensor,
    faces: Tensor,
    topology: Any | None = None,
    follow: bool = False,
) -> Tensor:
    """Blend pixels across silhouette edges (see `warp.backend`).

    Raises:
        ValueError: if the surface is to be followed, which nvdiffrast cannot.
    """
    if follow:
        raise ValueError("follow: expected False for nvdiffrast, got True; use renderer=warp")
    return _library().antialias(image.contiguous(), fragments.rast, clip.contiguous(), faces, topology_hash=topology)


def compose(rendered: Tensor, background: float | Tensor) -> tuple[Tensor, Tensor]:
    """Put what is rendered over a background (see `warp.backend`)."""
    rendered = rendered.permute(0, 3, 1, 2)
    colour, mask = rendered[:, :-1], rendered[:, -1:]
    return colour + (1 - mask) * background, mask


def topology(faces: Tensor) -> Any:
    """nvdiffrast's edge table of a mesh."""
    return _library().antialias_construct_topology_hash(faces)
