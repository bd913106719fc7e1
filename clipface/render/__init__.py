"""Vertices, texture and camera to picture. Importing this loads no GPU backend: that happens at the first drawing."""

from clipface.render.camera import (
    crop_to_picture,
    orthographic,
    perspective,
    random_views,
    rotation,
    view,
    viewing_axes,
)
from clipface.render.light import Light
from clipface.render.renderer import Renderer, Rendering
from clipface.render.shading import vertex_normals

__all__ = [
    "Light",
    "Renderer",
    "Rendering",
    "crop_to_picture",
    "orthographic",
    "perspective",
    "random_views",
    "rotation",
    "vertex_normals",
    "view",
    "viewing_axes",
]
