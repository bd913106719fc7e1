"""Training of a new prompt in the background: `python -m trainer.mapper` as a process of its own.

A process, because training would hold Python's lock and every core of this one: the page stays alive, a crash or a
cancelled run leaves the editor as it was, and the run is the same as from the command line. What it has learned so far
comes through the checkpoint that it writes every few steps.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from clipface.edit.mapper import FaceMapper
from clipface.edit.notes import MAPPER_FILE
from clipface.files import slug
from clipface.settings import quoted
from clipface.view.edits.library import Library

PREVIEW_EVERY = 20  # steps; a checkpoint is 180 MB
CHECKPOINT_FILE = "last.ckpt"
LONGEST_PROMPT = 200  # characters
LESS_URGENT = 5  # of `nice`: sliders come first
_STEP = re.compile(r"Epoch \d+: .*?(\d+)/(\d+) \[")  # of training's progress bar; validation has one of its own
_WARNING = re.compile(r"^warning: (.+)", re.M)  # before it loads anything
_ERROR = re.compile(r"^(?:[\w.]*(?:Error|Exception|Interrupt)|error): .+", re.M)


class Training:
    """One run, from its start to its end. Safe to ask from several threads."""

    def __init__(self, prompt: str, folder: Path, region: str | None = None, overrides: Sequence[str] = ()) -> None:
        """Start a run.

        Args:
            prompt: any words.
            folder: of the run, which it makes.
            region: the part of the face that its texture is kept to; None: the whole face.
            overrides: more of `trainer.mapper`'s `key=value`.

        Raises:
            ValueError: for words that cannot be a prompt.
        """
        self.prompt, self.folder, self.region = checked_prompt(prompt), Path(folder), region
        self.name = self.folder.name
        # Read by its name: to move the place in a shared file would move where the process writes.
        handle, name = tempfile.mkstemp(prefix="training_", suffix=".log")
        self._log = Path(name)
        atexit.register(self._log.unlink, missing_ok=True)
        self.cancelled = False  # whether somebody ended it without wanting what it had learned
        self.stopped = False  # whether somebody ended it to keep what it had learned
        self._preview_time = 0.0
        self.shown = False  # whether its owner has seen a preview
        self._started, self._ended = time.monotonic(), 0.0
        words = [
            "--prompt", self.prompt, f"hydra.run.dir={quoted(str(self.folder.resolve()))}",
            f"checkpoint_every={PREVIEW_EVERY}", *([f"model.region={quoted(region)}"] if region else []), *overrides,
        ]  # fmt: skip
        command = [sys.executable, "-m", "trainer.mapper", *words]
        with os.fdopen(handle, "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, LESS_URGENT)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        running = self._process.poll() is None
        if not running and not self._ended:
            self._ended = time.monotonic()
        return running

    @property
    def seconds(self) -> float:
        """How long it has been at work, or was."""
        return (self._ended or time.monotonic()) - self._started

    @property
    def finished(self) -> bool:
        """Whether it has ended, stopped or not, and left a trained mapper."""
        return not self.running and not self.cancelled and (self.folder / MAPPER_FILE).is_file()

    def progress(self) -> tuple[int, int]:
        """Steps taken, and steps it takes at most; (0, 0) while it loads."""
        return steps_in(self._text())

    def error(self) -> str:
        """Why it failed, in one line; empty if it did not fail."""
        if self.running or self.cancelled or self.finished:
            return ""
        if self.stopped:
            return f"{self.prompt!r} was stopped before its first step: there is nothing to keep"
        found = _ERROR.findall(self._text())
        return found[-1] if found else f"training ended with code {self._process.returncode} and left no mapper"

    def warning(self) -> str:
        """What it said of the prompt's words, in one line; empty if nothing."""
        return " ".join(_WARNING.findall(self._text()))

    def preview(self) -> FaceMapper | None:
        """The mapper as it is now, if it is better than at the last call; None: not, or not yet."""
        file = self.folder / CHECKPOINT_FILE
        try:
            changed = file.stat().st_mtime
            if changed <= self._preview_time:
                return None
            state = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
        except (OSError, RuntimeError, KeyError):  # taken away at the run's end, while it was read
            return None
        self._preview_time = changed
        return mapper_of({name.removeprefix("mapper."): value for name, value in state.items()}, self.region)

    def stop(self) -> None:
        """End after the present step and keep what was learned; returns at once.

        The trainer still writes its results, marked as interrupted, and leaves `last.ckpt` to be resumed from. A second
        signal would end it at once.
        """
        if self.running and not self.stopped:
            self.stopped = True
            self._process.terminate()  # Ctrl-C is ignored where the editor was started in the background

    def cancel(self) -> None:
        """End now and remove the run's folder."""
        self.cancelled = True
        self._process.kill()
        self._process.wait()
        self._log.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _text(self) -> str:
        try:
            return self._log.read_bytes().decode(errors="replace").replace("\r", "\n")
        except FileNotFoundError:
            return ""


