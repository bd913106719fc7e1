"""Vertices, texture and camera to image. Importing this loads no GPU backend: that happens at the first rendering."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "camera": ["crop_to_image", "orthographic", "perspective", "random_views", "rotation", "view", "viewing_axes"],
        "light": ["Light"],
        "renderer": ["Renderer", "Rendering"],
        "shading": ["vertex_normals"],
    },
)
