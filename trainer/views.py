"""Textures drawn as the photographs of a data set show faces: their heads, their cameras, their masks."""

import torch
from torch import Tensor

from clipface.data import FaceBatch, composite
from clipface.head import HeadModel
from clipface.render import Renderer
from trainer.face_stream import BACKGROUND


def draw_views(head: HeadModel, renderer: Renderer, texture: Tensor, views: FaceBatch, size: int) -> Tensor:
    """Draw textures on the heads of `views`, masked as their pictures are.

    Args:
        head, renderer: on the textures' device.
        texture: [B, 3, R, R] in [-1, 1].
        views: B faces; their pictures are not looked at.
        size: of the pictures, pixels.

    Returns:
        [B, 3, size, size] in [-1, 1]. Gradient: to the texture.
    """
    with torch.no_grad():
        vertices = views.vertices
        if vertices is None:
            vertices = head(views.shape, views.expression, views.pose, views.neck_pose, views.eye_pose)
    picture = renderer(vertices, texture, views.camera, size, BACKGROUND).image
    return composite(picture, views.mask, BACKGROUND)
