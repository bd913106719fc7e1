"""The frozen half of an edit: codes to texture to picture."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from clipface.edit.mapper import Codes
from clipface.head import HeadModel
from clipface.render import Renderer
from clipface.render.camera import random_views, view
from clipface.texture.generator import TextureGenerator

IDENTITY_SPREAD = 0.5  # real people are nearer to the mean head than the model's N(0, 1)
FACE_SCALES = (1.0, 1.4)  # of training views: words about faces are about the face, not about the neck
FRONT_SCALE = 1.2


class Faces(NamedTuple):
    """Faces and where they are seen from; the views of one face lie together."""

    codes: Codes
    shape: Tensor  # [B, n_shape]
    camera: Tensor  # [B·views, 4, 4]


class Avatar(nn.Module):
    """A texture generator, a head and a renderer, none of which learns any more."""

    def __init__(self, generator: TextureGenerator, head: HeadModel, renderer: Renderer) -> None:
        """Freeze the parts.

        Args:
            generator: texture codes to textures.
            head: parameters to vertices.
            renderer: of this head's mesh.
        """
        super().__init__()
        self.generator, self.head, self.renderer = generator, head, renderer
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Avatar":
        """Stay in evaluation mode: a trainer switches all that it holds."""
        return super().train(False)

    def texture(self, w_plus: Tensor) -> Tensor:
        """Paint textures.

        Args:
            w_plus: codes [B, L, w_dim].

        Returns:
            [B, 3, R, R] in 0..1. Gradient: none where a colour is cut off at 0 or 1.
        """
        return (self.generator.synthesis(w_plus, noise="const") / 2 + 0.5).clamp(0, 1)

    def image(
        self,
        texture: Tensor | None,
        shape: Tensor | None,
        expression: Tensor | None,
        pose: Tensor | None,
        camera: Tensor,
        size: int,
    ) -> Tensor:
        """Draw heads on white.

        Args:
            texture: [B|1, 3, R, R] in 0..1, or None for the grey geometry view.
            shape: [B, <= n_shape] identity coefficients.
            expression: [B, <= n_expression] coefficients.
            pose: [B, 6] global and jaw rotation, radians.
            camera: [B, 4, 4].
            size: side of the picture, pixels.

        Returns:
            [B, 3, size, size] in 0..1. Gradient: to texture, shape, expression and pose.
        """
        vertices = self.head(shape, expression, pose)
        return self.renderer(vertices.expand(len(camera), -1, -1), texture, camera, size).image

    def views(self, texture: Tensor | None, faces: Faces, expression: Tensor, size: int) -> Tensor:
        """Draw every view of every face.

        Args:
            texture: one for each face, [B, 3, R, R] in 0..1, or None for the grey geometry view.
            faces: their shapes and cameras.
            expression: [B, <= n_expression].
            size: side of the pictures, pixels.

        Returns:
            [B·views, 3, size, size] in 0..1.
        """
        views = len(faces.camera) // len(faces.shape)
        shape, expression = (x.repeat_interleave(views, 0) for x in (faces.shape, expression))
        texture = None if texture is None else texture.repeat_interleave(views, 0)
        return self.image(texture, shape, expression, None, faces.camera, size)

    @torch.no_grad()
    def random_faces(
        self, count: int, seed: int, psi: float, views: int = 0, max_yaw: float = 0.0, max_pitch: float = 0.0
    ) -> Faces:
        """Draw faces of neutral expression; the seed alone decides which, on any device.

        Args:
            count: number of faces.
            seed: of this draw.
            psi: truncation of the textures: 0 the mean one, 1 the generator's whole variety.
            views: random views of each face; 0: one frontal view.
            max_yaw: of the views, degrees to each side.
            max_pitch: likewise up and down.
        """
        device = self.head.v_template.device
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(count, self.generator.config["z_dim"], generator=generator)
        shape = IDENTITY_SPREAD * torch.randn(count, self.head.n_shape, generator=generator)
        if views:
            camera = random_views(count * views, generator, max_yaw, max_pitch, scale=FACE_SCALES)
        else:
            camera = view(torch.zeros(count), torch.zeros(count), FRONT_SCALE)
        codes = Codes(
            self.generator.mapping(z.to(device), psi), torch.zeros(count, self.head.n_expression, device=device)
        )
        return Faces(codes, shape.to(device), camera.to(device))


def mahalanobis(offset: Tensor, precision: Tensor) -> Tensor:
    """Mean over all but the last axis of the squared Mahalanobis distance of offsets [..., D] from zero."""
    return ((offset @ precision) * offset).sum(-1).mean()
