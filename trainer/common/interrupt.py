"""Ctrl-C and SIGTERM: the first ends training after the batch in hand, so that it can be resumed exactly."""

import signal
import threading
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from trainer.common import distributed


class Interrupt(Callback):
    """Handles signals while it is entered as a context, and stops training as a callback.

    Before training starts, a signal ends the process at once. From then on the first one ends training after the batch
    in hand (results are still written) and the second one ends the process.

    Attributes:
        received: number of the signal; 0 while there is none. Any process's counts for all.
        stopped: whether training was cut short by it.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, every: int) -> None:
        """Args: every: batches between two times that several processes ask each other for signals."""
        self.every, self.received, self.stopped = every, 0, False
        self.batches = 0  # trained on, those before a resume included
        self._begun = False
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
        if not self._begun or self.received:
            raise SystemExit(128 + number)
        self.received = number
        print("\nstopping after this batch; again to stop at once", flush=True)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begun = True
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
