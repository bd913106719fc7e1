"""The door before Hydra: `--prompt TEXT` takes any text, and what Hydra cannot read is shown as it can."""

import re
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from clipface.settings import prompt_override, quoted

FLAG = "--prompt"
_TEXTS = ("prompt.target", "prompt.source", "prompt.negative", "prompt.name", "generator", "hydra.run.dir")
# Hydra's options whose values stand behind them.
_WITH_VALUE = ("--package", "-p", "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--info", "-i")


def read_arguments(trainer: str, arguments: Sequence[str], prompt: bool = True) -> list[str]:
    """Turn `--prompt TEXT` into an override, and refuse overrides that Hydra's grammar cannot read.

    Args:
        trainer: its name, for the command that is shown.
        arguments: of the command line.
        prompt: whether the trainer takes one.

    Returns:
        Arguments for Hydra.

    Raises:
        SystemExit: 2, after a message with the command to paste.
    """
    found = _with_prompt(arguments) if prompt else list(arguments)
    mended, wrong = list(found), []
    for i, argument in enumerate(found):
        if _is_override(found, i) and not _readable(argument, sweeps(found)):
            wrong.append(argument)
            mended[i] = _mended(argument)
    if wrong and mended != found:
        pasted = " ".join(map(_for_a_shell, mended))
        words = any(argument.lstrip("+").startswith("prompt.target=") for argument in wrong)
        more = f"\nor give the words by {FLAG}, which takes any" if words else ""
        what = f"Hydra cannot read {', '.join(wrong)}: such a value needs quotes of its own"
        _refuse(f"{what}. Paste\n  python -m trainer.{trainer} {pasted}{more}")
    return found


def sweeps(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for a run of each of several values."""
    return any(argument in ("-m", "--multirun") for argument in arguments)


def _with_prompt(arguments: Sequence[str]) -> list[str]:
    """Arguments with an override in the place of `--prompt TEXT` or `--prompt=TEXT`."""
    found, rest, prompts = [], list(arguments), 0
    while rest:
        argument = rest.pop(0)
        if argument != FLAG and not argument.startswith(f"{FLAG}="):
            found.append(argument)
            continue
        prompts += 1
        if argument == FLAG and not rest:
            _refuse(f"{FLAG}: expected words or a name of configs/prompt behind it, got none")
        try:
            found.append(prompt_override(rest.pop(0) if argument == FLAG else argument.partition("=")[2]))
        except ValueError as error:
            _refuse(str(error))
    given = [word for word in found if word.lstrip("+").startswith(("prompt=", "prompt.target="))]
    if prompts and len(given) > 1:
        _refuse(f"{FLAG}: expected one prompt, got {' and '.join(given)}; for a run of each: -m prompt=old,clown")
    return found


def _is_override(arguments: Sequence[str], i: int) -> bool:
    return "=" in arguments[i] and not arguments[i].startswith("-") and (i == 0 or arguments[i - 1] not in _WITH_VALUE)


def _readable(argument: str, sweep: bool) -> bool:
    """Whether Hydra takes an override for what was meant; of a text, a list or a dictionary is not."""
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException:
        return False
    if override.is_sweep_override():
        return sweep
    if override.key_or_group == "generator" and isinstance(override.value(), dict):
        return True  # of the texture GAN's trainer, the network's sizes
    return override.key_or_group not in _TEXTS or not isinstance(override.value(), list | dict)


def _mended(argument: str) -> str:
    """An override with quotes around its value, or around each part of a list."""
    key, _, value = argument.partition("=")
    key_only = key.lstrip("+~")
    if value[:1] == "[" and value[-1:] == "]" and key_only not in _TEXTS:
        return f"{key}=[{','.join(quoted(_bare(part)) for part in value[1:-1].split(','))}]"
    return f"{key}={quoted(_bare(value))}"


def _bare(value: str) -> str:
    """A value without quotes that somebody has put around it already."""
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _for_a_shell(argument: str) -> str:
    """An argument in a shell's quotes; double ones where that is plain, as overrides hold single ones."""
    if shlex.quote(argument) == argument or re.search(r'["$`!]|\\\\|\\$', argument):
        return shlex.quote(argument)
    return f'"{argument}"'


def _refuse(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)
