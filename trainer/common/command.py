"""The command of every trainer: from Hydra's overrides, `key=value`, to an exit code."""

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from clipface import startup
from clipface.edit.options import check_words
from clipface.guidance.vocabulary import UnknownWords
from clipface.settings import prompt_target
from trainer.common import help
from trainer.common.config import docstring, refuse_renamed
from trainer.common.overrides import read_arguments, sweeps


def command(trainer: str) -> Callable[[], None]:
    """The `main` of `python -m trainer.<trainer>`, whose first line says what the trainer's docstring says first.

    Args:
        trainer: a package with a `config` module, which registers the schema, and a `train` module with a function
            `train(config, folder)` that gives a `trainer.common.run.Result`.
    """
    importlib.import_module(f"trainer.{trainer}.config")

    @hydra.main(version_base="1.3", config_path="pkg://configs", config_name=trainer)
    def with_hydra(config: DictConfig) -> None:
        folder = Path(HydraConfig.get().runtime.output_dir)
        with _removed_if_empty(folder):
            if status := startup.exit_status(lambda: _run(trainer, config, folder)):
                raise SystemExit(status)

    def main() -> None:
        refuse_renamed(sys.argv[1:])
        prompt = takes_prompt(trainer)
        sys.argv[1:] = read_arguments(trainer, sys.argv[1:], prompt)
        if {"-h", "--help"} & set(sys.argv[1:]):
            _print_help(trainer, sys.argv[1:])
            return
        if prompt:
            with suppress(HydraException, OmegaConfBaseException):  # which Hydra tells of
                _check_sweep(trainer, sys.argv[1:])
        with_hydra()

    return main


def _run(trainer: str, config: DictConfig, folder: Path) -> None:
    settings = OmegaConf.to_object(config)
    startup.announce(docstring(trainer).splitlines()[0])
    _check_words(settings)
    from trainer.common import run

    run.main(importlib.import_module(f"trainer.{trainer}.train").train, settings, folder)


def takes_prompt(trainer: str) -> bool:
    """Whether a trainer's configuration has a prompt."""
    return "prompt" in ConfigStore.instance().load(f"{trainer}_schema.yaml").node


def _check_words(settings: Any) -> None:
    """Check a prompt's words before PyTorch is imported: print warnings, or end with 2 if an encoder cannot read it."""
    if not hasattr(settings, "prompt") or getattr(settings, "zero_offsets", False):
        return
    settings.require_prompt()
    check_words(settings.prompt.words, settings.guidance)
    warnings.simplefilter("ignore", UnknownWords)  # they have been told of


def _print_help(trainer: str, arguments: Sequence[str]) -> None:
    try:
        print(help.text(trainer, _overrides(arguments)))
    except (HydraException, OmegaConfBaseException) as error:
        raise SystemExit(str(error)) from error


def _overrides(arguments: Sequence[str]) -> list[str]:
    return [word for word in arguments if "=" in word and not word.startswith("-")]


def _check_sweep(trainer: str, arguments: Sequence[str]) -> None:
    """Check all prompts of a sweep before its first run, unless its encoders differ too."""
    if not sweeps(arguments):
        return
    words = [word for word in _overrides(arguments) if not word.startswith("hydra.")]
    overrides = OverridesParser.create().parse_overrides(words)
    swept = {override.key_or_group: override for override in overrides if override.is_sweep_override()}
    prompts = [key for key in ("prompt", "prompt.target") if key in swept and swept[key].is_choice_sweep()]
    if not prompts or any(key.startswith(("guidance", "experiment")) for key in swept):
        return
    # The encoders are those of all runs; what is swept does not matter to them.
    fixed = [word for word, override in zip(words, overrides, strict=True) if not override.is_sweep_override()]
    with hydra.initialize_config_module("configs", version_base="1.3"):
        guidance = OmegaConf.to_object(hydra.compose(trainer, fixed).guidance)
    for key in prompts:
        for value in swept[key].value().list:
            words = str(getattr(value, "text", value))  # of a quoted value
            check_words({"target": prompt_target(words) if key == "prompt" else words}, guidance)


@contextmanager
def _removed_if_empty(folder: Path) -> Iterator[None]:
    """Remove a run's folder again if the start fails before anything is written."""
    try:
        yield
    except BaseException:
        with suppress(OSError):  # a folder with something in it stays
            folder.rmdir()
            folder.parent.rmdir()
        raise
