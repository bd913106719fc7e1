"""The command of every trainer: from Hydra's overrides, `key=value`, to an exit code."""

import importlib
import sys
from collections.abc import Callable

import hydra
from omegaconf import DictConfig, OmegaConf

from clipface import startup
from trainer.common.config import docstring, refuse_renamed


def command(trainer: str) -> Callable[[], None]:
    """The `main` of `python -m trainer.<trainer>`, whose first line says what the trainer's docstring says first.

    Args:
        trainer: a package with a `config` module, which registers the schema, and a `train` module with a function
            `train(config, folder)` that gives a `trainer.common.run.Result`.
    """
    importlib.import_module(f"trainer.{trainer}.config")

    @hydra.main(version_base="1.3", config_path="pkg://configs", config_name=trainer)
    def with_hydra(config: DictConfig) -> None:
        settings = OmegaConf.to_object(config)
        startup.announce(docstring(trainer).splitlines()[0])
        from trainer.common import run

        run.main(importlib.import_module(f"trainer.{trainer}.train").train, settings)

    def main() -> None:
        refuse_renamed(sys.argv[1:])
        with_hydra()

    return main
