"""Training faces before the edit: sampled, rendered, and encoded."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.edit.avatar import Avatar, Faces
from clipface.edit.sampling import sample_faces
from clipface.edit.views import Views
from clipface.guidance import EncoderMean
from trainer.common.mapper_training import FaceBatches
from trainer.mapper.config import MapperConfig


class Batch(NamedTuple):
    """Faces of a training step before the edit."""

    faces: Faces
    texture: Tensor  # [B, 3, R, R] in 0..1
    features: list[Tensor]  # of their images, [B·views, D] by each encoder


class TrainingFaces(FaceBatches[Batch]):
    """The training faces of a run, by step."""

    def __init__(self, config: MapperConfig, avatar: Avatar, loss: EncoderMean) -> None:
        """Args: config: of the run; avatar: codes to images; loss: whose encoders encode the images."""
        super().__init__(config.batch_size, config.cache)
        self.config, self.avatar, self.loss = config, avatar, loss

    @torch.no_grad()
    def sample(self, indices: Sequence[int]) -> Batch:
        """Sample the faces with these indices, render and encode them."""
        config = self.config
        views = Views(config.views, config.max_yaw, config.max_pitch, config.jitter)
        faces = sample_faces(self.avatar, indices, config.psi, "training", config.seed, views)
        texture = self.avatar.texture(faces.codes.w_plus)
        images = self.avatar.views(texture, faces.codes, faces.camera, config.image_size, faces.background)
        return Batch(faces, texture, self.loss.encode(images))
