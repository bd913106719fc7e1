"""Random numbers that a resumed run goes on with."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback


class RandomState(Callback):
    """Keep the state of PyTorch's random numbers in checkpoints, and set it when a run is resumed."""

    def __init__(self) -> None:
        """Start with nothing to set."""
        self._pending: dict[str, torch.Tensor] = {}

    def state_dict(self) -> dict[str, torch.Tensor]:
        """State of the CPU and of the current GPU, if one is in use."""
        state = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            state["cuda"] = torch.cuda.get_rng_state()
        return state

    def load_state_dict(self, state_dict: dict[str, torch.Tensor]) -> None:
        """Keep a checkpoint's state until the first batch."""
        self._pending = {name: state.cpu() for name, state in state_dict.items()}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the state: not before, since starting up draws numbers too."""
        if "cpu" in self._pending:
            torch.set_rng_state(self._pending["cpu"])
        if "cuda" in self._pending and torch.cuda.is_available():
            torch.cuda.set_rng_state(self._pending["cuda"])
        self._pending = {}
