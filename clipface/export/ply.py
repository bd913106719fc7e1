"""A head as a PLY file with a colour at each vertex."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface.export.surface import check_finite, checked_path, checked_vertices, vertex_normals
from clipface.files import write_atomic
from clipface.head import HeadModel
from clipface.shapes import expect

VERTEX = [("place", "<f4", 3), ("normal", "<f4", 3), ("colour", "u1", 3)]
FACE = [("count", "u1"), ("corners", "<i4", 3)]
HEADER = """ply
format binary_little_endian 1.0
comment metres, y up
element vertex {}
property float x
property float y
property float z
property float nx
property float ny
property float nz
property uchar red
property uchar green
property uchar blue
element face {}
property list uchar int vertex_indices
end_header
"""


def write_ply(path: str | Path, vertices: Tensor, head: HeadModel, texture: Tensor) -> Path:
    """Write a head as PLY (binary, little endian): one closed mesh with normals and vertex colours, no texture.

    Vertices are the head's own, in its order. A vertex has the texture's colour at its place in the chart, or the mean
    of those on both sides of a seam; what is finer than triangles is lost.

    Args:
        path: file ending in `.ply`; its folder is made if missing.
        vertices: [V, 3] metres, head frame (y up, facing z).
        head: the head the vertices belong to.
        texture: [3, H, W] in 0..1, row 0 at the top.

    Returns:
        The path.

    Raises:
        ValueError: for another ending, shapes that do not fit, numbers that are not finite, or a head without texture
            coordinates.
    """
    path = checked_path(path, ".ply")
    points, faces = checked_vertices(vertices, len(head.v_template)), head.faces.cpu().numpy()
    rows = np.zeros(len(points), np.dtype(VERTEX))
    rows["place"], rows["normal"] = points, vertex_normals(points, faces)
    rows["colour"] = (vertex_colours(head, texture) * 255).round()
    triangles = np.zeros(len(faces), np.dtype(FACE))
    triangles["count"], triangles["corners"] = 3, faces
    header = HEADER.format(len(rows), len(triangles)).encode()
    return write_atomic(path, header + rows.tobytes() + triangles.tobytes())


def vertex_colours(head: HeadModel, texture: Tensor) -> np.ndarray:
    """Colours [V, 3] in 0..1 of a texture [3, H, W] at the head's vertices; black where no triangle is."""
    expect("texture", texture, (3, "H", "W"))
    check_finite("texture", texture)
    places = head.uv.detach().float().cpu() * torch.tensor([2, -2]) + torch.tensor([-1, 1])
    image = texture.detach().float().cpu().clamp(0, 1)[None]
    sampled = functional.grid_sample(image, places[None, None], padding_mode="border", align_corners=False)
    pairs = torch.stack([head.faces.cpu().long().flatten(), head.uv_faces.cpu().long().flatten()], 1).unique(dim=0)
    sums = torch.zeros(len(head.v_template), 3).index_add_(0, pairs[:, 0], sampled[0, :, 0].T[pairs[:, 1]])
    return (sums / pairs[:, 0].bincount(minlength=len(sums)).clamp(min=1)[:, None]).numpy()
