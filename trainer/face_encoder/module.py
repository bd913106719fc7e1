"""Train a small encoder of faces and words on painted faces: the steps of the training."""

import math
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from clipface import weights
from clipface.guidance.contrastive import Agreement, contrastive_loss, direction_loss
from clipface.guidance.degrade import degrade
from clipface.guidance.encoder import Encoder, build_face_encoder, load_face_encoder, save_face_encoder
from clipface.guidance.tokenizer import UNKNOWN
from clipface.render.load import load_head_and_renderer
from clipface.synthetic import PaintedFaces
from clipface.synthetic.words.captions import vocabulary
from trainer.common.callbacks import StopOnNaN
from trainer.common.checkpoint import Checkpoint, SaveConfig
from trainer.common.run import fit, make_logger
from trainer.face_encoder.config import FaceEncoderConfig
from trainer.face_encoder.data import EncoderFaces
from trainer.face_encoder.image_cache import ImagePool, Painted
from trainer.face_encoder.scores import photograph_scores, scores

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
        self.cache: ImagePool | None = None
        self.validation: Painted | None = None
        self.started = self.deadline = 0.0

    def on_fit_start(self) -> None:
        """Count the captions' words and paint the validation faces."""
        painting, drawn = self.config.painting, self.config.batch_size * self.config.trainer.steps
        counted = min(COUNTED_FACES, painting.images, drawn)
        self.agreement = self.faces.count_agreement(counted, self.device)
        chunk = min(painting.chunk, drawn)
        chunks = max(1, min(painting.images, drawn) // chunk)
        make = self.faces.chunk
        self.cache = ImagePool(lambda n: make(n, chunk, self.agreement), chunks, painting.renew_every)
        numbers = range(VALIDATION, VALIDATION + max(1, min(painting.validation, drawn) // chunk))
        parts = [make(number, chunk, self.agreement, painted_only=True) for number in numbers]
        self.validation = Painted(*map(torch.cat, zip(*parts, strict=True)))
        if self.device.type == "cuda":  # convolutions in half precision are faster so
            self.encoder.model.to(memory_format=torch.channels_last)

    def on_train_start(self) -> None:
        """Fill the cache; the time this takes is lost for training, and the learning rate has to know it."""
        self.deadline = time.monotonic() + 60 * (self.config.trainer.minutes or 0)
        self.cache.advance(self.global_step)
        self.started = time.monotonic()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on pixels of the cache; `batch_idx` alone decides on which, and how they are degraded."""
        self.cache.advance(batch_idx)
        generator = torch.Generator(self.device).manual_seed(self.config.seed * 1_000_003 + batch_idx)
        drawn = self.cache.sample(self.config.batch_size, generator)
        tokens = drawn.tokens.long()
        words = (tokens > UNKNOWN) & (tokens < self.encoder.tokenizer.end)
        dropped = torch.rand(tokens.shape, generator=generator, device=tokens.device) < self.config.word_dropout
        # Warped coordinates and cosines need more digits than half precision has; the networks alone go without.
        with torch.autocast(self.device.type, enabled=False):
            pixels = drawn.pixels.float() / 255
            images = degrade(pixels[:, :3], pixels[:, 3:], generator)
            contradicts = self.agreement.contradicts(tokens, drawn.values)
        return self.loss(images, tokens.masked_fill(words & dropped, UNKNOWN), contradicts)

    def loss(self, images: Tensor, tokens: Tensor, contradicts: Tensor) -> Tensor:
        """The loss of images [B, 3, S, S] in 0..1, their captions' tokens [B, context], and `contradicts` [B, B]."""
        image_features, told = self.encoder.encode_image(images), self.encoder.encode_tokens(tokens)
        with torch.autocast(self.device.type, enabled=False):
            contrast = contrastive_loss(image_features, told, self.encoder.model.logit_scale.exp(), contradicts)
            direction = direction_loss(image_features, told)
        loss = contrast + self.config.direction_weight * direction
        if self._trainer is not None:
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

    def on_train_batch_end(self, outputs: Any, batch: int, batch_idx: int) -> None:
        """Keep the scale of the cosines in bounds; score now and then."""
        with torch.no_grad():
            self.encoder.model.logit_scale.clamp_(0, math.log(LARGEST_SCALE))
        if (batch_idx + 1) % self.config.score_every == 0:
            self.log_dict(self.score())

    def on_train_end(self) -> None:
        """Write the last scores."""
        if self.logger:
            self.logger.log_metrics(self.score(), self.global_step)

    def score(self) -> dict[str, float]:
        """Measure the encoder on the validation faces; see `trainer.encoder_scores.scores`."""
        self.encoder.eval()
        found = scores(self.encoder, self.validation, self.agreement)
        if self.faces.kept_out is not None:
            found |= photograph_scores(self.encoder, self.faces.kept_out)
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


def build(config: FaceEncoderConfig) -> FaceEncoderModule:
    """Load everything that a run needs and check it; nothing is written."""
    encoder = build_face_encoder(config.model, vocabulary())
    if config.init_from:
        begun = load_face_encoder(Path(config.init_from))
        if list(begun.tokenizer.words) != list(encoder.tokenizer.words):
            raise ValueError(
                f"init_from: an encoder of the captions' words is wanted, {config.init_from} knows others"
            )
        weights.load_into(encoder.model, begun.model.state_dict(), f"init_from {config.init_from}")
    head, renderer = load_head_and_renderer(config.head, config.renderer)
    device = "cuda" if config.trainer.accelerator == "gpu" else "cpu"
    painter = PaintedFaces(head.to(device), renderer.to(device), config.painting.texture_size, config.renderer.backend)
    faces = EncoderFaces(config.seed, config.painting, config.photographs, painter, encoder)
    return FaceEncoderModule(config, faces, encoder)


def train(config: FaceEncoderConfig, folder: Path) -> FaceEncoderModule:
    """Train an encoder and write it into `folder`."""
    pl.seed_everything(config.seed, verbose=False)  # the first weights
    module = build(config)
    checkpoint = Checkpoint(folder, every=config.checkpoint_every)
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
    path = save_face_encoder(folder / f"{config.name}.safetensors", module.encoder, config.model)
    print(f"encoder: {path}")
    return module

