"""What every training of a mapper has: random faces, Adam with falling rates, and checkpoints of the mapper alone.

The rates are constant until the loss stops falling, then half a cosine down to zero.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from clipface import weights
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.persons.sources import known_faces, on_head
from clipface.edit.sampling import Views, sample_faces
from trainer.common import distributed
from trainer.common.config import PlateauConfig


class RateSchedule(Callback):
    """Finds the plateau of a run's loss and gives the factor of its learning rates; ends the run after their fall.

    Losses stay on the device and are read every few steps, so that the host seldom waits. Several processes agree, by
    the mean of their losses and the clock of the first one. The state is part of the run's checkpoint.
    """

    def __init__(
        self, plateau: PlateauConfig, steps: int, minutes: float | None = None, decay: bool = True, every: int = 1
    ) -> None:
        """Start at a factor of 1.

        Args:
            plateau: how it is found.
            steps: after which a run ends at the latest, its rates at zero.
            minutes: likewise, so that a slow machine gets to the end of the decay too; None: no limit.
            decay: whether the rates fall; without, they stay and a run ends at the plateau.
            every: steps between two readings of the losses.
        """
        self.plateau, self.steps, self.minutes, self.decay, self.every = plateau, steps, minutes, decay, every
        self.losses: list[float] = []  # the last two windows
        self.pending: list[Tensor] = []
        self.started: float | None = None  # seconds of the clock
        self.agreed = 0.0  # part of the time that several processes agree on, since the batch in hand
        # Step and part of the time at which the rates begin to fall.
        self.falls_from: tuple[int, float] | None = None if plateau.window else (0, 0.0)

    def factor(self, step: int) -> float:
        """Of the learning rates before a step, 1..0."""
        return 0.5 + 0.5 * math.cos(math.pi * self.fallen(step)) if self.decay else 1.0

    def fallen(self, step: int) -> float:
        """How much of the decay is over before a step: 0 before it begins, 1 at its end."""
        spent, length = self._spent(), self._length
        if self.falls_from is None and (step >= self.steps - length or spent >= 1 - length / self.steps):
            self.falls_from = step, spent  # too late to wait for a plateau
        if self.falls_from is None:
            return 0.0
        begin, spent_before = self.falls_from
        by_time = (spent - spent_before) / max(1 - spent_before, 1e-9) if self.minutes else 0.0
        return min(max((step - begin) / max(length, 1e-9), by_time), 1.0)

    def add(self, loss: Tensor, step: int) -> None:
        """Take in the loss of a step, counted from 0; looks for the plateau when it is time."""
        if not self.plateau.window or self.falls_from is not None:
            return
        self.pending.append(loss.detach())
        if (step + 1) % self.every == 0:
            self._read()
            if self._flat():
                self.falls_from = step + 1, self._spent()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = time.monotonic()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self.minutes and trainer.world_size > 1:
            self.agreed = distributed.of_first(self._clock(), pl_module.device)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.add(outputs["loss"] if isinstance(outputs, dict) else outputs, batch_idx)
        trainer.should_stop |= self.plateau.window > 0 and self.fallen(batch_idx + 1) >= 1

    def state_dict(self) -> dict[str, Any]:
        """Losses of the last windows, and where the rates began to fall."""
        self._read()
        return {"losses": list(self.losses), "falls_from": self.falls_from and list(self.falls_from)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from there; the time starts anew."""
        self.losses, begin = list(state_dict["losses"]), state_dict["falls_from"]
        self.falls_from = (begin[0], 0.0) if begin else None

    @property
    def _length(self) -> int:
        if not self.decay:
            return 0
        return min(self.plateau.decay, self.steps) if self.plateau.window else self.steps

    def _spent(self) -> float:
        if not self.minutes or self.started is None:
            return 0.0
        return self._clock() if distributed.count() == 1 else self.agreed

    def _clock(self) -> float:
        return (time.monotonic() - self.started) / (60 * self.minutes)

    def _read(self) -> None:
        if self.pending:
            losses = torch.stack(self.pending)
            distributed.average_([losses])
            self.losses += losses.tolist()
            self.pending = []
        self.losses = self.losses[-2 * self.plateau.window :] if self.plateau.window else []

    def _flat(self) -> bool:
        window = self.plateau.window
        if len(self.losses) < 2 * window:
            return False
        before, after = self.losses[:window], self.losses[window:]
        return (sum(before) - sum(after)) / window < self.plateau.least


