"""Train textures that follow a motion: the steps of the training."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.animation import Motion
from clipface.edit.apply import edit_importance, moved_vertices
from clipface.edit.attributes import is_look, known_start, look_offset
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.loading import read_mapper
from clipface.edit.sampling import Views, random_of
from clipface.edit.video_mapper import VideoMapper
from clipface.guidance import DirectionalLoss, Encoder, EncoderMean
from trainer.common.mapper_training import MapperTraining
from trainer.video_mapper.config import VideoMapperConfig


class Batch(NamedTuple):
    """Frames of a training step before the edit; those of one face lie together."""

    faces: Faces  # B of them
    frames: Tensor  # [B, F] numbers of frames
    vertices: Tensor  # [B·F, V, 3] metres
    features: list[Tensor]  # of the unedited images, [B·F, D] by each encoder


class VideoMapperModule(MapperTraining):
    """A video mapper in training, and the frozen parts around it."""

    def __init__(self, config: VideoMapperConfig, avatar: Avatar, encoders: Sequence[Encoder], motion: Motion) -> None:
        """Create a mapper that changes nothing yet, and encode the words.

        Args:
            config: of the run.
            avatar: codes to images.
            encoders: frozen; their losses are averaged.
            motion: of the avatar's head.

        Raises:
            ValueError: if nothing moves: no frame would be edited.
        """
        mapper = initial_mapper(config, avatar)
        weight = edit_importance(motion, mapper)
        if not weight.any():
            raise ValueError(f"sequence: expected a face that moves, got {config.sequence!r}, neutral throughout")
        groups = [{"params": mapper.parameters(), "lr": config.learning_rate}]
        super().__init__(config, avatar, mapper, groups, config.decay, config.plateau, config.cache)
        self.motion, self.chance = motion, weight.double().cpu().cumsum(0)
        self.register_buffer("importance", weight, persistent=False)  # [T]
        self.register_buffer("expression", motion.expression, persistent=False)  # [T, E]
        self.register_buffer("pose", motion.pose, persistent=False)  # [T, 6]
        self.directional_loss = EncoderMean(
            [DirectionalLoss(encoder, floor=config.min_feature_change, **config.prompt.words) for encoder in encoders]
        )

    @torch.no_grad()
    def sample(self, indices: Sequence[int]) -> Batch:
        """Sample the faces with these indices and their frames, render and encode them."""
        config, avatar = self.config, self.avatar
        frames = self.sample_frames(indices)
        views = Views(frames.shape[1], config.max_yaw, config.max_pitch, config.jitter)
        faces = self.training_faces(indices, views)
        device = faces.camera.device
        vertices = torch.cat([
            moved_vertices(avatar, faces.codes.rows(slice(i, i + 1)), self.motion.rows(numbers).to(device))
            for i, numbers in enumerate(frames)
        ])  # fmt: skip
        texture = avatar.face_texture(faces.codes, config.texture_size)
        images = avatar.render(texture, vertices, faces.camera, config.image_size, faces.background)
        return Batch(faces, frames.to(device), vertices, self.directional_loss.encode(images))

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

    def codes(self, faces: Faces, frames: Tensor) -> Tensor:
        """Edited texture codes of each face's frames [B, F], [B·F, L, dim]. Gradient: to the mapper."""
        w_plus = faces.codes.w_plus.repeat_interleave(frames.shape[1], 0)
        numbers = frames.flatten()
        return self.mapper(w_plus, self.expression[numbers], self.pose[numbers], self.importance[numbers])

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The parts of a step's loss. Gradient: to the mapper."""
        faces, codes = batch.faces, self.codes(batch.faces, batch.frames)
        size, count = self.config.image_size, batch.frames.shape[1]
        moving = faces.codes.rows(torch.arange(len(batch.frames)).repeat_interleave(count))._replace(w_plus=codes)
        texture = self.avatar.face_texture(moving, self.config.texture_size)
        after = self.avatar.render(texture, batch.vertices, faces.camera, size, faces.background)
        loss = 1 - self.directional_loss.agreement(after, batch.features)
        if self.config.frames is None:  # sampled frames are weighted by how often they come
            weight = self.importance[batch.frames.flatten()]
            loss = loss * weight / weight.mean()
        parts = {"direction": loss.mean()}
        if self.config.smoothness:
            parts["roughness"] = self.roughness(batch, codes)
        return parts

    def roughness(self, batch: Batch, codes: Tensor) -> Tensor:
        """Mean square of how far the frames' codes are from the mean of their neighbours', over the variance of w.

        The mean over faces, each by its own variance: processes that share a batch add up to it.
        """
        last = len(self.motion) - 1
        before, after = (self.codes(batch.faces, (batch.frames + step).clamp(0, last)) for step in (-1, 1))
        uneven = (before + after) / 2 - codes
        variance = batch.faces.codes.w_plus.flatten(1).var(1)  # [B]
        return (uneven.square().flatten(1).mean(1) / variance.repeat_interleave(batch.frames.shape[1])).mean()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on the faces and frames of step `batch_idx`."""
        parts = self.loss(self.data[batch_idx])
        loss = parts["direction"] + self.config.smoothness * parts.get("roughness", 0.0)
        count = self.config.batch_size
        self.log("loss", loss, prog_bar=True, batch_size=count)
        self.log_dict(parts, batch_size=count)
        return loss


def initial_mapper(config: VideoMapperConfig, avatar: Avatar) -> VideoMapper:
    """Create the mapper that a run trains.

    Raises:
        FileNotFoundError, ValueError: if `init_from` names no file, one of another mapper, or no look.
    """
    generator = avatar.generator
    start = known_start(config.init_from, None if config.generator else config.prompt.name)
    if start != "zero" and not is_look(start):
        file, _ = read_mapper(start, avatar, VideoMapper)
        mapper = VideoMapper(**{**file.config, "smoothing": config.importance_smoothing})
        mapper.load_state_dict(file.state_dict())
        return mapper
    sizes = generator.levels, generator.config["w_dim"], avatar.head.n_expression, config.layers
    mapper = VideoMapper(*sizes, config.importance_smoothing)
    if is_look(start):
        mapper.texture.start_at(look_offset(start, avatar))
    return mapper
