"""A face as it is rendered: its form, its texture, and how both are shown."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clipface.render.light import Light
from clipface.render.renderer import Renderer, Rendering
from clipface.render.wireframe import wireframe
from clipface.view.screen.backdrop import WHITE

EDGES = 0.55  # how dark the lines of a wireframe are


class Surface(NamedTuple):
    """A face as it is rendered."""

    vertices: Tensor  # [1, V, 3] metres
    texture: Tensor | None  # [1, 3, R, R] in 0..1; None: grey geometry
    light: Tensor | Light | None  # as of `Renderer.forward`
    light_strength: float = 1.0  # of the renderer's own light: 0 as painted
    edges: bool = False  # whether the mesh's edges are drawn on it
    flat: bool = False  # the texture itself instead of the head
    backdrop: str = WHITE  # a name of `clipface.view.screen.backdrop`

    def rendered(
        self, renderer: Renderer, camera: Tensor, size: tuple[int, int], supersample: int, behind: float | Tensor = 1.0
    ) -> Rendering:
        """Render it; arguments and result as of `Engine.render`."""
        images = []
        unlit = isinstance(self.light, Light) and self.light_strength < 1
        for light in (self.light, None) if unlit else (self.light,):
            found = renderer(self.vertices, self.texture, camera, size, behind, supersample=supersample, light=light)
            images.append(found.image)
        image = torch.lerp(images[1], images[0], self.light_strength) if unlit else images[0]
        if self.edges:
            large = (size[0] * supersample, size[1] * supersample)
            lines = wireframe(self.vertices, renderer.faces, camera, large, renderer.backend)
            image = image * (1 - EDGES * functional.avg_pool2d(lines, supersample))
        return Rendering(image.clamp(0, 1), found.mask)
