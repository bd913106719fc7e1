"""Textures rendered as their photographs show heads, and other heads for photographs, from the fits' distribution."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from clipface.data import FaceBatch, FitDistribution, MaskedFaces, composite
from clipface.data.shards import DISTRIBUTION
from clipface.head import HeadModel
from clipface.render import Renderer, orthographic
from clipface.render.backgrounds import WHITE
from clipface.settings import SEED_STRIDE
from trainer.texture_gan.config import TextureGANConfig

# Visibility is stored coarsely, and a photograph's mask has a sharp border: the rendered one is sharpened around 0.5.
SHARPER = 10.0
LEAST_VISIBLE = 0.1  # of a texel that is seen squarely


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


class SampledHeads:
    """Exchanges the heads of batches; a new head has the mask of what another image shows of its face."""

    def __init__(self, config: TextureGANConfig, faces: MaskedFaces, head: HeadModel, renderer: Renderer) -> None:
        """Read the distribution that lies in the data set.

        Raises:
            FileNotFoundError, ValueError: if the data set has no distribution, or no visibility.
        """
        if "visibility" not in faces.sizes:
            raise ValueError(f"dataset.heads: {faces.path} does not say what its images show; use fitted")
        self.distribution = FitDistribution.load(Path(faces.path) / DISTRIBUTION)
        self.config, self.head, self.renderer = config, head, renderer

    def batches(self, batches: Iterable[FaceBatch], number: int) -> Iterator[FaceBatch]:
        """Give each batch other heads, cameras and masks; its images stay, on their background."""
        first = self.config.seed * SEED_STRIDE + number
        for seed, batch in enumerate(batches, first):
            yield self.exchange(batch, torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def exchange(self, batch: FaceBatch, generator: torch.Generator) -> FaceBatch:
        """Put sampled heads into a batch."""
        device, count = self.head.v_template.device, len(batch.image)
        heads = {name: part.to(device) for name, part in self.distribution.sample(count, generator).items()}
        camera = orthographic(heads["scale"], heads["translation"])
        if self.config.dataset.mirror:
            signs = torch.randint(2, (count, 1), generator=generator) * 2.0 - 1
            camera[:, 0] *= signs.to(device)
        shape, expression, pose, eye_pose = (heads[name] for name in ("shape", "expression", "pose", "eye_pose"))
        vertices = self.head(shape, expression, pose, eye_pose=eye_pose)
        shown = shown_parts(batch.visibility[torch.randperm(count, generator=generator)].to(device))
        mask = self.renderer(vertices, shown, camera, self.config.image_size, 0.0).image
        mask = ((mask - 0.5) * SHARPER + 0.5).clamp(0, 1)
        neck_pose = torch.zeros(count, 3, device=device)
        return FaceBatch(batch.image.to(device), mask, shape, expression, pose, camera, neck_pose, eye_pose)


def shown_parts(visibility: Tensor) -> Tensor:
    """Turn how well a texture is seen [B, 1, U, U] into what of it is shown, a region without specks and small holes.

    Skin at a grazing angle is badly seen, but shown all the same; and an image's mask is smooth.
    """
    shown = (visibility > LEAST_VISIBLE).float()
    for sign in (1, -1):  # grown, then shrunk
        shown = sign * max_pool2d(sign * shown, 5, 1, 2)
    return avg_pool2d(shown, 5, 1, 2, count_include_pad=False)
