"""A textured head as a Wavefront OBJ file, with its material and texture beside it."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from torch import Tensor

from clipface.export.surface import checked_path, checked_vertices, png, texture_image, vertex_normals
from clipface.files import write_atomic
from clipface.head import HeadModel

MATERIAL = "newmtl head\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {}\n"


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
