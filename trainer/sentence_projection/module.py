"""A projection of sentence features in training.

Source: CLIP (arXiv 2103.00020), section 2.3, for the contrastive loss.
"""

import math

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from clipface.guidance.sentences import Projection
from clipface.settings import SEED_STRIDE
from trainer.sentence_projection.config import SentenceProjectionConfig
from trainer.sentence_projection.data import VALUES, Targets, value_changes


class SentenceProjectionModule(pl.LightningModule):
    """A projection in training, and the texts that it is trained on."""

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
        # A value with many phrases is sampled more often than one with few, but not in proportion.
        self.shares = 1 / torch.bincount(phrases.values, minlength=len(VALUES))[phrases.values].sqrt()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on random texts; `batch_idx` alone decides on which."""
        generator = torch.Generator().manual_seed(self.config.seed * SEED_STRIDE + batch_idx)
        count = max(1, self.config.batch_size // 3)
        captions = torch.randint(len(self.captions.values), (count,), generator=generator)
        phrases = torch.multinomial(self.shares, self.config.batch_size - count, True, generator=generator)
        parts = zip(self.captions, self.phrases, strict=True)
        texts = Targets(*(torch.cat([a[captions], b[phrases]]).to(self.device) for a, b in parts))
        loss = self.loss(texts)
        self.log("loss", loss, prog_bar=True)
        return loss

    def loss(self, texts: Targets) -> Tensor:
        """Distance to the targets, plus cross entropy of each phrase's value among those of its attribute."""
        found = self.projection(texts.sentences, self.config.noise if self.training else 0.0)
        distance = 1 - (found * texts.targets).sum(-1)
        phrase = texts.values >= 0
        values = texts.values[phrase]
        changes = functional.normalize(found[phrase] - self.source, dim=-1)
        by_meaning = self._contrast(self.config.scale * found[phrase] @ self.prototypes.T, values)
        by_change = self._contrast(self.config.change_scale * changes @ self.changes.T, values)
        # Captions and phrases weigh alike, however many of each were sampled.
        return (
            distance[~phrase].mean()
            + distance[phrase].mean()
            + self.config.contrast_weight * by_meaning
            + self.config.change_weight * by_change
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
