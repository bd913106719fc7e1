"""A textured head as a binary glTF file that holds still."""

from pathlib import Path

from torch import Tensor

from clipface.export.gltf_head import head_document
from clipface.export.surface import checked_path, checked_vertices, png, texture_image
from clipface.files import write_atomic
from clipface.head import HeadModel


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
    path = checked_path(path, ".glb")
    points, image = checked_vertices(vertices, len(head.v_template)), texture_image(texture)
    content = head_document(head, points, image)[1].glb()
    write_atomic(path.with_suffix(".png"), png(image))
    return write_atomic(path, content)
