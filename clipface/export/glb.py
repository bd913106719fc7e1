"""A textured head as a binary glTF file."""

import os
from pathlib import Path

import numpy as np
import torch
import trimesh
from PIL import Image
from torch import Tensor

from clipface.head import HeadModel
from clipface.head.mesh import split_seams
from clipface.shapes import expect


def write_glb(path: str | Path, vertices: Tensor, head: HeadModel, texture: Tensor) -> Path:
    """Write a textured head as GLB, with the texture inside and as a PNG beside it.

    Args:
        path: file ending in `.glb`; its folder is made if missing. The PNG has the same name.
        vertices: [V, 3] metres, head frame (glTF's own: y up, facing z).
        head: the head the vertices belong to.
        texture: [3, H, W] in 0..1, row 0 at the top.

    Returns:
        The path.

    Raises:
        ValueError: for another ending, shapes that do not fit, numbers that are not finite, or a head without texture
            coordinates.
    """
    path = glb_path(path)
    expect("vertices", vertices, (len(head.v_template), 3))
    check_finite("vertices", vertices)
    picture = texture_picture(texture)
    content = _mesh(vertices, head, picture).export(file_type="glb", include_normals=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A reader must never meet half a file, so both are written under another name first.
    partial = path.with_name(path.name + ".partial")
    picture.save(partial, format="PNG")
    os.replace(partial, path.with_suffix(".png"))
    partial.write_bytes(content)
    os.replace(partial, path)
    return path


def glb_path(path: str | Path) -> Path:
    """Check that a file's name ends in `.glb`, and return its path."""
    path = Path(path)
    if path.suffix != ".glb":
        raise ValueError(f"path: a file ending in .glb is wanted, {path.name!r} was given")
    return path


def check_finite(name: str, tensor: Tensor) -> None:
    """Refuse NaN and infinity, which glTF cannot hold."""
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name}: finite numbers are wanted, NaN or infinity was given")


def texture_picture(texture: Tensor) -> Image.Image:
    """Check a texture [3, H, W] in 0..1 and turn it into 8-bit colours."""
    expect("texture", texture, (3, "H", "W"))
    check_finite("texture", texture)
    levels = (texture.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())


def _mesh(vertices: Tensor, head: HeadModel, picture: Image.Image) -> trimesh.Trimesh:
    points = vertices.detach().double().cpu().numpy()
    faces, uv = head.faces.cpu().numpy(), head.uv.double().cpu().numpy()
    of_vertex, of_uv, split_faces = split_seams(faces, head.uv_faces.cpu().numpy())
    # Normals of the whole mesh: those of the split one would show the seam as a crease.
    normals = trimesh.Trimesh(points, faces, process=False).vertex_normals
    material = trimesh.visual.material.PBRMaterial(
        name="head", baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=0.8
    )
    # trimesh counts v upwards, as we do, and turns it over in the file, where glTF counts it downwards.
    visual = trimesh.visual.TextureVisuals(uv=uv[of_uv], material=material)
    return trimesh.Trimesh(
        np.ascontiguousarray(points[of_vertex]),
        split_faces,
        vertex_normals=normals[of_vertex],
        visual=visual,
        process=False,
    )
