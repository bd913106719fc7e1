"""One run: the sequence of every trainer, from the check of its folder to its results and its exit code."""

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from pytorch_lightning.callbacks import Callback

from clipface.edit.notes import MAPPER_FILE
from clipface.files import locked
from clipface.settings import SEED_STRIDE
from trainer.common import distributed
from trainer.common.callbacks import CHECKPOINT_FILE, CONFIG_FILE, Checkpoint, Interrupt, ProgressBar, usual_callbacks
from trainer.common.config import RunConfig, TrainerConfig
from trainer.common.resume import check_checkpoint, explained, resume_command

DONE, INTERRUPTED = "done", "interrupted"


class Result(NamedTuple):
    """What a run gives back."""

    metrics: dict[str, float]  # the last logged ones, and those of its results
    status: str  # DONE: after its steps, at its plateau or after its minutes; or INTERRUPTED
    module: pl.LightningModule
    signal: int = 0  # that it received; 0: none


def run(
    config: RunConfig,
    folder: Path,
    *,
    build: Callable[[Any], pl.LightningModule],
    data: Any,
    write_results: Callable[[Any, Path, dict[str, Any]], dict[str, float]],
    callbacks: Callable[[Any], Sequence[Callback]] = lambda module: (),
    keep_checkpoint: bool = False,
    **options: Any,
) -> Result:
    """Train and write the results, also of an interrupted run; a trainer's `train(config, folder)` calls this.

    Args:
        config: the run's.
        folder: of the run; everything is written below it.
        build: makes the module from the configuration and checks both; writes nothing.
        data: see `fit`.
        write_results: called in the first process with the module (on the device that it was trained on), the folder
            and notes of the training (seconds, steps, device, status); returns the results' metrics.
        callbacks: the trainer's own, of a module.
        keep_checkpoint: whether `last.ckpt` stays after a complete run too.
        options: validation, strategy and precision, see `fit`.

    Raises:
        FileExistsError: if the folder holds another run.
    """
    folder = Path(folder)
    check_folder(folder, config.trainer.resume)
    if config.trainer.resume:
        check_checkpoint(Path(config.trainer.resume))
    renderer = getattr(config, "renderer", None)
    if config.trainer.deterministic and renderer is not None and renderer.backend == "nvdiffrast":
        raise ValueError("trainer.deterministic: expected renderer=warp with it, got nvdiffrast, whose gradients vary")
    with alone(folder), Interrupt(config.trainer.log_every) as interrupt:
        pl.seed_everything(config.seed, verbose=False)  # the first weights, alike in every process
        module = build(config)
        last = Checkpoint(folder, config.checkpoint_every, at_end=keep_checkpoint)
        started = time.perf_counter()
        trainer = fit(
            module,
            data,
            config=config.trainer,
            folder=folder,
            seed=config.seed,
            logger=instantiate(config.logger, save_dir=str(folder)) if config.logger else False,
            callbacks=[*usual_callbacks(config, folder), *callbacks(module), last],
            interrupt=interrupt,
            **options,
        )
        status = INTERRUPTED if interrupt.stopped else DONE
        module.to(trainer.strategy.root_device)  # Lightning hands it back on the CPU
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if trainer.is_global_zero:
            training = {
                "seconds": time.perf_counter() - started, "steps": interrupt.batches, "device": str(module.device),
                "status": status,
            }  # fmt: skip
            metrics |= write_results(module, folder, training)
            if status == INTERRUPTED:
                steps = f"{interrupt.batches} of {config.trainer.steps} steps"
                print(f"\nInterrupted after {steps}. To resume:\n{resume_command(config, last.path)}", flush=True)
            elif not keep_checkpoint:
                last.path.unlink(missing_ok=True)  # it served to resume an unfinished run
        end_logging()
        return Result(metrics, status, module, interrupt.received)


def end_logging() -> None:
    """End what wandb records, so that the next run of a sweep, in the same process, gets a record of its own."""
    wandb = sys.modules.get("wandb")
    if wandb is not None and wandb.run is not None:
        wandb.finish()


