"""What faces before and after an edit look like: the columns of a run's and of a command's contact sheet."""

import torch
from torch import Tensor

from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.mapper import Codes
from clipface.render.camera import view

IMAGE_SIZE = 256  # pixels
SECOND_VIEW = 35.0  # yaw in degrees
HEADER = ("before", "after", "geometry before", "geometry after", "second view before", "second view after")


@torch.no_grad()
def face_rows(
    avatar: Avatar, codes: tuple[Codes, Codes], textures: tuple[Tensor, Tensor], size: int = IMAGE_SIZE
) -> list[tuple[Tensor, ...]]:
    """Render the images below `HEADER`, a row for each face.

    Args:
        avatar: codes to images.
        codes: of the faces before and after.
        textures: likewise, [B, 3, R, R] in 0..1.
        size: side of the images, pixels.

    Returns:
        B rows of images, each [3, size, size] in 0..1.
    """
    columns = {}
    for when, texture, code in zip(("before", "after"), textures, codes, strict=True):
        columns[when] = face_images(avatar, texture, code, 0.0, size)
        columns[f"geometry {when}"] = face_images(avatar, None, code, 0.0, size)
        columns[f"second view {when}"] = face_images(avatar, texture, code, SECOND_VIEW, size)
    return list(zip(*(columns[name] for name in HEADER), strict=True))


def face_images(avatar: Avatar, texture: Tensor | None, codes: Codes, yaw: float, size: int) -> Tensor:
    """Render faces from one side.

    Args:
        avatar: codes to images.
        texture: [B, 3, R, R] in 0..1, or None for the grey geometry.
        codes: of B faces.
        yaw: degrees; positive turns the heads to the image's right.
        size: side of the images, pixels.

    Returns:
        [B, 3, size, size] in 0..1. Gradient: to texture, shape and expression.
    """
    count = len(codes.shape)
    camera = view(torch.full((count,), yaw), torch.zeros(count), FRONT_SCALE).to(codes.shape.device)
    return avatar.views(texture, codes, camera, size)
