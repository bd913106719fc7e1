"""Train a text-guided editor of faces: how the mapper begins, and the steps of the training."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from clipface import weights
from clipface.edit.attributes import is_look, known_start, look_offset
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.loading import read_mapper
from clipface.edit.losses import lip_penetration, mahalanobis
from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.sampling import Views, sample_faces
from clipface.edit.text_edits import text_edit
from clipface.guidance import DirectionalLoss, Encoder, EncoderMean
from clipface.head.expressions import EXPRESSION_SLOTS, expression_of
from clipface.settings import TEXT_PREFIX
from trainer.common.mapper_training import MapperTraining
from trainer.mapper.config import LearningRates, MapperConfig, ModelConfig

CENTIMETRES = 100  # in a metre
TEXT_MAPPER = "text_mapper"
STARTS = ("known", "zero", "random", TEXT_MAPPER)  # anything else is a file, or a look
LIKE = 256  # training faces on which a mapper begins as the text mapper's edit
# Of the learning rates, where training begins at the expression that a prompt names: at all of the texture's,
# skins turn yellow or green; at all of the expression's, the open mouth that anger has closes by half.
TEXTURE_SHARE, EXPRESSION_SHARE = 0.2, 0.04


class Batch(NamedTuple):
    """Faces of a training step before the edit."""

    faces: Faces
    texture: Tensor  # [B, 3, R, R] in 0..1
    features: list[Tensor]  # of their images, [B·views, D] by each encoder


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
        prompt = config.prompt
        mapper = initial_mapper(config.model, avatar, prompt.name, prompt.target, shipped=not config.generator)
        rates, recipe = config.learning_rate, {}
        if mapper.expression is not None and names_expression(config.model, prompt.name):
            texture, expression = TEXTURE_SHARE * rates.texture, EXPRESSION_SHARE * rates.expression
            rates = replace(rates, texture=texture, expression=expression)
            recipe = EXPRESSION_SLOTS[prompt.name][0]
        groups, decay = learning_groups(mapper, rates), rates.decay
        super().__init__(config, avatar, mapper, groups, decay, config.plateau, config.cache)
        # [1, E], from where the prior measures.
        self.register_buffer("named", expression_of(avatar.head, recipe), persistent=False)
        self.directional_loss = EncoderMean(
            [DirectionalLoss(encoder, floor=config.min_feature_change, **config.prompt.words) for encoder in encoders]
        )
        self.evaluation: Evaluation | None = None
        if config.compile:
            for encoder in encoders:  # the generator has kernels of its own
                encoder.model.visual.compile(dynamic=False)  # a run has one batch size

    @torch.no_grad()
    def sample(self, indices: Sequence[int]) -> Batch:
        """Sample the faces with these indices, render and encode them."""
        config = self.config
        views = Views(config.views, config.max_yaw, config.max_pitch, config.jitter)
        faces = self.training_faces(indices, views)
        texture = self.avatar.face_texture(faces.codes, config.texture_size)
        images = self.avatar.views(texture, faces.codes, faces.camera, config.image_size, faces.background)
        return Batch(faces, texture, self.directional_loss.encode(images))

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
            after = self.avatar.face_texture(codes, texture.shape[-1])
            texture = self.avatar.blend(texture, after, self.mapper.region)
        vertices = self.avatar.vertices(codes)
        images = self.avatar.render(texture, vertices, faces.camera, self.config.image_size, faces.background)
        return Edited(codes, texture, vertices, images)

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on the faces of step `batch_idx`."""
        config, head = self.config, self.avatar.head
        faces, texture, features = self.data[batch_idx]
        edited = self.edit(faces, texture)
        direction = self.directional_loss(edited.images, features)
        prior = mahalanobis(edited.codes.expression - self.named, head.expression_precision)
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
        faces = self.validation_faces()
        texture = self.avatar.face_texture(faces.codes)
        before = loss.encode(self.avatar.views(texture, faces.codes, faces.camera, config.image_size))
        edited = self.edit(faces, texture)
        after = loss.encode(edited.images)
        agreement = loss.agreement(after, before, floor=1e-3).mean().item()
        similarity = tuple(loss.similarity(features).mean().item() for features in (before, after))
        return Evaluation(faces, edited.codes, (texture, edited.texture), agreement, similarity)


