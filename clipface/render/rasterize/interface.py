"""The rasteriser's contract, and the choice of who fulfils it.

A backend is a module with the functions of `Rasterizer`. Conventions, those of nvdiffrast: clip space, pixel centres at
(2i + 1) / size - 1, row 0 is y = -1; texture coordinate (0, 0) is the corner of the first texel of row 0.
"""

import importlib
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, Protocol

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


class Rasterizer(Protocol):
    """Four differentiable verbs, three of them in one, and the silhouette topology that the last one needs.

    Forward passes are reproducible bit for bit; backward passes on the CPU too, and on CUDA with "warp" if
    `torch.use_deterministic_algorithms(True)` is set (slow).
    """

    def rasterize(self, clip: Tensor, faces: Tensor, size: tuple[int, int], derivatives: bool = True) -> Fragments:
        """Find the triangle that each pixel sees, of either orientation; what leaves the view volume is clipped.

        Args:
            clip: vertices [B, V, 4] in clip space.
            faces: vertex indices [F, 3], int32.
            size: height and width in pixels.
            derivatives: whether to compute the screen derivatives of u and v too.

        Gradient: u, v and their derivatives to x, y, w of `clip`. Depth and triangle number carry none, and
        coverage none: silhouettes move through `antialias` only.
        """

    def interpolate(
        self, attributes: Tensor, fragments: Fragments, faces: Tensor, derivatives: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Interpolate vertex attributes over the triangles.

        Args:
            attributes: [B or 1, A, C]; `faces` index A, which may be another topology than the positions'.
            fragments: from `rasterize`, with derivatives if `derivatives` is set here.
            faces: attribute indices [F, 3], int32, triangle for triangle those of `rasterize`.
            derivatives: whether to compute screen derivatives too.

        Returns:
            Values [B, H, W, C], zero where nothing is seen, and derivatives [B, H, W, 2C] (dX, dY of the first channel,
            then of the next) or None.

        Gradient: to attributes, and through u, v and their derivatives to the positions.
        """

    def sample(
        self,
        texture: Tensor,
        uv: Tensor,
        uv_derivatives: Tensor | None = None,
        fragments: Fragments | None = None,
        boundary: Boundary = "wrap",
        coverage: bool = False,
    ) -> Tensor:
        """Look up a texture: trilinear over 2 x 2 mip-maps with `uv_derivatives`, else bilinear.

        Args:
            texture: [B or 1, Ht, Wt, C]. Mip-maps go on while both sides can be halved, nine at most.
            uv: [B, H, W, 2].
            uv_derivatives: [B, H, W, 4], from `interpolate`.
            fragments: pixels that see nothing are skipped and zero.
            boundary: "wrap" repeats the texture, "clamp" continues its border.
            coverage: append a channel that is 1 where a triangle is seen, else 0; needs `fragments`.

        Returns:
            Colours [B, H, W, C], or with coverage [B, H, W, C + 1].

        Gradient: to texture, uv and, through the level of detail, uv_derivatives.
        """

    def paint(
        self,
        clip: Tensor,
        faces: Tensor,
        size: tuple[int, int],
        uv: Tensor,
        uv_faces: Tensor,
        texture: Tensor,
        boundary: Boundary = "wrap",
    ) -> tuple[Tensor, Fragments]:
        """`rasterize`, `interpolate` the texture coordinates and `sample`, with coverage, in one go: the usual case.

        A backend may leave out what lies between, which saves most of the memory and its traffic.

        Args:
            clip, faces, size: as in `rasterize`.
            uv: [T, 2], constants.
            uv_faces: [F, 3], int32, indices into `uv`.
            texture, boundary: as in `sample`.

        Returns:
            Colours, and last the coverage, [B, H, W, C + 1]; and fragments for `antialias`, perhaps without derivatives
            and gradient.

        Gradient: to clip and texture.
        """

    def antialias(
        self,
        image: Tensor,
        fragments: Fragments,
        clip: Tensor,
        faces: Tensor,
        topology: Any | None = None,
        follow: bool = False,
    ) -> Tensor:
        """Blend pixels across silhouette edges, which gives silhouettes a gradient.

        Args:
            image: [B, H, W, C].
            fragments, clip, faces: as in `rasterize`.
            topology: from `topology(faces)`; made anew if left out.
            follow: from a pixel's triangle follow the surface, triangle by triangle, to where it ends or turns away
                before the next pixel. Otherwise only the pixel's own triangle is looked at, and a silhouette whose
                triangles are smaller than a pixel is mostly missed. "warp" only.

        Gradient: to image, and to the positions of silhouette edges. Without `follow` it has the right sign but is too
        small on fine meshes. Use *position* faces: a seam of the texture is no silhouette.
        """

    def compose(self, rendered: Tensor, background: float | Tensor) -> tuple[Tensor, Tensor]:
        """Put rendered colours over a background.

        Args:
            rendered: [B, H, W, C + 1], colours on black, and last the mask.
            background: a number, or [B or 1, C or 1, H or 1, W or 1].

        Returns:
            Image [B, C, H, W] and mask [B, 1, H, W].

        Gradient: to both.
        """

    def topology(self, faces: Tensor) -> Any:
        """Return what `antialias` needs to know of the mesh; make it once per mesh and device."""


def backend(name: str) -> Rasterizer:
    """Load a rasteriser by name. Never falls back to another one.

    Args:
        name: "warp" (CPU and CUDA, the default everywhere) or "nvdiffrast" (CUDA only, research licence, optional).

    Raises:
        ValueError: unknown name.
        ImportError: the backend's package is missing; says how to get it.
    """
    check_backend(name)
    return importlib.import_module(_MODULES[name])  # type: ignore[return-value]


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
