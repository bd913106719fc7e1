"""Train a text-guided editor of faces: the steps of the training."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor

from clipface import weights
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.losses import lip_penetration, mahalanobis
from clipface.edit.mapper import Codes
from clipface.edit.sampling import sample_faces
from clipface.edit.views import Views
from clipface.guidance import DirectionalLoss, Encoder, EncoderMean
from trainer.common.schedule import RateSchedule
from trainer.mapper.config import MapperConfig
from trainer.mapper.initial import learning_groups, start_mapper


class Batch(NamedTuple):
    """Faces of a training step before the edit."""

    faces: Faces
    texture: Tensor  # [B, 3, R, R] in 0..1
    features: list[Tensor]  # of their images, [B·views, D] by each encoder


class Evaluation(NamedTuple):
    """validation faces before and after the edit."""

    faces: Faces
    edited: Codes
    textures: tuple[Tensor, Tensor]  # before and after, [B, 3, R, R] in 0..1
    agreement: float  # cosine of the image's change with the words' change
    similarity: tuple[float, float]  # cosine of image and target words, before and after


class MapperModule(pl.LightningModule):
    """Mappers in training, and the frozen parts around them."""

    def __init__(self, config: MapperConfig, avatar: Avatar, encoders: Sequence[Encoder]) -> None:
        """Create mappers that change nothing yet, and encode the words.

        Args:
            config: of the run.
            avatar: codes to images.
            encoders: frozen; what they say of the images is averaged.
        """
        super().__init__()
        self.strict_loading = False  # checkpoints hold the mapper alone
        self.config, self.avatar = config, avatar
        self.mapper = start_mapper(config.model, avatar, None if config.generator else config.prompt.name)
        run = config.trainer
        losses = [DirectionalLoss(encoder, floor=config.min_feature_change, **config.prompt.words) for encoder in encoders]
        self.directional_loss = EncoderMean(losses)
        self.schedule = RateSchedule(
            config.plateau, run.steps, run.minutes, config.learning_rate.decay, every=run.log_every
        )
        self.cache: dict[int, Batch] = {}
        self.evaluation: Evaluation | None = None
        if config.compile:
            for encoder in encoders:  # the generator has kernels of its own
                encoder.model.visual.compile(dynamic=False)  # a run has one batch size

    def edit(self, faces: Faces) -> tuple[Codes, tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Edit faces and draw them before and after.

        Returns:
            The edited codes, the textures before and after, and the images before and after. Gradient: to the mapper.
        """
        texture_before, before = self.originals(faces)
        edited, texture, after = self.edited(faces, texture_before)
        return edited, (texture_before, texture), (before, after)

    @torch.no_grad()
    def originals(self, faces: Faces) -> tuple[Tensor, Tensor]:
        """The textures and the images of unedited faces."""
        texture = self.avatar.texture(faces.codes.w_plus)
        views = faces.codes, faces.camera, self.config.image_size, faces.background
        return texture, self.avatar.views(texture, *views)

    def edited(self, faces: Faces, texture: Tensor) -> tuple[Codes, Tensor, Tensor]:
        """Edit faces that have these textures; training and validation both do it here.

        Returns:
            The edited codes, their textures and their images. Gradient: to the mapper.
        """
        codes = self.mapper(faces.codes)
        if self.mapper.texture is not None:
            texture = self.avatar.blend(texture, self.avatar.texture(codes.w_plus), self.mapper.region)
        views = codes, faces.camera, self.config.image_size, faces.background
        return codes, texture, self.avatar.views(texture, *views)

    def sample_batch(self, batch_idx: int) -> Batch:
        """Draw the faces of a training step; those of a cache are drawn once and kept."""
        config = self.config
        number = batch_idx % config.cache if config.cache else batch_idx
        if number in self.cache:
            return self.cache[number]
        indices = range(number * config.batch_size, (number + 1) * config.batch_size)
        views = Views(config.views, config.max_yaw, config.max_pitch, config.jitter)
        faces = sample_faces(self.avatar, indices, config.psi, "training", config.seed, views)
        texture, before = self.originals(faces)
        with torch.no_grad():
            batch = Batch(faces, texture, self.directional_loss.encode(before))
        if config.cache:
            self.cache[number] = batch
        return batch

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on faces that `batch_idx` alone decides, so that a resumed run goes on as if never stopped."""
        config, drawn = self.config, self.sample_batch(batch_idx)
        edited, _, after = self.edited(drawn.faces, drawn.texture)
        direction = self.directional_loss(after, drawn.features)
        prior = mahalanobis(edited.expression, self.avatar.head.expression_precision)
        loss = direction + config.expression_prior_weight * prior
        if config.lip_penetration_weight and self.mapper.expression is not None and self.avatar.head.has_landmarks:
            vertices = self.avatar.head(edited.shape, edited.expression)
            loss = loss + config.lip_penetration_weight * 100 * lip_penetration(self.avatar.head.landmarks(vertices))
        if self.mapper.identity is not None:
            moved = (edited.shape - drawn.faces.codes.shape).square().sum(-1).mean()
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
        faces = sample_faces(self.avatar, range(self.config.validation), self.config.psi, "validation")
        edited, textures, (before, after) = self.edit(faces)
        features = self.directional_loss.encode(before), self.directional_loss.encode(after)
        agreement = self.directional_loss.agreement(features[1], features[0], floor=1e-3).mean().item()
        similarity = tuple(self.directional_loss.similarity(each).mean().item() for each in features)
        return Evaluation(faces, edited, textures, agreement, similarity)

    def configure_optimizers(self) -> Any:
        """Adam with one learning rate for each mapper."""
        optimizer = torch.optim.Adam(learning_groups(self.mapper, self.config), fused=self.device.type == "cuda")
        return self.schedule.configure(optimizer)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained part only; the frozen parts are rebuilt from their files."""
        checkpoint["state_dict"] = {f"mapper.{key}": value for key, value in self.mapper.state_dict().items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another mapper."""
        wanted = [f"mapper.{key}" for key in self.mapper.state_dict()]
        weights.check_keys(wanted, checkpoint["state_dict"], "checkpoint")
