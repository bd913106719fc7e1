"""The random state that a resumed run continues with."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from trainer.common import distributed


class RandomState(Callback):
    """Keep the state of PyTorch's random numbers in checkpoints, and set it when a run is resumed.

    Every process has its own. A run that is resumed with another number of processes gets new random numbers.
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
        """Keep this process's state until the first batch."""
        states = state_dict["processes"]
        if len(states) == distributed.count():
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
