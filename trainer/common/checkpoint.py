"""What a run keeps to be resumed from: its configuration and `last.ckpt`."""

import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import Callback

FILE = "last.ckpt"
CONFIG_FILE = "config.yaml"


class SaveConfig(Callback):
    """Write the resolved configuration once training starts: a start that fails leaves nothing behind."""

    def __init__(self, config: Any, folder: Path) -> None:
        """Args: config: the run's dataclass; folder: the run's."""
        self.config, self.folder = config, Path(folder)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / CONFIG_FILE).write_text(OmegaConf.to_yaml(OmegaConf.structured(self.config), resolve=True))


class Checkpoint(Callback):
    """Write `last.ckpt` every few batches and when training stops; the file is never incomplete."""

    def __init__(self, folder: Path, every: int, at_end: bool = True) -> None:
        """Create the callback.

        Args:
            folder: of `last.ckpt`.
            every: batches (not optimizer steps) between two writes; 0: only when training stops.
            at_end: whether a run that took all its steps is written too.
        """
        self.path = Path(folder) / FILE
        self.every, self.at_end = every, at_end
        self._current = False  # whether the file holds the last batch

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # An interrupted run is written here: at its end, Lightning would take it for a complete one.
        self._current = trainer.should_stop or (self.every > 0 and (batch_idx + 1) % self.every == 0)
        if self._current:
            self.write(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.at_end and not self._current:
            self.write(trainer)

    def write(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint under another name, then rename it."""
        partial = self.path.with_name(self.path.name + ".partial")
        trainer.save_checkpoint(partial)  # every process takes part, the first one writes
        if trainer.is_global_zero:
            os.replace(partial, self.path)
