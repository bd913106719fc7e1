"""Callbacks that every trainer can use."""

import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import Callback


class SaveConfig(Callback):
    """Write the resolved configuration once training starts: a start that fails leaves nothing behind."""

    def __init__(self, config: Any, folder: Path) -> None:
        """Args: config: the run's dataclass; folder: the run's."""
        self.config, self.folder = config, Path(folder)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.structured(self.config), resolve=True))


class Checkpoint(Callback):
    """Write `last.ckpt` every `every` batches, at the end, and when training is interrupted; never half a file."""

    def __init__(self, folder: Path, every: int) -> None:
        """Args: folder: of `last.ckpt`; every: batches (not optimiser steps) between two writes, 0: only at the end."""
        self.path = Path(folder) / "last.ckpt"
        self.every = every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.every and (batch_idx + 1) % self.every == 0:
            self.write(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.write(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        # After an error the weights may be broken (a NaN, say): only an interruption by the user is worth keeping.
        if isinstance(exception, KeyboardInterrupt):
            self.write(trainer)

    def write(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint under another name, then rename it."""
        partial = self.path.with_name(self.path.name + ".partial")
        trainer.save_checkpoint(partial)
        os.replace(partial, self.path)


class StopOnNaN(Callback):
    """End the run with a clear message when the loss is no number."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if loss is not None and not torch.isfinite(loss).all():
            raise ValueError(
                f"loss: a finite number is wanted, {loss.item()} was given by batch {batch_idx}; "
                "lower the learning rates or use precision 32-true"
            )
