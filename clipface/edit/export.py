"""One face, before and after its edit, as a file for other programs."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from clipface.edit.apply import EditedFaces
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes
from clipface.export import write_obj, write_ply, write_rigged_glb


@torch.no_grad()
def write_face(
    path: Path,
    avatar: Avatar,
    before: Codes,
    edited: EditedFaces,
    texture: Tensor,
    expressions: Sequence[str] | None = None,
) -> None:
    """Write one face in the format that the file's ending names.

    Args:
        path: ends in .glb, .obj or .ply.
        avatar: whose head it is.
        before, edited: of one face; a GLB holds the change of its shape and expression as a morph target.
        texture: [3, R, R] in 0..1, after the edit.
        expressions: names that a GLB holds, or `["all"]`; None: the usual ones.
    """
    head = avatar.head
    if path.suffix != ".glb":
        vertices = head(edited.shape, edited.expression)[0]
        (write_obj if path.suffix == ".obj" else write_ply)(path, vertices, head, texture)
        return
    changed = not (torch.equal(before.shape, edited.shape) and torch.equal(before.expression, edited.expression))
    write_rigged_glb(
        path,
        head,
        texture=texture,
        shape=before.shape,
        expression=before.expression,
        edited_shape=edited.shape if changed else None,
        edited_expression=edited.expression if changed else None,
        expressions="all" if expressions == ["all"] else expressions,
    )
