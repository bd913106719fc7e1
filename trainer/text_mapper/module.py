"""A text mapper in training."""

import math
import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from clipface import assets, weights
from clipface.edit.attributes import LOOKS_FILE
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes, Offsets
from clipface.edit.sampling import Views, sample_faces
from clipface.edit.text_mapper import TextMapper
from clipface.guidance import Encoder
from clipface.guidance.directional_loss import change_agreement
from clipface.guidance.vocabulary import UnknownWords
from clipface.settings import SEED_STRIDE, SOURCE_PHRASE
from clipface.synthetic.words.trained_phrases import read_phrases
from trainer.common import distributed
from trainer.text_mapper.answers import Answers, Lesson
from trainer.text_mapper.changes import DETAILS, Change, Value, sample_change
from trainer.text_mapper.config import TextMapperConfig

VALIDATION_SEED = 1  # of the texts that are never trained on


class TextMapperModule(pl.LightningModule):
    """A text mapper in training, and the frozen parts around it."""

    def __init__(self, config: TextMapperConfig, avatar: Avatar, encoder: Encoder) -> None:
        """Make the right answers, and a network that changes nothing yet.

        Args:
            config: of the run.
            avatar: frozen.
            encoder: frozen; reads the texts, and judges images where some are rendered.
        """
        super().__init__()
        self.strict_loading = False
        self.config, self.avatar, self.encoder = config, avatar, encoder
        self.answers = Answers(avatar, Path(config.generator or assets.resolve("generator")).with_name(LOOKS_FILE))
        if not (self.answers.w_plus.any() or config.rendered):
            raise ValueError("rendered: expected 1 or more with a generator without looks, got 0")
        self.mapper = initial(config, avatar, encoder)
        self.register_buffer("source", encoder.encode_text([SOURCE_PHRASE])[0], persistent=False)
        self.synonyms = known_synonyms(encoder, config.synonyms)
        # Reading a text with the sentence encoder takes longer than the rest of a step.
        phrases = sorted({phrase for known in self.synonyms.values() for phrase in known}, key=len)
        rows = [row for part in _parts(phrases) for row in self._read(part)]
        self.read = dict(zip(phrases, rows, strict=True))
        self.register_buffer("importance", self.answers.importance[:, None], persistent=False)
        answers = self.answers
        scales = (answers.importance[:, None] * answers.w_plus).square().sum((1, 2)), answers.expression.square().sum(1)
        # Of an answer, on average; 1 where there is none.
        self.scales = [float(scale[scale > 0].mean()) if scale.any() else 1.0 for scale in scales]

    def directions(self, texts: Sequence[str]) -> Tensor:
        """Features of texts less the source phrase's [B, D]; zeros for empty ones."""
        unread = list(dict.fromkeys(text for text in texts if text and text not in self.read))
        known = {**dict(zip(unread, self._read(unread), strict=True)), "": torch.zeros_like(self.source)}
        rows = [known[text] if text in known else self.read[text].to(self.source) for text in texts]
        return torch.stack(rows)

    def _read(self, texts: Sequence[str]) -> Sequence[Tensor]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnknownWords)
            return self.encoder.encode_text(texts) - self.source if texts else ()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step; its number alone decides on texts and faces."""
        config = self.config
        share = config.batch_size // distributed.count()
        first = batch_idx * config.batch_size + distributed.global_rank() * share
        numbers = range(first, first + share)
        changes = [sample_change(random.Random(f"{config.seed} {number}"), self.synonyms) for number in numbers]
        lesson = self.answers.lesson(changes, numbers, config.seed)
        wanted, unwanted = self._said(changes)
        if config.noise:
            random_source = torch.Generator().manual_seed(config.seed * SEED_STRIDE + first)
            noise = torch.randn(2, *wanted.shape, generator=random_source).to(wanted) * config.noise
            wanted, unwanted = (said + each * (said != 0) for said, each in zip((wanted, unwanted), noise, strict=True))
        offsets = self.mapper(lesson.codes, wanted, unwanted)
        errors = self.errors(offsets, lesson)
        loss = errors[0] + config.expression_weight * errors[1] + config.identity_weight * errors[2]
        if config.rendered:
            direction = self.direction_loss(lesson.codes, offsets, wanted - unwanted, numbers)
            self.log("direction", direction, batch_size=share)
            loss = loss + config.direction_weight * direction
        names = ("texture", "expression", "identity")
        self.log("loss", loss, prog_bar=True, batch_size=share)
        self.log_dict(dict(zip(names, errors, strict=True)), batch_size=share)
        return loss

    def errors(self, offsets: Offsets, lesson: Lesson) -> tuple[Tensor, Tensor, Tensor]:
        """Mean squared errors of offsets of w+, expression and identity; those of no change are about 1."""
        right = lesson.offsets
        texture = (self.importance * (offsets.w_plus - right.w_plus)).square().sum((1, 2)).mean() / self.scales[0]
        expression = (offsets.expression - right.expression).square().sum(1).mean() / self.scales[1]
        if offsets.shape is None:
            return texture, expression, texture.new_zeros(())
        return texture, expression, (offsets.shape - right.shape).square().sum(1).mean()

    def direction_loss(self, codes: Codes, offsets: Offsets, directions: Tensor, numbers: Sequence[int]) -> Tensor:
        """1 less the cosine of the images' change with the words', over the first faces of a batch."""
        config, avatar = self.config, self.avatar
        count = max(1, config.rendered // distributed.count())
        codes, offsets = (
            codes.rows(slice(count)),
            Offsets(*(each if each is None else each[:count] for each in offsets)),
        )
        views = Views(config.views, config.max_yaw, config.max_pitch, config.jitter)
        seen = sample_faces(avatar, numbers[:count], 1.0, "training", config.seed, views, codes)
        features = []
        for face in (codes, codes.moved(offsets)):
            with torch.set_grad_enabled(face is not codes):
                texture = avatar.face_texture(face, config.texture_size)
                images = avatar.views(texture, face, seen.camera, config.image_size, seen.background)
                features.append(self.encoder.encode_image(images))
        wanted = functional.normalize(directions[:count], dim=-1).repeat_interleave(config.views, 0)
        return (1 - change_agreement(features[1], features[0], wanted, config.min_feature_change)).mean()

    @torch.no_grad()
    def validation_step(self, batch: int, batch_idx: int) -> None:
        """Errors on faces and texts that are never trained on."""
        for name, error in zip(("texture", "expression", "identity"), self.validation_errors(), strict=True):
            self.log(f"validation/{name}", error, batch_size=self.config.validation)

    @torch.no_grad()
    def validation_errors(self) -> tuple[float, float, float]:
        """The same errors, as numbers."""
        numbers = range(self.config.validation)
        changes = [sample_change(random.Random(f"validation {number}"), {}) for number in numbers]
        lesson = self.answers.lesson(changes, numbers, VALIDATION_SEED, training=False)
        return tuple(float(error) for error in self.errors(self.mapper(lesson.codes, *self._said(changes)), lesson))

    def _said(self, changes: Sequence[Change]) -> tuple[Tensor, Tensor]:
        both = self.directions([change.wanted for change in changes] + [change.unwanted for change in changes])
        return both[: len(changes)], both[len(changes) :]

    def on_train_batch_start(self, batch: int, batch_idx: int) -> None:
        """Set the learning rate: a warm-up, then half a cosine down to zero."""
        done = (batch_idx + 1) / self.config.trainer.steps
        rate = self.config.learning_rate * min(1.0, done / max(self.config.warm_up, 1e-9))
        for group in self.optimizers().param_groups:
            group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.mapper.parameters(), self.config.learning_rate, (0.9, 0.99))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained part only."""
        checkpoint["state_dict"] = {f"mapper.{key}": value for key, value in self.mapper.state_dict().items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another network."""
        expected = [f"mapper.{key}" for key in self.mapper.state_dict()]
        weights.check_keys(expected, checkpoint["state_dict"], "checkpoint")


def initial(config: TextMapperConfig, avatar: Avatar, encoder: Encoder) -> TextMapper:
    """The network that a run trains: a new one, or that of a file.

    Raises:
        FileNotFoundError, ValueError: if there is no such file, or it is of another generator or encoder.
    """
    sizes = {
        "levels": avatar.generator.levels, "dim": avatar.generator.config["w_dim"],
        "n_expression": avatar.head.n_expression, "n_shape": avatar.head.n_shape,
        "features": encoder.encode_text([SOURCE_PHRASE]).shape[1],
    }  # fmt: skip
    if config.init_from is None:
        network = config.network
        return TextMapper(**sizes, hidden=network.hidden, codes=network.codes, rank=network.rank)
    mapper, _ = TextMapper.from_weights(config.init_from)
    found = {name: mapper.config[name] for name in sizes}
    if found != sizes:
        raise ValueError(f"init_from: expected a text mapper of {sizes}, got {found} in {config.init_from}")
    return mapper


def _parts(phrases: Sequence[str], size: int = 256) -> list[Sequence[str]]:
    return [phrases[start : start + size] for start in range(0, len(phrases), size)]


def known_synonyms(encoder: Encoder, most: int) -> dict[Value, list[str]]:
    """Up to `most` phrases of data/synonyms.csv for each value, as far as an encoder can read them."""
    found: dict[Value, list[str]] = {}
    for row in read_phrases(assets.resolve("synonyms")):
        value = (row.value, True) if row.value in DETAILS else (row.attribute, row.value)
        if encoder.reader is not None or not encoder.unknown_words(row.phrase):
            found.setdefault(value, []).append(row.phrase)
    rng = random.Random(0)
    return {value: sorted(rng.sample(phrases, min(most, len(phrases)))) for value, phrases in found.items() if most}
