"""Heads that are known by their vertices only: the layout of ClipFace's authors.

`FFHQ_512_filtered/*.png` and, of the same names, `FFHQ_verts_filtered/*.pt` with the vertices as DECA projects them: x
to the right and y down in [-1, 1] of the image, or of DECA's crop if a `tform` says where that lies; a smaller z is
nearer.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from clipface.bake.head_fit import HeadFit
from clipface.bake.light import white_light
from clipface.head import HeadModel
from clipface.render.camera import DECA_CROP_SIZE
from clipface.texture.published import load_published

SUFFIXES = (".pt",)
LARGEST = 4.0  # half images from the middle; vertices further out are not in image coordinates


class GivenVertices(nn.Module):
    """A head whose identity coefficients are its vertices, for what asks a head for them.

    Args:
        head: whose mesh, regions and texture coordinates they have.
    """

    def __init__(self, head: HeadModel) -> None:
        super().__init__()
        self.faces, self.uv, self.uv_faces = head.faces, head.uv, head.uv_faces
        self.v_template, self.regions, self.source = head.v_template, head.regions, head.source
        self.expression_names = ()

    def forward(self, shape: Tensor, *others: Tensor | None, **named: Tensor | None) -> Tensor:
        """Return `shape` [B, 3 V] as vertices [B, V, 3]."""
        return shape.unflatten(1, (-1, 3))


def read_vertices(path: Path, count: int) -> np.ndarray:
    """Read the vertices of one photograph, without running code in the file.

    Args:
        path: a `.pt` file of one tensor, or of a dict with one.
        count: V, that the head has.

    Returns:
        [V, 3] float64.

    Raises:
        ValueError: if the file is damaged or holds something else.
    """
    content = load_published(path)
    if isinstance(content, dict) and len(content) == 1:
        content = next(iter(content.values()))
    if not isinstance(content, Tensor) or content.numel() != 3 * count or content.shape[-1] != 3:
        given = tuple(content.shape) if isinstance(content, Tensor) else type(content).__name__
        raise ValueError(f"{path}: expected one tensor of ({count}, 3) vertices, got {given}")
    vertices = content.detach().reshape(count, 3).double().numpy()
    if not np.isfinite(vertices).all() or np.abs(vertices[:, :2]).max() > LARGEST:
        raise ValueError(f"{path}: expected finite x and y in about -1..1 of the image, got others")
    return vertices


def place_vertices(
    vertices: np.ndarray, matrix: np.ndarray, size: int, photograph: tuple[int, int], tform: np.ndarray | None
) -> np.ndarray:
    """Take vertices from a photograph to its crop, in a head frame that `orthographic(1, 0)` projects back.

    Args:
        vertices: [V, 3], see the top of this file.
        matrix: [3, 3], pixels of the photograph to pixels of the crop.
        size: side of the crop, pixels.
        photograph: width and height, pixels.
        tform: [3, 3], pixels of the photograph to those of DECA's crop that the vertices are in; None: they are in the
            photograph.

    Returns:
        [V, 3] float32: y up, a larger z is nearer, in half crops.
    """
    sides = photograph if tform is None else (DECA_CROP_SIZE, DECA_CROP_SIZE)
    pixels = np.concatenate([(vertices[:, :2] + 1) / 2 * sides, np.ones((len(vertices), 1))], 1)
    to_crop = matrix if tform is None else matrix @ np.linalg.inv(tform)
    placed = (pixels @ to_crop.T)[:, :2] / size * 2 - 1
    # Depth grows with the image, by the mean scale of the map from half images to half crops.
    depth = vertices[:, 2] * np.sqrt(abs(np.linalg.det(to_crop[:2, :2])) * sides[0] * sides[1]) / size
    return np.stack([placed[:, 0], -placed[:, 1], -depth], 1).astype(np.float32)


def fit_from_vertices(vertices: Tensor) -> HeadFit:
    """Vertices [B, V, 3] from `place_vertices` as a fit of `GivenVertices`."""
    batch, device = len(vertices), vertices.device
    none = torch.zeros(batch, 0, device=device)
    return HeadFit(
        vertices.flatten(1), none, torch.zeros(batch, 6, device=device), torch.zeros(batch, 6, device=device),
        torch.ones(batch, device=device), torch.zeros(batch, 2, device=device), white_light(batch, device), none,
    )  # fmt: skip
