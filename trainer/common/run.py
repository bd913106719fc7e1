"""What every trainer shares: schema registration, seed, callbacks, the Lightning Trainer. No word about models."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from pytorch_lightning.callbacks import Callback, TQDMProgressBar

from trainer.common import distributed
from trainer.common.callbacks import StopGently
from trainer.common.config import TrainerConfig


def make_logger(logger: dict | None, folder: Path) -> Any:
    """Build the logger that the group `logger` describes by `_target_`; its files go into the run's folder."""
    return instantiate(logger, save_dir=str(folder)) if logger else False


def _quieten() -> None:
    """Silence what Lightning says of things that are meant to be so; a user's eye should find the real warnings."""
    for message in (
        ".*does not have many workers.*",
        ".*is not resumable.*",
        ".*in eval mode at the start of training.*",
        ".*LeafSpec.*",
        ".*no `val_dataloader`.*",
        ".*Experiment logs directory .* exists.*",
        ".*The number of training batches .* is smaller than the logging interval.*",
    ):
        warnings.filterwarnings("ignore", message=message)
    for name in ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)


def fit(
    module: pl.LightningModule,
    data: Any,
    *,
    config: TrainerConfig,
    folder: Path,
    seed: int,
    logger: Any = False,
    callbacks: Sequence[Callback] = (),
    validation: Any = None,
    strategy: Any = "auto",
) -> pl.Trainer:
    """Train a module for `config.steps` batches and return the Lightning Trainer.

    Args:
        module: what to train.
        data: iterable of batches, or a data module.
        config: how long and on what.
        folder: the run's folder; everything written goes below it.
        seed: of Python, NumPy and PyTorch; every process adds its number.
        logger: a Lightning logger or False.
        callbacks: added to the progress bar.
        validation: iterable of validation batches, run after the last step.
        strategy: Lightning's, of several processes.
    """
    if config.accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError("trainer.accelerator: gpu was given but PyTorch sees no CUDA device; use trainer=cpu")
    if config.threads > 0:
        torch.set_num_threads(config.threads)
    pl.seed_everything(seed + distributed.rank(), verbose=False)
    _quieten()
    refresh = 1 if config.accelerator == "cpu" else config.log_every  # the bar's loss makes the host wait for a GPU
    trainer = pl.Trainer(
        max_epochs=1,  # an epoch is the run: the progress bar then shows batches of it and the time left
        limit_train_batches=config.steps,
        max_time=timedelta(minutes=config.minutes) if config.minutes else None,
        accelerator=config.accelerator,
        devices=config.devices,
        strategy=strategy,
        precision=config.precision,
        logger=logger,
        callbacks=[TQDMProgressBar(refresh_rate=refresh), StopGently(config.log_every), *callbacks],
        default_root_dir=str(folder),
        log_every_n_steps=config.log_every,
        enable_checkpointing=False,  # callbacks.py writes checkpoints: trained parts only, atomically
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, data, validation, ckpt_path=config.resume, weights_only=True)
    return trainer


@contextmanager
def run_folder() -> Iterator[Path]:
    """Give the folder that Hydra made for this run; if the start fails before anything is written, remove it again."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        yield folder
    except BaseException:
        with suppress(OSError):  # a folder with something in it stays
            folder.rmdir()
            folder.parent.rmdir()
        raise
