"""What every file of a head needs: checked arguments, normals, and the texture as an image."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface.shapes import expect

AHEAD = np.array([0.0, 0.0, 1.0])  # normal where triangles have no area: formats want a unit vector everywhere
SMALLEST = 1e-12  # length of a normal before scaling, square metres; less is rounding
TOGETHER = 16  # meshes whose normals are computed at once


def checked_path(path: str | Path, suffix: str) -> Path:
    """Return a file's path if its name ends as its format wants.

    Raises:
        ValueError: for another ending.
    """
    path = Path(path)
    if path.suffix != suffix:
        raise ValueError(f"path: expected a file ending in {suffix}, got {path.name!r}")
    return path


def check_finite(name: str, tensor: Tensor) -> None:
    """Refuse NaN and infinity, which no format holds."""
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")


def checked_vertices(vertices: Tensor, count: int) -> np.ndarray:
    """Return finite vertices [count, 3] as float64."""
    expect("vertices", vertices, (count, 3))
    check_finite("vertices", vertices)
    return vertices.detach().double().cpu().numpy()


def texture_image(texture: Tensor) -> Image.Image:
    """Check a texture [3, H, W] in 0..1 and turn it into 8-bit colours."""
    expect("texture", texture, (3, "H", "W"))
    check_finite("texture", texture)
    levels = (texture.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())


def png(image: Image.Image) -> bytes:
    """An image as the bytes of a PNG file."""
    content = io.BytesIO()
    image.save(content, format="PNG")
    return content.getvalue()


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Smooth normals of meshes: the mean of the triangles around a vertex, each as its angle there is wide.

    They belong to vertices, not to texture coordinates, so no crease shows along the seams of the chart.

    Args:
        vertices: [..., V, 3].
        faces: [F, 3].

    Returns:
        [..., V, 3] of length one, outwards.
    """
    flat = vertices.reshape(-1, *vertices.shape[-2:])
    parts = [_normals(flat[start : start + TOGETHER], faces) for start in range(0, len(flat), TOGETHER)]
    return np.concatenate(parts).reshape(vertices.shape)


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    count = vertices.shape[1]
    corners = vertices[:, faces]  # [B, F, 3, 3]
    ahead, behind = np.roll(corners, -1, 2) - corners, np.roll(corners, 1, 2) - corners
    across = np.cross(ahead[:, :, 0], behind[:, :, 0])  # [B, F, 3]; twice the area long
    area = np.linalg.norm(across, axis=-1)[..., None]
    angles = np.arctan2(area, (ahead * behind).sum(-1))  # [B, F, 3]
    weighted = angles[..., None] * (across / np.maximum(area, SMALLEST))[:, :, None]
    places = (faces + count * np.arange(len(vertices))[:, None, None]).ravel()
    sums = [np.bincount(places, weighted[..., axis].ravel(), count * len(vertices)) for axis in range(3)]
    normals = np.stack(sums, -1)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.where(length > SMALLEST, normals / np.maximum(length, SMALLEST), AHEAD).reshape(vertices.shape)
