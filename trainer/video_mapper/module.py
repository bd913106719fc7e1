"""Train textures that follow a motion: the steps of the training."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from clipface import weights
from clipface.animation import Motion, importance
from clipface.edit.animate import moved_vertices
from clipface.edit.attributes import is_look, known_start, look_offset
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.files import read_video_mapper
from clipface.edit.sampling import random_of, sample_faces
from clipface.edit.video_mapper import VideoMapper
from clipface.edit.views import Views
from clipface.guidance import DirectionalLoss, Encoder, EncoderMean
from trainer.common.schedule import RateSchedule
from trainer.video_mapper.config import VideoMapperConfig


class Batch(NamedTuple):
    """Frames of a training step before the edit; those of one face lie together."""

    faces: Faces  # B of them
    frames: Tensor  # [B, F] numbers of frames
    vertices: Tensor  # [B·F, V, 3] metres
    features: list[Tensor]  # of the unedited images, [B·F, D] by each encoder


class VideoMapperModule(pl.LightningModule):
    """A video mapper in training, and the frozen parts around it."""

    def __init__(self, config: VideoMapperConfig, avatar: Avatar, encoders: Sequence[Encoder], motion: Motion) -> None:
        """Create a mapper that changes nothing yet, and encode the words.

        Args:
            config: of the run.
            avatar: codes to images.
            encoders: frozen; what they say of the images is averaged.
            motion: of the avatar's head.

        Raises:
            ValueError: if nothing moves: no frame would be edited.
        """
        super().__init__()
        self.strict_loading = False  # checkpoints hold the mapper alone
        self.config, self.avatar, self.motion = config, avatar, motion
        weight = importance(motion, config.importance_smoothing)
        if not weight.any():
            raise ValueError(f"sequence: a face that moves is wanted, {config.sequence!r} is neutral throughout")
        self.register_buffer("importance", weight, persistent=False)  # [T]
        self.register_buffer("expression", motion.expression, persistent=False)  # [T, E]
        self.register_buffer("pose", motion.pose, persistent=False)  # [T, 6]
        self.mapper = start_mapper(config, avatar)
        self.directional_loss = EncoderMean(
            [DirectionalLoss(encoder, floor=config.min_feature_change, **config.prompt.words) for encoder in encoders]
        )
        run = config.trainer
        self.schedule = RateSchedule(config.plateau, run.steps, run.minutes, config.decay, every=run.log_every)
        self.cache: dict[int, Batch] = {}

    def sample_batch(self, batch_idx: int) -> Batch:
        """Draw the faces and frames of a training step; those of a cache are drawn once and kept."""
        config = self.config
        number = batch_idx % config.cache if config.cache else batch_idx
        if number in self.cache:
            return self.cache[number]
        indices = range(number * config.batch_size, (number + 1) * config.batch_size)
        frames = self.sample_frames(indices)
        views = Views(frames.shape[1], config.max_yaw, config.max_pitch, config.jitter)
        faces = sample_faces(self.avatar, indices, config.psi, "training", config.seed, views)
        with torch.no_grad():
            vertices = self.vertices(faces, frames)
            before = self.images(self.avatar.texture(faces.codes.w_plus), vertices, faces)
            batch = Batch(faces, frames, vertices, self.directional_loss.encode(before))
        if config.cache:
            self.cache[number] = batch
        return batch

    def sample_frames(self, indices: Sequence[int]) -> Tensor:
        """Numbers of frames for each face, [B, F]: all of them, or F in order, the important ones more often.

        A frame is drawn with a probability in proportion to its importance, one from each F-th part of their sum, so
        that the mean loss of what was drawn is the mean over all frames weighted by importance. What is not to be
        edited costs no time, and nothing asks for a strong edit of a weak expression.
        """
        config = self.config
        if config.frames is None:
            return torch.arange(len(self.motion)).expand(len(indices), -1).to(self.device)
        chance = self.importance.double().cpu().cumsum(0)
        places = [random_of("frames", config.seed, index).random(config.frames) for index in indices]
        places = (torch.arange(config.frames) + torch.from_numpy(np.stack(places))) / config.frames * chance[-1]
        return torch.searchsorted(chance, places).clamp(max=len(chance) - 1).to(self.device)

    def vertices(self, faces: Faces, frames: Tensor) -> Tensor:
        """Of each face in its frames [B, F], [B·F, V, 3]."""
        motions = [self.motion.rows(numbers.cpu()).to(self.device) for numbers in frames]
        pairs = ((faces.codes.rows(slice(i, i + 1)), motion) for i, motion in enumerate(motions))
        return torch.cat([moved_vertices(self.avatar, codes, motion) for codes, motion in pairs])

    def images(self, texture: Tensor, vertices: Tensor, faces: Faces) -> Tensor:
        """Draw frames [N, V, 3] in textures [N or faces, 3, R, R]: [N, 3, size, size] in 0..1."""
        if len(texture) < len(vertices):
            texture = texture.repeat_interleave(len(vertices) // len(texture), 0)
        return self.avatar.render(texture, vertices, faces.camera, self.config.image_size, faces.background)

    def codes(self, faces: Faces, frames: Tensor) -> Tensor:
        """Edited texture codes of each face's frames [B, F], [B·F, L, dim]. Gradient: to the mapper."""
        w_plus = faces.codes.w_plus.repeat_interleave(frames.shape[1], 0)
        numbers = frames.flatten()
        return self.mapper(w_plus, self.expression[numbers], self.pose[numbers], self.importance[numbers])

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The parts of a step's loss. Gradient: to the mapper."""
        codes = self.codes(batch.faces, batch.frames)
        after = self.images(self.avatar.texture(codes), batch.vertices, batch.faces)
        loss = 1 - self.directional_loss.agreement(after, batch.features)
        if self.config.frames is None:  # drawn frames are weighted by how often they come
            weight = self.importance[batch.frames.flatten()]
            loss = loss * weight / weight.mean()
        parts = {"direction": loss.mean()}
        if self.config.smoothness:
            parts["roughness"] = self.roughness(batch, codes)
        return parts

    def roughness(self, batch: Batch, codes: Tensor) -> Tensor:
        """Mean square of how far the frames' codes are from the mean of their neighbours', over the variance of w."""
        last = len(self.motion) - 1
        before, after = (self.codes(batch.faces, (batch.frames + step).clamp(0, last)) for step in (-1, 1))
        uneven = (before + after) / 2 - codes
        return uneven.square().mean() / batch.faces.codes.w_plus.var()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on frames that `batch_idx` alone decides, so that a resumed run goes on as if never stopped."""
        parts = self.loss(self.sample_batch(batch_idx))
        loss = parts["direction"] + self.config.smoothness * parts.get("roughness", 0.0)
        count = self.config.batch_size
        self.log("loss", loss, prog_bar=True, batch_size=count)
        self.log_dict(parts, batch_size=count)
        return loss

    def configure_optimizers(self) -> Any:
        """Adam."""
        parameters = self.mapper.parameters()
        optimizer = torch.optim.Adam(parameters, self.config.learning_rate, fused=self.device.type == "cuda")
        return self.schedule.configure(optimizer)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained part only; the frozen parts are rebuilt from their files."""
        checkpoint["state_dict"] = {f"mapper.{key}": value for key, value in self.mapper.state_dict().items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another mapper."""
        wanted = [f"mapper.{key}" for key in self.mapper.state_dict()]
        weights.check_keys(wanted, checkpoint["state_dict"], "checkpoint")


def start_mapper(config: VideoMapperConfig, avatar: Avatar) -> VideoMapper:
    """Create the mapper that a run trains.

    Raises:
        FileNotFoundError, ValueError: if `start` names no file, one of another mapper, or no look.
    """
    generator = avatar.generator
    start = known_start(config.init_from, None if config.generator else config.prompt.name)
    if start != "zero" and not is_look(start):
        begun, _ = read_video_mapper(start, generator.levels)
        mapper = VideoMapper(**{**begun.config, "smoothing": config.importance_smoothing})
        mapper.load_state_dict(begun.state_dict())
        return mapper
    sizes = generator.levels, generator.config["w_dim"], avatar.head.n_expression, config.layers
    mapper = VideoMapper(*sizes, config.importance_smoothing)
    if is_look(start):
        mapper.texture.start_at(look_offset(start, generator.levels))
    return mapper
