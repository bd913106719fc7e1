"""Photographs with heads that are in none of them, sampled from the distribution of the fits."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from clipface.data import FaceBatch, FitDistribution, MaskedFaces
from clipface.data.shards import DISTRIBUTION
from clipface.head import HeadModel
from clipface.render import Renderer, orthographic
from clipface.settings import SEED_STRIDE
from trainer.texture_gan.config import TextureGANConfig

# Visibility is stored coarsely, and a photograph's mask has a sharp border: the rendered one is sharpened around 0.5.
SHARPER = 10.0
LEAST_VISIBLE = 0.1  # of a texel that is seen squarely


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