class FaceBatches:
    """Batches of random faces, by the number of the step alone: a resumed run goes on as if it had never stopped.

    Every process has its share of a batch. With a cache, as many batches are sampled once and used in turn.
    """

    def __init__(self, sample: Callable[[Sequence[int]], Any], batch_size: int, cache: int = 0) -> None:
        """Sample nothing yet.

        Args:
            sample: makes a batch of the faces with some indices (`clipface.edit.sampling`).
            batch_size: faces, of all processes together.
            cache: batches that are kept; 0: none.
        """
        self.sample, self.batch_size, self.cache = sample, batch_size, cache
        self.kept: dict[int, Any] = {}

    def __getitem__(self, step: int) -> Any:
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
    """A mapper in training; all that is frozen is rebuilt from its files and is in no checkpoint.

    Attributes:
        data: training faces of a step, by its number.
        known: whom the edit is for; None: everybody.
        validated: likewise, whom it is scored on.
        schedule: of the learning rates.
    """

    def __init__(
        self, config: Any, avatar: Avatar, mapper: nn.Module, groups: list[dict[str, Any]], decay: bool,
        plateau: PlateauConfig | None = None, cache: int = 0,
    ) -> None:  # fmt: skip
        """Put the parts together.

        Args:
            config: of the run.
            avatar: frozen.
            mapper: to train.
            groups: its parameters with their learning rates, for Adam.
            decay: whether the rates fall to zero.
            plateau: where training ends; None: after its steps.
            cache: batches of faces that are kept; 0: none.
        """
        super().__init__()
        self.strict_loading = False
        self.config, self.avatar, self.mapper, self._groups = config, avatar, mapper, groups
        self.known = self.validated = known_faces(config.faces, avatar, config.psi)
        if config.faces.validation_latents:
            others = replace(config.faces, latents=config.faces.validation_latents, validation_latents=None)
            self.validated = known_faces(others, avatar, config.psi)
        # As training paints them: batches that are kept would take sixteen times the memory.
        self._small = self.known and self.known.reduced(config.texture_size)
        if self._small and self._small.detail:
            paint = partial(avatar.texture, size=config.texture_size)
            self._small = self._small._replace(detail=self._small.detail.known(paint))
        self.data = FaceBatches(self.sample, config.batch_size, cache)
        run = config.trainer
        self.schedule = RateSchedule(plateau or PlateauConfig(), run.steps, run.minutes, decay, every=run.log_every)

    def training_faces(self, indices: Sequence[int], views: Views | None = None) -> Faces:
        """Random faces of the training, or the run's own in turn, and their views."""
        config = self.config
        faces = sample_faces(self.avatar, indices, config.psi, "training", config.seed, views, self._small)
        return faces if self.known else faces._replace(codes=on_head(faces.codes, config.faces, self.avatar))

    def validation_faces(self) -> Faces:
        """Faces that are never trained on, or the run's own, from the front."""
        known, count = self.validated, self.config.validation
        count = count if known is None else min(count, len(known.shape))
        faces = sample_faces(self.avatar, range(count), self.config.psi, "validation", known=known)
        return faces if known else faces._replace(codes=on_head(faces.codes, self.config.faces, self.avatar))

    def sample(self, indices: Sequence[int]) -> Any:
        """A batch of the training faces with these indices."""
        raise NotImplementedError

    def configure_optimizers(self) -> Any:
        """Adam, with the schedule's rates."""
        optimizer = torch.optim.Adam(self._groups, fused=self.device.type == "cuda")
        if not self.schedule.decay:
            return optimizer
        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, self.schedule.factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained part only."""
        checkpoint["state_dict"] = {f"mapper.{key}": value for key, value in self.mapper.state_dict().items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another mapper."""
        expected = [f"mapper.{key}" for key in self.mapper.state_dict()]
        weights.check_keys(expected, checkpoint["state_dict"], "checkpoint")