class TrainingJobs:
    """Where at most one run is at work; what it has learned goes into a library."""

    def __init__(self, library: Library, overrides: Sequence[str] = ()) -> None:
        """Args: library: whose folder the runs go into; overrides: `key=value` for each of them."""
        self.library, self.overrides = library, tuple(overrides)
        self.current: Training | None = None
        self.owner: object = None  # who started it
        self._closed = False
        self._lock = threading.Lock()

    def start(self, prompt: str, region: str | None, owner: object) -> Training:
        """Start a run.

        Raises:
            ValueError: if one is at work, or the words cannot be a prompt.
        """
        with self._lock:
            if self._closed:
                raise ValueError("train: the editor is ending")
            if self.current is not None and self.current.running:
                raise ValueError(
                    f"train: one prompt at a time, {self.current.prompt!r} is in training; wait, or stop it"
                )
            self.library.folder.mkdir(parents=True, exist_ok=True)
            run = self.library.folder / run_name(prompt)
            self.current, self.owner = Training(prompt, run, region, self.overrides), owner
            return self.current

    def update(self) -> Training | None:
        """Bring what the current run has learned into the library, under the run's name; return the run."""
        with self._lock:
            training = self.current
            if training is None:
                return None
            if training.running:
                mapper = training.preview()
                if mapper is not None:
                    self.library.put(training.name, mapper)
            else:
                self.library.drop(training.name)
            return training

    def own(self, owner: object) -> Training:
        """The run at work, for who started it and may end it; raises ValueError for anybody else, or if none is."""
        with self._lock:
            if self.current is None or not self.current.running:
                raise ValueError("train: expected a prompt in training, got none")
            if self.owner is not owner:
                raise ValueError("train: expected a training of this tab, got another tab's; only that one can end it")
            return self.current

    def close(self) -> None:
        """Cancel what is at work; nothing begins any more."""
        with self._lock:
            self._closed = True
            if self.current is not None and self.current.running:
                self.current.cancel()


def steps_in(log: str) -> tuple[int, int]:
    """Steps taken, and steps at most, by what a run has printed; (0, 0) before the first."""
    steps = _STEP.findall(log)
    return (int(steps[-1][0]), int(steps[-1][1])) if steps else (0, 0)


def checked_prompt(prompt: str) -> str:
    """A prompt without white space around it.

    Raises:
        ValueError: for no words, too many of them, or signs that cannot be printed.
    """
    words = " ".join(prompt.split())
    if not words:
        raise ValueError("prompt: expected words, got none; for instance: a photo of a zombie")
    if len(words) > LONGEST_PROMPT:
        raise ValueError(f"prompt: expected at most {LONGEST_PROMPT} characters, got {len(words)}")
    if not words.isprintable():
        raise ValueError("prompt: expected words, got signs that cannot be printed; for instance: a zombie")
    return words


def run_name(prompt: str) -> str:
    """A run's folder, named like those of the command line."""
    return f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_mapper_{slug(prompt)}"


def mapper_of(state: dict[str, torch.Tensor], region: str | None) -> FaceMapper:
    """Rebuild a mapper that edits textures from its weights alone: their shapes tell all but the region.

    Args:
        state: the mapper's state dict.
        region: the part of the face that it was trained for.
    """
    levels, _, dim = state["texture.weights.0"].shape
    layers = sum(name.startswith("texture.weights.") for name in state)
    counts = [state.get(f"{part}.weights.{layers - 1}") for part in ("expression", "identity")]
    n_expression, n_shape = (0 if last is None else last.shape[1] for last in counts)
    mapper = FaceMapper(levels, dim, n_expression, layers, expression=n_expression > 0, n_shape=n_shape, region=region)
    mapper.load_state_dict(state)
    return mapper
