"""What every training of a mapper has: batches of random faces, Adam, and checkpoints of the mapper alone."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import Dataset

from clipface import weights
from clipface.edit.avatar import Avatar
from trainer.common import distributed
from trainer.common.schedule import RateSchedule

Batch = TypeVar("Batch")


class FaceBatches(Dataset, Generic[Batch]):
    """Batches of random faces, by the number of the step alone: a resumed run goes on as if it had never stopped.

    Every process has its share of a batch. With a cache, as many batches are sampled once and used in turn.
    """

    def __init__(self, batch_size: int, cache: int = 0) -> None:
        """Args: batch_size: faces, of all processes together; cache: batches that are kept, 0: none."""
        self.batch_size, self.cache = batch_size, cache
        self.kept: dict[int, Batch] = {}

    @abstractmethod
    def sample(self, indices: Sequence[int]) -> Batch:
        """A batch of the faces with these indices (`clipface.edit.sampling`)."""

    def __getitem__(self, step: int) -> Batch:
        """This process's share of the batch of a step."""
        number = step % self.cache if self.cache else step
        if number in self.kept:
            return self.kept[number]
        share = self.batch_size // distributed.count()
        first = number * self.batch_size + distributed.global_rank() * share
        batch = self.sample(range(first, first + share))
        if self.cache:
            self.kept[number] = batch
        return batch


class MapperTraining(pl.LightningModule):
    """A mapper in training; all that is frozen is rebuilt from its files and is in no checkpoint."""

    def __init__(
        self, config: Any, avatar: Avatar, mapper: nn.Module, groups: list[dict[str, Any]], schedule: RateSchedule
    ) -> None:
        """Put the parts together.

        Args:
            config: of the run.
            avatar: frozen.
            mapper: to train.
            groups: its parameters with their learning rates, for Adam.
            schedule: of the learning rates.
        """
        super().__init__()
        self.strict_loading = False
        self.config, self.avatar, self.mapper, self.schedule = config, avatar, mapper, schedule
        self._groups = groups

    def configure_optimizers(self) -> Any:
        """Adam, with the schedule's rates."""
        return self.schedule.configure(torch.optim.Adam(self._groups, fused=self.device.type == "cuda"))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained part only."""
        checkpoint["state_dict"] = {f"mapper.{key}": value for key, value in self.mapper.state_dict().items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another mapper."""
        expected = [f"mapper.{key}" for key in self.mapper.state_dict()]
        weights.check_keys(expected, checkpoint["state_dict"], "checkpoint")
