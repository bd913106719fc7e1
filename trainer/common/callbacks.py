"""Callbacks of every trainer: progress, checkpoints, random state, Ctrl-C and SIGTERM, and a stop at NaN."""

import math
import os
import signal
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import Callback, TQDMProgressBar

from clipface.files import partial_path
from clipface.settings import literal
from trainer.common import distributed
from trainer.common.config import CONFIG_FILE

CHECKPOINT_FILE = "last.ckpt"


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
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs  # none of manual optimization
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


class SaveConfig(Callback):
    """Write the resolved configuration once training starts: a start that fails leaves nothing behind."""

    def __init__(self, config: Any, folder: Path) -> None:
        """Args: config: the run's dataclass; folder: the run's."""
        self.config, self.folder = config, Path(folder)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / CONFIG_FILE).write_text(OmegaConf.to_yaml(literal(asdict(self.config))), encoding="utf-8")


class Checkpoint(Callback):
    """Write `last.ckpt` every few batches and when training stops; the file is never incomplete."""

    def __init__(self, folder: Path, every: int, at_end: bool = True) -> None:
        """Create the callback.

        Args:
            folder: of `last.ckpt`.
            every: batches (not optimizer steps) between two writes; 0: only when training stops.
            at_end: whether a run that took all its steps is written too.
        """
        self.path = Path(folder) / CHECKPOINT_FILE
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
        partial = partial_path(self.path)
        trainer.save_checkpoint(partial)  # every process takes part, the first one writes
        if trainer.is_global_zero:
            os.replace(partial, self.path)


class RandomState(Callback):
    """Keep the state of PyTorch's random numbers in checkpoints, and set it when a run is resumed.

    Every process has its own, so a run is resumed with as many processes as it had.
    """

    def __init__(self) -> None:
        """Start with nothing to set."""
        self._pending: dict[str, torch.Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        """State of the CPU and of the GPU, if one is in use, of each process."""
        state = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            state["cuda"] = torch.cuda.get_rng_state()
        return {"processes": distributed.gather(state)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep this process's state until the first batch.

        Raises:
            ValueError: if the run had another number of processes: its data and random numbers were divided among them.
        """
        states = state_dict["processes"]
        if len(states) != distributed.count():
            raise ValueError(
                f"trainer.resume: expected {len(states)} processes, as the run had, got {distributed.count()}; set "
                f"trainer.devices and trainer.num_nodes so, or begin a new run from its weights (init_from)"
            )
        self._pending = {name: state.cpu() for name, state in states[distributed.global_rank()].items()}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the state: not before, since starting up uses random numbers too."""
        if "cpu" in self._pending:
            torch.set_rng_state(self._pending["cpu"])
        if "cuda" in self._pending and torch.cuda.is_available():
            torch.cuda.set_rng_state(self._pending["cuda"])
        self._pending = {}


class Interrupt(Callback):
    """Handles signals while it is entered as a context, and stops training as a callback.

    Before training starts, a signal ends the process at once. From then on the first one ends training after the batch
    in hand (results are still written) and the second one ends the process.

    Attributes:
        received: number of the signal; 0 while there is none. Any process's counts for all.
        stopped: whether training was cut short by it.
        begun: whether training has started.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, every: int) -> None:
        """Args: every: batches between two times that several processes ask each other for signals."""
        self.every, self.received, self.stopped = every, 0, False
        self.batches = 0  # trained on, those before a resume included
        self.begun = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        """Take over the signals' handlers; in any thread but the main one nothing is handled."""
        if threading.current_thread() is threading.main_thread() and not self._before:
            self._before = {number: signal.getsignal(number) for number in self.SIGNALS}
            self._handle()
        return self

    def __exit__(self, *error: object) -> None:
        """Give the handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _handle(self) -> None:
        for number in self._before:
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if not self.begun or self.received:
            raise SystemExit(128 + number)
        self.received = number
        with suppress(OSError):  # of a terminal that is gone
            # Not by print, which raises an error if the signal comes while the progress bar is being written.
            os.write(2, b"\nstopping after this batch; again to stop at once\n")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.begun = True
        self._handle()  # Lightning's handler of SIGTERM broadcasts, which hangs between two collectives

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # A module that counts its batches itself has no count in Lightning's checkpoint.
        self.batches = getattr(pl_module, "batches", batch_idx + 1)
        # Processes must stop at the same batch, or the others wait for ever.
        if trainer.world_size > 1:
            if self.batches % self.every:
                return
            self.received = distributed.largest(self.received, pl_module.device)
        # The last batch of a run that is over anyway cuts nothing short.
        if self.received and not trainer.should_stop and self.batches < trainer.num_training_batches:
            self.stopped = trainer.should_stop = True


def usual_callbacks(config: Any, folder: Path) -> list[Callback]:
    """What every run needs besides its checkpoints and the handling of signals."""
    return [SaveConfig(config, folder), StopOnNaN(config.trainer.log_every), RandomState()]
