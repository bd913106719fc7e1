"""Going on from a checkpoint: the command for it, and what is refused before it does harm."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from clipface import weights
from clipface.settings import pasted
from trainer.common.callbacks import Interrupt

PARTS = ("state_dict", "callbacks", "loops", "optimizer_states", "lr_schedulers", "global_step", "epoch")


def check_checkpoint(path: Path) -> None:
    """Refuse a checkpoint that is damaged, or would do harm when it is read.

    Raises:
        FileNotFoundError, ValueError: naming the file.
    """
    what, remedy = "trainer.resume", "give a run's last.ckpt, or begin a new run"
    content = weights.load_pickled(path, what, remedy)
    lacking = [name for name in PARTS if not isinstance(content, dict) or name not in content]
    if lacking:
        raise ValueError(f"{what}: expected a run's checkpoint, got {path} without {', '.join(lacking)}; {remedy}")


def resume_command(config: Any, last: Path) -> str:
    """The command that goes on from a checkpoint; outside a command, the setting that does it."""
    if not HydraConfig.initialized():
        return pasted("trainer.resume", last)
    changed = ("trainer.resume=", "hydra.run.dir=")
    given = [word for word in HydraConfig.get().overrides.task if not word.startswith(changed)]
    words = [*map(shlex.quote, given), pasted("hydra.run.dir", last.parent), pasted("trainer.resume", last)]
    return f"python -m {type(config).__module__.rpartition('.')[0]} {' '.join(words)}"


@contextmanager
def explained(resume: str | None, interrupt: Interrupt) -> Iterator[None]:
    """Say of errors before a resumed run's first batch that they are its checkpoint's; others pass.

    Raises:
        ValueError: naming the checkpoint.
    """
    try:
        yield
    except (RuntimeError, KeyError, TypeError, AttributeError, IndexError) as error:
        if not resume or interrupt.begun:
            raise
        raise ValueError(
            f"trainer.resume: {resume} is no checkpoint of such a run ({str(error)[:300]}); give the run's own "
            "settings, or begin a new one from its weights (init_from)"
        ) from error
