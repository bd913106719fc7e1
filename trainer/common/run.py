"""What every trainer shares: schema registration, seed, callbacks, the Lightning Trainer. No word about models."""

import ast
import logging
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import Callback, TQDMProgressBar

from trainer.common import distributed as replicas
from trainer.common.callbacks import StopGently

_MAX_SLUG = 60  # file systems take 255 bytes a name; the rest of a run's folder name needs some


@dataclass
class TrainerConfig:
    """How long and on what to train."""

    steps: int = 1000  # batches
    minutes: float | None = None  # wall clock after which training ends cleanly; null: no limit
    accelerator: str = "cpu"  # cpu, gpu
    devices: int = 1
    precision: str = "32-true"  # Lightning's names: 32-true, bf16-mixed
    threads: int = 2  # CPU threads of PyTorch; 0 leaves PyTorch's choice
    log_every: int = 10  # batches between rows of metrics
    resume: str | None = None  # checkpoint from which training goes on

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, steps=1, devices=1, threads=0, log_every=1)
        if self.accelerator == "gpu" and not torch.cuda.is_available():
            raise ValueError("trainer.accelerator: gpu was given but PyTorch sees no CUDA device; use trainer=cpu")
        if self.resume and not Path(self.resume).is_file():
            raise FileNotFoundError(f"trainer.resume: {self.resume} does not exist; give a run's last.ckpt")


def require_at_least(config: Any, **least: float) -> None:
    """Raise a ValueError that names the first value of a configuration that is smaller than it may be."""
    for name, smallest in least.items():
        value = getattr(config, name)
        if value < smallest:
            raise ValueError(f"{name}: {smallest} or more is wanted, {value} was given")


def slug(words: Any) -> str:
    """Words as a name for a folder: lower case, letters and digits, underscores."""
    return re.sub(r"[^a-z0-9]+", "_", str(words).lower()).strip("_")[:_MAX_SLUG] or "unnamed"


def docstring(trainer: str) -> str:
    """What a trainer's module says of itself, for its --help; read, not imported, as it runs under another name."""
    text = ast.get_docstring(ast.parse(Path(__file__).with_name(f"{trainer}.py").read_text())) or ""
    return text.replace("$", "$$")  # Hydra fills a template with it


# Hydra names a run's folder before main() is entered, so the resolvers must exist on import.
OmegaConf.register_new_resolver("slug", slug, replace=True)
OmegaConf.register_new_resolver("docstring", docstring, replace=True)


def register(name: str, schema: type, group: str | None = None) -> None:
    """Make a dataclass available to Hydra's defaults lists as the schema of a configuration."""
    ConfigStore.instance().store(name=name, node=schema, group=group)


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
    if config.threads > 0:
        torch.set_num_threads(config.threads)
    pl.seed_everything(seed + replicas.rank(), verbose=False)
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
