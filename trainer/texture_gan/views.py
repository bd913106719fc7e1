"""Textures rendered as their photographs show heads."""

import torch
from torch import Tensor

from clipface.data import FaceBatch, composite
from clipface.head import HeadModel
from clipface.render import Renderer
from clipface.render.backgrounds import WHITE


@torch.no_grad()
def head_vertices(head: HeadModel, faces: FaceBatch) -> Tensor:
    """Vertices [B, V, 3] of a batch's heads, metres: its own, or those that its parameters give."""
    if faces.vertices is not None:
        return faces.vertices
    return head(faces.shape, faces.expression, faces.pose, faces.neck_pose, faces.eye_pose)


def render_views(head: HeadModel, renderer: Renderer, texture: Tensor, views: FaceBatch, size: int) -> Tensor:
    """Render textures on the heads of `views`, masked as their images are.

    Args:
        head, renderer: on the textures' device.
        texture: [B, 3, R, R] in [-1, 1].
        views: B faces; their images are not used.
        size: of the images, pixels.

    Returns:
        [B, 3, size, size] in [-1, 1]. Gradient: to the texture.
    """
    image = renderer(head_vertices(head, views), texture, views.camera, size, WHITE).image
    return composite(image, views.mask, WHITE)
