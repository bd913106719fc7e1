"""Callbacks that every trainer can use."""

import math
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import Callback

from trainer.common import distributed


class SaveConfig(Callback):
    """Write the resolved configuration once training starts: a start that fails leaves nothing behind."""

    def __init__(self, config: Any, folder: Path) -> None:
        """Args: config: the run's dataclass; folder: the run's."""
        self.config, self.folder = config, Path(folder)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.structured(self.config), resolve=True))


class Checkpoint(Callback):
    """Write `last.ckpt` every `every` batches and at the end (see StopGently); never half a file."""

    def __init__(self, folder: Path, every: int) -> None:
        """Args: folder: of `last.ckpt`; every: batches (not optimiser steps) between two writes, 0: only at the end."""
        self.path = Path(folder) / "last.ckpt"
        self.every = every
        self._fresh = False  # whether the file holds the last batch

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # A run that is told to stop is written here: at its end, Lightning would take it for one that was complete.
        self._fresh = trainer.should_stop or (self.every > 0 and (batch_idx + 1) % self.every == 0)
        if self._fresh:
            self.write(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self._fresh:
            self.write(trainer)

    def write(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint under another name, then rename it."""
        partial = self.path.with_name(self.path.name + ".partial")
        trainer.save_checkpoint(partial)  # every process takes part, the first one writes
        if trainer.is_global_zero:
            os.replace(partial, self.path)


class StopGently(Callback):
    """Let Ctrl-C and a polite kill end training after the batch in hand; a second one ends it at once.

    A checkpoint that is written in the middle of a batch could not be resumed exactly.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, every: int) -> None:
        """Args: every: batches between two times that several processes ask each other whether one was told to stop."""
        self.every, self.told, self._before = every, False, {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.told = False
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            self._before = {number: signal.signal(number, self._tell) for number in self.SIGNALS}

    def _tell(self, number: int, frame: Any) -> None:
        if self.told:
            raise KeyboardInterrupt
        self.told = True
        print("\nstopping after this batch; again to stop at once", flush=True)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # Processes must stop at the same batch, or the others wait for ever.
        if trainer.world_size == 1 or (batch_idx + 1) % self.every == 0:
            trainer.should_stop |= distributed.any_of(self.told, pl_module.device)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


class StopOnNaN(Callback):
    """End the run with a clear message when the loss is no number."""

    def __init__(self, every: int = 1) -> None:
        """Args: every: batches between two looks; the host then waits for the device, so on a GPU not after each."""
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
