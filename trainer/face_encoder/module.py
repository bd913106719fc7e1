"""A face encoder in training: the steps, the learning rate and the scores."""

import math
import time
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from clipface import weights
from clipface.guidance.contrastive import Agreement, contrastive_loss, direction_loss
from clipface.guidance.degrade import degrade
from clipface.guidance.encoder import Encoder
from clipface.guidance.tokenizer import UNKNOWN
from clipface.settings import SEED_STRIDE
from trainer.face_encoder.config import FaceEncoderConfig
from trainer.face_encoder.data import CaptionedImages, EncoderFaces, ImageCache
from trainer.face_encoder.phrases import contradicting
from trainer.face_encoder.scores import painted_scores, photograph_scores, phrase_scores

VALIDATION = 10**9  # number of the first validation chunk, far from those of training
COUNTED_FACES = 50_000  # from whose captions the agreement of words and attributes is counted
LARGEST_SCALE = 100.0  # of the cosines, as in CLIP


class FaceEncoderModule(pl.LightningModule):
    """An encoder in training, and the painter that feeds it."""

    def __init__(self, config: FaceEncoderConfig, faces: EncoderFaces, encoder: Encoder) -> None:
        """Put the parts together; nothing is painted before training starts."""
        super().__init__()
        self.config, self.encoder, self.faces = config, encoder, faces
        self.agreement: Agreement | None = None
        self.apart: Tensor | None = None  # which phrases deny which (see `Phrases`)
        self.cache: ImageCache | None = None
        self.validation: CaptionedImages | None = None
        self.final_scores: dict[str, float] = {}
        self.started = self.deadline = 0.0

    def on_fit_start(self) -> None:
        """Count the captions' words and paint the validation faces."""
        painting, used = self.config.painting, self.config.batch_size * self.config.trainer.steps
        counted = min(COUNTED_FACES, painting.images, used)
        self.agreement = self.faces.count_agreement(counted, self.device)
        self.apart = self.faces.phrases.apart.to(self.device)
        chunk = min(painting.chunk, used)
        chunks = max(1, min(painting.images, used) // chunk)
        make = self.faces.chunk
        self.cache = ImageCache(lambda n: make(n, chunk, self.agreement), chunks, painting.renew_every)
        numbers = range(VALIDATION, VALIDATION + max(1, min(painting.validation, used) // chunk))
        parts = [make(number, chunk, self.agreement, painted_only=True) for number in numbers]
        self.validation = CaptionedImages(*map(torch.cat, zip(*parts, strict=True)))
        if self.device.type == "cuda":  # convolutions in half precision are faster so
            self.encoder.model.to(memory_format=torch.channels_last)

    def on_train_start(self) -> None:
        """Fill the cache; the time this takes is lost for training, and the learning rate has to know it."""
        self.deadline = time.monotonic() + 60 * (self.config.trainer.minutes or 0)
        self.cache.advance(self.global_step)
        self.started = time.monotonic()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on images of the cache; `batch_idx` alone decides on which, and how they are degraded."""
        self.cache.advance(batch_idx)
        generator = torch.Generator(self.device).manual_seed(self.config.seed * SEED_STRIDE + batch_idx)
        faces = self.cache.sample(self.config.batch_size, generator)
        tokens = faces.tokens.long()
        words = (tokens > UNKNOWN) & (tokens < self.encoder.tokenizer.end)
        dropped = torch.rand(tokens.shape, generator=generator, device=tokens.device) < self.config.word_dropout
        # Warped coordinates and cosines need more digits than half precision has; the networks alone go without.
        with torch.autocast(self.device.type, enabled=False):
            images = faces.images.float() / 255
            images = degrade(images[:, :3], images[:, 3:], generator)
            contradicts = self.agreement.contradicts(tokens, faces.values)
            contradicts |= contradicting(self.apart, faces.phrases, faces.said)
        return self.loss(images, tokens.masked_fill(words & dropped, UNKNOWN), contradicts)

    def loss(self, images: Tensor, tokens: Tensor, contradicts: Tensor) -> Tensor:
        """The loss of images [B, 3, S, S] in 0..1, their captions' tokens [B, context], and `contradicts` [B, B]."""
        image_features = self.encoder.encode_image(images)
        text_features = self.encoder.encode_tokens(tokens)
        with torch.autocast(self.device.type, enabled=False):
            scale = self.encoder.model.logit_scale.exp()
            contrast = contrastive_loss(image_features, text_features, scale, contradicts)
            direction = direction_loss(image_features, text_features)
        loss = contrast + self.config.direction_weight * direction
        self.log("loss", loss, prog_bar=True)
        self.log_dict({"contrast": contrast, "direction": direction, "rate": self._rate()})
        return loss

    def on_train_batch_start(self, batch: int, batch_idx: int) -> None:
        """Set the learning rate."""
        for group in self.optimizers().param_groups:
            group["lr"] = self._rate()

    def _rate(self) -> float:
        """Learning rate: a warm-up, then half a cosine down to zero at the end of the steps or of the minutes."""
        done = (self.global_step + 1) / self.config.trainer.steps
        if self.config.trainer.minutes:
            done = max(done, (time.monotonic() - self.started) / (self.deadline - self.started))
        warm = min(1.0, done / self.config.warm_up)
        return self.config.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """Keep the scale of the cosines in bounds: here, so that a checkpoint of this batch has it too."""
        super().optimizer_step(*arguments, **options)
        with torch.no_grad():
            self.encoder.model.logit_scale.clamp_(0, math.log(LARGEST_SCALE))

    def on_train_batch_end(self, outputs: Any, batch: int, batch_idx: int) -> None:
        """Score now and then."""
        if (batch_idx + 1) % self.config.score_every == 0:
            self.log_dict(self.score())

    def on_train_end(self) -> None:
        """Keep and log the last scores."""
        self.final_scores = self.score()
        if self.logger:
            self.logger.log_metrics(self.final_scores, self.global_step)

    def score(self) -> dict[str, float]:
        """Measure the encoder on the validation faces, and on the photographs if there are any."""
        self.encoder.eval()
        found = painted_scores(self.encoder, self.validation, self.agreement)
        if self.faces.validation_images is not None:
            found |= photograph_scores(self.encoder, self.faces.validation_images)
        if self.faces.validation_phrased is not None:
            found |= phrase_scores(self.encoder, self.faces.validation_phrased, self.faces.phrases)
        self.encoder.train()
        return found

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW that decays matrices and kernels, not biases, norms and the scale."""
        matrices = [parameter for parameter in self.parameters() if parameter.ndim > 1]
        rest = [parameter for parameter in self.parameters() if parameter.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": self.config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=self.config.learning_rate, betas=(0.9, 0.98))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another encoder."""
        weights.check_keys(self.state_dict(), checkpoint["state_dict"], "checkpoint")