def main(train: Callable[[Any, Path], Result], config: Any, folder: Path) -> None:
    """Train in a folder; exit with 128 + signal if there was one, which ends a sweep too."""
    result = train(config, folder)
    # Lightning kills the first process, which is at its results, when another one ends with an error.
    if result.signal and distributed.global_rank(config.trainer.devices) == 0:
        raise SystemExit(128 + result.signal)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other runs off the folder; one that the start has made and left empty is removed if it fails.

    Raises:
        ValueError: if another run is writing to it.
    """
    if distributed.global_rank():
        yield
        return
    made = not folder.exists()
    try:
        with locked(folder, "folder"):
            yield
    except BaseException:
        if made:
            with suppress(OSError):  # a folder with something in it stays
                folder.rmdir()
        raise


def check_folder(folder: Path, resume: str | None) -> None:
    """Refuse a folder that holds a run, unless it is this one that is resumed.

    Raises:
        FileExistsError: naming the file that is there.
    """
    if distributed.global_rank() or (resume and Path(resume).resolve().parent == folder.resolve()):
        return
    for name in (CHECKPOINT_FILE, CONFIG_FILE, MAPPER_FILE):
        if (folder / name).exists():
            again = f", or resume it with trainer.resume={folder / name}" if name == CHECKPOINT_FILE else ""
            raise FileExistsError(f"folder: expected a new one, got {folder} with {name}; use another{again}")


def fit(
    module: pl.LightningModule,
    data: Any,
    *,
    config: TrainerConfig,
    folder: Path,
    seed: int,
    callbacks: Sequence[Callback] = (),
    validation: Any = None,
    interrupt: Interrupt | None = None,
    **options: Any,
) -> pl.Trainer:
    """Train a module for `config.steps` batches and return the Lightning Trainer.

    Args:
        module: what to train.
        data: iterable of batches or a data module; None: the module's own `train_dataloader`.
        config: how long and on what.
        folder: the run's folder.
        seed: of Python, NumPy and PyTorch; every process has another that follows from it.
        callbacks: added to the progress bar.
        validation: iterable of validation batches, for once after the last step.
        interrupt: that handles signals already; None: they are handled here.
        options: of Lightning's Trainer: logger, strategy, or another precision or time than the configuration names.
    """
    if config.accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError("trainer.accelerator: expected cpu, got gpu: PyTorch sees no CUDA device; use trainer=cpu")
    if config.threads > 0:
        torch.set_num_threads(config.threads)
    pl.seed_everything(seed + SEED_STRIDE * distributed.global_rank(config.devices), verbose=False)
    _quieten()
    refresh = 1 if config.accelerator == "cpu" else config.log_every  # the bar's loss makes the host wait for a GPU
    own = Interrupt(config.log_every)
    trainer = pl.Trainer(
        max_epochs=1,  # an epoch is the run: the progress bar then shows batches of it and the time left
        limit_train_batches=config.steps,
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.num_nodes,
        deterministic=config.deterministic or None,  # None: as whoever called has set PyTorch
        # Signals come first: the other callbacks are to know in the same batch that training stops.
        callbacks=[ProgressBar(refresh_rate=refresh), interrupt or own, *callbacks],
        default_root_dir=str(folder),
        log_every_n_steps=config.log_every,
        enable_checkpointing=False,  # callbacks.Checkpoint writes them: trained parts only, atomically
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **{"logger": False, "precision": config.precision, "max_time": _minutes(config), **options},
    )
    with nullcontext() if interrupt else own, explained(config.resume, interrupt or own):
        trainer.fit(module, data, validation, ckpt_path=config.resume, weights_only=True)
    return trainer


def _minutes(config: TrainerConfig) -> timedelta | None:
    return timedelta(minutes=config.minutes) if config.minutes else None


def _quieten() -> None:
    """Silence what Lightning says about intended settings, so that real warnings are seen."""
    for message in (
        ".*does not have many workers.*",
        ".*is not resumable.*",
        ".*in eval mode at the start of training.*",
        ".*LeafSpec.*",
        ".*no `val_dataloader`.*",
        ".*Experiment logs directory .* exists.*",
        ".*The number of training batches .* is smaller than the logging interval.*",
        ".*sync_dist=True.*",  # every process validates on the same faces
    ):
        warnings.filterwarnings("ignore", message=message)
    for name in ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
