"""Train a text-guided editor of faces: the steps of the training."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.edit.avatar import Avatar, Faces
from clipface.edit.losses import lip_penetration, mahalanobis
from clipface.edit.mapper import Codes
from clipface.edit.sampling import sample_faces
from clipface.guidance import DirectionalLoss, Encoder, EncoderMean
from trainer.common.mapper_training import MapperTraining
from trainer.common.schedule import RateSchedule
from trainer.mapper.config import MapperConfig
from trainer.mapper.data import TrainingFaces
from trainer.mapper.initial import initial_mapper, learning_groups

CENTIMETRES = 100  # in a metre


class Edited(NamedTuple):
    """Faces after the edit."""

    codes: Codes
    texture: Tensor  # [B, 3, R, R] in 0..1
    vertices: Tensor  # [B, V, 3] metres
    images: Tensor  # [B·views, 3, size, size] in 0..1


class Evaluation(NamedTuple):
    """Validation faces before and after the edit."""

    faces: Faces
    edited: Codes
    textures: tuple[Tensor, Tensor]  # before and after, [B, 3, R, R] in 0..1
    agreement: float  # cosine of the image's change with the words' change
    similarity: tuple[float, float]  # cosine of image and target words, before and after


class MapperModule(MapperTraining):
    """Mappers in training, and the frozen parts around them."""

    def __init__(self, config: MapperConfig, avatar: Avatar, encoders: Sequence[Encoder]) -> None:
        """Create mappers that change nothing yet, and encode the words.

        Args:
            config: of the run.
            avatar: codes to images.
            encoders: frozen; their losses are averaged.
        """
        mapper = initial_mapper(config.model, avatar, None if config.generator else config.prompt.name)
        run, decay = config.trainer, config.learning_rate.decay
        schedule = RateSchedule(config.plateau, run.steps, run.minutes, decay, every=run.log_every)
        super().__init__(config, avatar, mapper, learning_groups(mapper, config.learning_rate), schedule)
        self.directional_loss = EncoderMean(
            [DirectionalLoss(encoder, floor=config.min_feature_change, **config.prompt.words) for encoder in encoders]
        )
        self.data = TrainingFaces(config, avatar, self.directional_loss)
        self.evaluation: Evaluation | None = None
        if config.compile:
            for encoder in encoders:  # the generator has kernels of its own
                encoder.model.visual.compile(dynamic=False)  # a run has one batch size

    def edit(self, faces: Faces, texture: Tensor) -> Edited:
        """Edit faces and render them; training and validation both do it here.

        Args:
            faces: before the edit.
            texture: theirs, [B, 3, R, R] in 0..1.

        Returns:
            The faces after the edit. Gradient: to the mapper.
        """
        codes = self.mapper(faces.codes)
        if self.mapper.texture is not None:
            texture = self.avatar.blend(texture, self.avatar.texture(codes.w_plus), self.mapper.region)
        vertices = self.avatar.head(codes.shape, codes.expression)
        images = self.avatar.render(texture, vertices, faces.camera, self.config.image_size, faces.background)
        return Edited(codes, texture, vertices, images)

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on the faces of step `batch_idx`."""
        config, head = self.config, self.avatar.head
        faces, texture, features = self.data[batch_idx]
        edited = self.edit(faces, texture)
        direction = self.directional_loss(edited.images, features)
        prior = mahalanobis(edited.codes.expression, head.expression_precision)
        loss = direction + config.expression_prior_weight * prior
        if config.lip_penetration_weight and self.mapper.expression is not None and head.has_landmarks:
            penetration = CENTIMETRES * lip_penetration(head.landmarks(edited.vertices))
            loss = loss + config.lip_penetration_weight * penetration
        if self.mapper.identity is not None:
            moved = (edited.codes.shape - faces.codes.shape).square().sum(-1).mean()
            loss = loss + config.identity_prior_weight * moved
            self.log("identity_prior", moved, batch_size=config.batch_size)
        self.log("loss", loss, prog_bar=True, batch_size=config.batch_size)
        self.log_dict({"direction": direction, "expression_prior": prior}, batch_size=config.batch_size)
        return loss

    @torch.no_grad()
    def validation_step(self, batch: int, batch_idx: int) -> None:
        """Measure the edit on the validation faces, seen from the front."""
        self.evaluation = self.evaluate()
        before, after = self.evaluation.similarity
        self.log_dict(
            {"validation/agreement": self.evaluation.agreement, "validation/before": before, "validation/after": after},
            batch_size=self.config.validation,
        )

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """Edit the validation faces and measure how far they moved towards the words."""
        config, loss = self.config, self.directional_loss
        faces = sample_faces(self.avatar, range(config.validation), config.psi, "validation")
        texture = self.avatar.texture(faces.codes.w_plus)
        before = loss.encode(self.avatar.views(texture, faces.codes, faces.camera, config.image_size))
        edited = self.edit(faces, texture)
        after = loss.encode(edited.images)
        agreement = loss.agreement(after, before, floor=1e-3).mean().item()
        similarity = tuple(loss.similarity(features).mean().item() for features in (before, after))
        return Evaluation(faces, edited.codes, (texture, edited.texture), agreement, similarity)
