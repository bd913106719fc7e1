"""Runs of a trainer as processes: interrupted by a real signal, and resumed by the command that they print."""

import importlib
import os
import re
import shlex
import signal
from pathlib import Path
from typing import Any

import launcher
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

STEP = re.compile(rb"(\d+)/\d+ \[")  # of the progress bar


def start(trainer: str, *overrides: str) -> launcher.Command:
    """Start `python -m trainer.<trainer>`; its output and its errors come together."""
    return launcher.start("-m", f"trainer.{trainer}", *overrides)


def interrupt(trainer: str, *overrides: str, number: int = signal.SIGINT, times: int = 1) -> tuple[int, str]:
    """Send a signal once the first steps are done; gives the exit code and what was written."""
    process, output = start(trainer, *overrides), b""
    while not any(int(step) >= 2 for step in STEP.findall(output)):
        some = os.read(process.stdout.fileno(), 1 << 16)
        assert some, f"ended before it was interrupted:\n{output.decode(errors='replace')}"
        output += some
    for _ in range(times):
        process.send_signal(number)
        if times > 1:
            while b"stopping after this batch" not in output:
                output += os.read(process.stdout.fileno(), 1 << 16)
    rest = process.finish()
    return process.returncode, output.decode(errors="replace") + rest


def train_straight(trainer: str, *overrides: str) -> Any:
    """What `train(config, folder)` gives for the same overrides, without a signal and in this process."""
    importlib.import_module(f"trainer.{trainer}.config")  # registers the schema
    folder = [word.partition("=")[2] for word in overrides if word.startswith("hydra.run.dir=")]
    given = [word for word in overrides if not word.startswith("hydra.run.dir=")]
    with initialize_config_module("configs", version_base="1.3"):
        config = OmegaConf.to_object(compose(trainer, overrides=given))
    return importlib.import_module(f"trainer.{trainer}.train").train(config, Path(*folder))


def resume(output: str) -> str:
    """Run the command that an interrupted run printed; gives what it wrote."""
    (command,) = re.findall(r"To resume:\s+python -m trainer\.(.+)", output)
    trainer, *overrides = shlex.split(command)
    process = start(trainer, *overrides)
    written = process.finish()
    assert process.returncode == 0, written
    return written
