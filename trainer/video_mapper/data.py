"""Training frames before the edit: sampled, moved, rendered, and encoded."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.animation import Motion
from clipface.edit.animate import moved_vertices
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.sampling import random_of, sample_faces
from clipface.edit.views import Views
from clipface.guidance import EncoderMean
from trainer.common.mapper_training import FaceBatches
from trainer.video_mapper.config import VideoMapperConfig


class Batch(NamedTuple):
    """Frames of a training step before the edit; those of one face lie together."""

    faces: Faces  # B of them
    frames: Tensor  # [B, F] numbers of frames
    vertices: Tensor  # [B·F, V, 3] metres
    features: list[Tensor]  # of the unedited images, [B·F, D] by each encoder


class TrainingFrames(FaceBatches[Batch]):
    """The training faces and frames of a run, by step."""

    def __init__(
        self, config: VideoMapperConfig, avatar: Avatar, loss: EncoderMean, motion: Motion, importance: Tensor
    ) -> None:
        """Prepare for sampling.

        Args:
            config: of the run.
            avatar: codes to images.
            loss: whose encoders encode the images.
            motion: of the avatar's head.
            importance: of its frames, [T] in 0..1.
        """
        super().__init__(config.batch_size, config.cache)
        self.config, self.avatar, self.loss, self.motion = config, avatar, loss, motion
        self.chance = importance.double().cpu().cumsum(0)

    @torch.no_grad()
    def sample(self, indices: Sequence[int]) -> Batch:
        """Sample the faces with these indices and their frames, render and encode them."""
        config, avatar = self.config, self.avatar
        frames = self.sample_frames(indices)
        views = Views(frames.shape[1], config.max_yaw, config.max_pitch, config.jitter)
        faces = sample_faces(avatar, indices, config.psi, "training", config.seed, views)
        device = faces.camera.device
        vertices = torch.cat([
            moved_vertices(avatar, faces.codes.rows(slice(i, i + 1)), self.motion.rows(numbers).to(device))
            for i, numbers in enumerate(frames)
        ])  # fmt: skip
        texture = avatar.texture(faces.codes.w_plus)
        images = avatar.render(texture, vertices, faces.camera, config.image_size, faces.background)
        return Batch(faces, frames.to(device), vertices, self.loss.encode(images))

    def sample_frames(self, indices: Sequence[int]) -> Tensor:
        """Numbers of frames for each face, [B, F]: all of them, or F in order, the important ones more often.

        A frame is sampled with a probability in proportion to its importance, one from each F-th part of their sum, so
        that the mean loss of the sample is the mean over all frames weighted by importance. What is not to be edited
        costs no time, and nothing asks for a strong edit of a weak expression.
        """
        count, last = self.config.frames, len(self.motion) - 1
        if count is None:
            return torch.arange(last + 1).expand(len(indices), -1)
        places = torch.from_numpy(
            np.stack([random_of("frames", self.config.seed, index).random(count) for index in indices])
        )
        places = (torch.arange(count) + places) / count * self.chance[-1]
        return torch.searchsorted(self.chance, places).clamp(max=last)
