"""Teach a face encoder words that captions lack, about six minutes on a CPU core, most of them to encode the texts: the steps of the training."""

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from clipface import assets, weights
from clipface.guidance import Encoder, load_encoder
from clipface.guidance.encoder import SHIPPED, face_encoder_file
from clipface.guidance.sentences import Projection, load_sentence_encoder, projection_file, save_projection
from clipface.settings import SOURCE_PHRASE
from clipface.synthetic.words.trained_phrases import Phrase, read_phrases, trained_phrases
from trainer.common.callbacks import StopOnNaN
from trainer.common.checkpoint import Checkpoint, SaveConfig
from trainer.common.run import fit, make_logger
from trainer.sentence_projection.config import SentenceProjectionConfig
from trainer.sentence_projection.data import (
    VALUES,
    Targets,
    caption_targets,
    encode_sentences,
    phrase_targets,
    value_changes,
)


class SentenceProjectionModule(pl.LightningModule):
    """A projection in training, and the texts that it learns from."""

    def __init__(
        self,
        config: SentenceProjectionConfig,
        captions: Targets,
        phrases: Targets,
        prototypes: Tensor,
        source: Tensor,
        width: int,
    ) -> None:
        """Put the parts together.

        Args:
            config: the run's.
            captions: see `caption_targets`.
            phrases: see `phrase_targets`.
            prototypes: [values, D] of `phrase_targets`.
            source: [D], the face encoder's feature of what an edit starts from.
            width: of the sentence features.
        """
        super().__init__()
        self.config, self.captions, self.phrases = config, captions, phrases
        self.projection = Projection(width, config.hidden, prototypes.shape[1], config.dropout)
        centre = (captions.sentences.mean(0) + phrases.sentences.mean(0)) / 2
        self.projection.centre.copy_(centre)
        self.register_buffer("prototypes", prototypes, persistent=False)
        self.register_buffer("source", source, persistent=False)
        self.register_buffer("changes", value_changes(prototypes), persistent=False)
        names = [attribute for attribute, _ in VALUES]
        rivals = torch.tensor([[mine == other for other in names] for mine in names])
        self.register_buffer("rivals", rivals, persistent=False)  # [values, values]: values of the same attribute
        # A value with many phrases is drawn more often than one with few, but not in proportion.
        self.shares = 1 / torch.bincount(phrases.values, minlength=len(VALUES))[phrases.values].sqrt()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on texts drawn at random; `batch_idx` alone decides on which."""
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + batch_idx)
        count = max(1, self.config.batch_size // 3)
        told = torch.randint(len(self.captions.values), (count,), generator=generator)
        drawn = torch.multinomial(self.shares, self.config.batch_size - count, True, generator=generator)
        parts = zip(self.captions, self.phrases, strict=True)
        texts = Targets(*(torch.cat([a[told], b[drawn]]).to(self.device) for a, b in parts))
        loss = self.loss(texts)
        if self._trainer is not None:
            self.log("loss", loss, prog_bar=True)
        return loss

    def loss(self, texts: Targets) -> Tensor:
        """Distance to the targets, and how little a phrase tells the right value from the attribute's others."""
        found = self.projection(texts.sentences, self.config.noise if self.training else 0.0)
        distance = 1 - (found * texts.targets).sum(-1)
        one = texts.values >= 0
        values = texts.values[one]
        changes = functional.normalize(found[one] - self.source, dim=-1)
        # Captions and phrases weigh alike, however many of each were drawn.
        return (
            distance[~one].mean()
            + distance[one].mean()
            + self.config.contrast_weight * self._contrast(self.config.scale * found[one] @ self.prototypes.T, values)
            + self.config.change_weight * self._contrast(self.config.change_scale * changes @ self.changes.T, values)
        )

    def _contrast(self, logits: Tensor, values: Tensor) -> Tensor:
        """Cross entropy of logits [N, values] among the values of the same attribute as the right ones, [N]."""
        return functional.cross_entropy(logits.masked_fill(~self.rivals[values], -torch.inf), values)

    def on_train_batch_start(self, batch: int, batch_idx: int) -> None:
        """Set the learning rate: a warm-up, then half a cosine down to zero."""
        done = (batch_idx + 1) / self.config.trainer.steps
        rate = self.config.learning_rate * min(1.0, done / self.config.warm_up)
        for group in self.optimizers().param_groups:
            group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(
            self.projection.parameters(), self.config.learning_rate, weight_decay=self.config.weight_decay
        )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another projection."""
        weights.check_keys(self.state_dict(), checkpoint["state_dict"], "checkpoint")


def load_face_encoder(config: SentenceProjectionConfig) -> Encoder:
    """Load the frozen face encoder, without any reader.

    Raises:
        ValueError: if the guidance is no face encoder that reads words.
    """
    if config.guidance.model not in SHIPPED or config.guidance.text != "words":
        raise ValueError(
            f"guidance: one of {', '.join(SHIPPED)} with text=words is wanted, {config.guidance.model} with "
            f"text={config.guidance.text} was given"
        )
    return load_encoder(config.guidance)


def build(config: SentenceProjectionConfig, phrases: list[Phrase] | None = None) -> SentenceProjectionModule:
    """Read the encoders and encode all texts; nothing is written.

    Args:
        config: the run's.
        phrases: not trained by captions, to be trained here; None: data/synonyms.csv.
    """
    face = load_face_encoder(config)
    folder = Path(config.sentence_encoder) if config.sentence_encoder else None
    encoder, tokenizer = load_sentence_encoder(folder)
    if phrases is None:
        phrases = read_phrases(assets.resolve("synonyms"))

    def sentences(texts: list[str]) -> Tensor:
        return encode_sentences(encoder, tokenizer, texts)

    captions = caption_targets(face, sentences, phrases, config.captions, config.seed)
    told, prototypes = phrase_targets(face, sentences, [*trained_phrases(), *phrases])
    source = face.encode_text([SOURCE_PHRASE])[0].cpu()
    return SentenceProjectionModule(config, captions, told, prototypes, source, encoder.width)


def train(config: SentenceProjectionConfig, folder: Path) -> Path:
    """Train a projection and write it into `folder`; gives its file."""
    pl.seed_everything(config.seed, verbose=False)  # the first weights
    module = build(config)
    checkpoint = Checkpoint(folder, every=0)
    fit(
        module,
        range(config.trainer.steps),
        config=config.trainer,
        folder=folder,
        seed=config.seed,
        logger=make_logger(config.logger, folder),
        callbacks=[SaveConfig(config, folder), StopOnNaN(), checkpoint],
    )
    checkpoint.path.unlink(missing_ok=True)  # it served to resume an unfinished run
    encoder = face_encoder_file(config.guidance)
    path = save_projection(folder / projection_file(encoder).name, module.projection, encoder)
    print(f"projection: {path}\nput it and its .json beside {encoder}")
    return path

