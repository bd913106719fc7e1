"""Callbacks that every trainer can use."""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, TQDMProgressBar


class ProgressBar(TQDMProgressBar):
    """Lightning's bar, which shows the number of steps in a resumed run too."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self.train_progress_bar.reset(trainer.num_training_batches)


class StopOnNaN(Callback):
    """End the run with a clear message when the loss is not finite."""

    def __init__(self, every: int = 1) -> None:
        """Args: every: batches between two checks; each makes the host wait for the device."""
        self.every, self._losses = every, []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if loss is not None:
            self._losses.append((batch_idx, loss.detach()))
        if (batch_idx + 1) % self.every == 0:
            self._check()

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict) -> None:
        self._check()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._check()

    def _check(self) -> None:
        pending, self._losses = self._losses, []
        if not pending:
            return
        for (batch, _), loss in zip(pending, torch.stack([loss for _, loss in pending]).tolist(), strict=True):
            if not math.isfinite(loss):
                raise ValueError(
                    f"loss: expected a finite number, got {loss} by batch {batch}; "
                    "lower the learning rates or use precision 32-true"
                )