def initial_mapper(
    model: ModelConfig, avatar: Avatar, prompt: str | None = None, words: str = "", shipped: bool = True
) -> FaceMapper:
    """Create the mapper that a run trains.

    Args:
        model: what may change, and where it begins.
        avatar: generator and head.
        prompt: name of the prompt: for `init_from=known`.
        words: the prompt itself: for `init_from=text_mapper`.
        shipped: whether the generator is the one that assets name, whose looks are known.

    Raises:
        ValueError: if nothing may change, the head lacks the region, or a file holds another mapper.
        FileNotFoundError: if there is no such file.
    """
    head, generator = avatar.head, avatar.generator
    expression = model.region is None if model.expression is None else model.expression
    start = known_start(model.init_from, prompt if model.texture and shipped else None)
    file = None if start in STARTS or is_look(start) else read_mapper(start, avatar)[0]
    mapper = FaceMapper(
        generator.levels, generator.config["w_dim"], head.n_expression, model.layers, model.texture, expression,
        head.n_shape if model.identity else 0, model.region, file.config["unread"] if file else 0,
    )  # fmt: skip
    if model.region is not None:
        avatar.mask(model.region)  # refused now, not after the first step
    if start == "random":
        for part in mapper.parts():
            part.start_at_random()
    elif start == TEXT_MAPPER:
        _start_like_words(mapper, avatar, words)
    elif is_look(start):
        if mapper.texture is None:
            raise ValueError(f"model.init_from: expected an edit of the texture with {start}, got texture=false")
        mapper.texture.start_at(look_offset(start, avatar))
    elif file is not None:
        _take_over(mapper, file, start)
    if names_expression(model, prompt) and mapper.expression is not None:
        mapper.expression.start_at(expression_of(head, EXPRESSION_SLOTS[prompt][0]).cpu())
    return mapper


def names_expression(model: ModelConfig, prompt: str | None) -> bool:
    """Whether a mapper begins at the expression that its prompt is named after (see `EXPRESSION_SLOTS`)."""
    return model.init_from == "known" and prompt in EXPRESSION_SLOTS


@torch.no_grad()
def _start_like_words(mapper: FaceMapper, avatar: Avatar, words: str) -> None:
    """Begin with what the text mapper makes of the words."""
    edit = text_edit(TEXT_PREFIX + words, avatar)
    codes = sample_faces(avatar, range(LIKE), 1.0, "training").codes
    offsets = edit.offsets(codes)
    after = codes.w_plus + offsets.w_plus
    if mapper.texture is not None:
        mapper.texture.to(after.device).start_like(codes.w_plus, offsets.w_plus)
    for part, wanted in ((mapper.expression, offsets.expression), (mapper.identity, offsets.shape)):
        if part is not None and wanted is not None:
            part.to(after.device).start_like(after.mean(1, keepdim=True), wanted[:, None])


def _take_over(mapper: FaceMapper, file: FaceMapper, path: str) -> None:
    """Copy the networks that both have; a file may have more, and a part that it lacks begins at zero offsets."""
    found, own = file.state_dict(), mapper.state_dict()
    names = [name for name in own if name in found]
    if not names:
        raise ValueError(f"model.init_from: expected networks that this run trains, got {path} with none of them")
    for name in names:
        if found[name].shape != own[name].shape and name.startswith("expression."):
            found[name] = _widened(found[name], own[name])
    weights.load_into(mapper, {**own, **{name: found[name] for name in names}}, f"model.init_from: {path}")


def _widened(layer: Tensor, larger: Tensor) -> Tensor:
    """Pad the last layer for fewer coefficients with zero rows: theirs are 50, a head can have more."""
    padded = torch.zeros_like(larger)
    padded[tuple(slice(size) for size in layer.shape)] = layer
    return padded


def learning_groups(mapper: FaceMapper, rates: LearningRates) -> list[dict[str, Any]]:
    """Parameters of each network with its learning rate, for an optimizer."""
    parts = (mapper.texture, rates.texture), (mapper.expression, rates.expression), (mapper.identity, rates.identity)
    return [{"params": part.parameters(), "lr": rate} for part, rate in parts if part is not None]
