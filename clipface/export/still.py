"""A textured head that holds still, as a Wavefront OBJ or PLY file."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface.export.surface import check_finite, checked_path, checked_vertices, png, texture_image, vertex_normals
from clipface.files import write_atomic
from clipface.head import HeadModel
from clipface.shapes import expect

MATERIAL = "newmtl head\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {}\n"
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


def write_obj(path: str | Path, vertices: Tensor, head: HeadModel, texture: Tensor) -> Path:
    """Write a textured head as OBJ, with `.mtl` and `.png` of the same name beside it.

    Vertices are the head's own, in its order, each once; texture coordinates and normals are indexed by themselves, so
    seams of the chart open no gap.

    Args:
        path: file ending in `.obj`, in a name without spaces; its folder is made if missing.
        vertices: [V, 3] metres, head frame (y up, facing z).
        head: the head the vertices belong to.
        texture: [3, H, W] in 0..1, row 0 at the top.

    Returns:
        The path.

    Raises:
        ValueError: for another ending or a space in the name, shapes that do not fit, numbers that are not finite, or a
            head without texture coordinates.
    """
    path = checked_path(path, ".obj")
    if " " in path.name:
        raise ValueError(f"path: expected a name without spaces, which end names in OBJ, got {path.name!r}")
    points, image = checked_vertices(vertices, len(head.v_template)), texture_image(texture)
    faces, uv_faces = head.faces.cpu().numpy(), head.uv_faces.cpu().numpy()
    material, colours = path.with_suffix(".mtl"), path.with_suffix(".png")
    lines = ["# metres, y up", f"mtllib {material.name}", "o head"]
    lines += _lines("v", points, 7)
    lines += _lines("vt", head.uv.double().cpu().numpy(), 6)
    lines += _lines("vn", vertex_normals(points, faces), 4)
    lines += ["usemtl head", "s 1"]
    corners = np.stack([faces, uv_faces, faces], -1) + 1  # OBJ counts from one
    lines += ["f " + " ".join("{}/{}/{}".format(*corner) for corner in face) for face in corners.tolist()]
    write_atomic(colours, png(image))
    write_atomic(material, MATERIAL.format(colours.name).encode())
    return write_atomic(path, ("\n".join(lines) + "\n").encode())


def _lines(kind: str, rows: np.ndarray, digits: int) -> Iterable[str]:
    return (f"{kind} " + " ".join(f"{number:.{digits}f}" for number in row) for row in rows.tolist())


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
