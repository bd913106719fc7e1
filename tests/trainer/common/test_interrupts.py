"""Ctrl-C and SIGTERM, through the command: results are kept, the exit code tells, a resumed run ends bit-equal."""

import io
import json
import signal
import sys
from pathlib import Path

import pytest
from interrupts import interrupt, resume, start, train_straight
from safetensors.torch import load_file

from clipface import weights
from trainer.common.callbacks import Interrupt

PROMPT = ["prompt.target=a photo of a zombie", "image_size=32", "batch_size=2", "validation=2", "cache=3"]
TRAINER = ["trainer.steps=30", "trainer.minutes=null", "trainer.log_every=2", "trainer.threads=1"]
RUNS = {
    "mapper": ("mapper", [*PROMPT, "model.init_from=zero", "plateau.window=0"]),
    "zero_offsets": ("mapper", ["experiment=pretrain_zero", "batch_size=2"]),
    "video_mapper": ("video_mapper", [*PROMPT, "init_from=zero", "plateau.window=0", "frames=2", "scored_frames=2"]),
}
KEYFRAMES = "rate: 10\nkeyframes:\n  - {time: 0}\n  - {time: 0.5, expression: {slot_1: 1.0}}\n  - {time: 1}\n"


@pytest.fixture
def overrides(tiny_files, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    (tmp_path / "nod.yaml").write_text(KEYFRAMES)

    def of(name: str, folder: str, *more: str) -> tuple[str, ...]:
        trainer, own = RUNS[name]
        sequence = [f"sequence={tmp_path / 'nod.yaml'}"] if trainer == "video_mapper" else []
        return trainer, *own, *sequence, *TRAINER, f"hydra.run.dir={tmp_path / folder}", *more

    return of


@pytest.mark.parametrize(
    ("name", "number"), [("mapper", signal.SIGINT), ("zero_offsets", signal.SIGTERM), ("video_mapper", signal.SIGTERM)]
)
def test_an_interrupted_run_keeps_its_results_and_ends_bit_equal_when_resumed(overrides, tmp_path, name, number):
    code, output = interrupt(*overrides(name, "stopped"), number=number)
    assert code == 128 + number, output
    folder = tmp_path / "stopped"
    assert (folder / "last.ckpt").is_file()
    training = weights.load_config(folder / "mapper.safetensors")["training"]
    assert training["status"] == "interrupted" and 2 <= training["steps"] < 30
    assert "30/30 [" in resume(output)
    assert weights.load_config(folder / "mapper.safetensors")["training"] | {"seconds": 0} == {
        "seconds": 0, "steps": 30, "device": "cpu", "status": "done",
    }  # fmt: skip
    assert not (folder / "last.ckpt").exists()
    train_straight(*overrides(name, "straight"))
    expected, got = (load_file(tmp_path / each / "mapper.safetensors") for each in ("straight", "stopped"))
    assert expected.keys() == got.keys() and all((expected[key] == got[key]).all() for key in expected)


class Interrupting(io.RawIOBase):
    """An output that a signal comes to while it is first written to."""

    written = False

    def writable(self) -> bool:
        return True

    def write(self, data: memoryview) -> int:
        first, self.written = not self.written, True
        if first:
            signal.raise_signal(signal.SIGTERM)
        return len(data)


def test_a_signal_while_the_progress_bar_is_written_is_as_good_as_any(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(Interrupting())))
    with Interrupt(1) as stopping:
        stopping.on_train_start(None, None)
        print("Epoch 0:   3%", flush=True)
    assert stopping.received == signal.SIGTERM


def test_a_second_signal_stops_at_once(overrides, tmp_path):
    code, _ = interrupt(*overrides("mapper", "stopped", "trainer.steps=100000"), times=2)
    assert code == 128 + signal.SIGINT
    assert not (tmp_path / "stopped" / "mapper.safetensors").exists()


def test_a_signal_ends_a_sweep(overrides, tmp_path):
    sweep = [f"hydra.sweep.dir={tmp_path / 'sweep'}", "hydra.sweep.subdir=${seed}", "seed=1,2"]
    trainer, *words = overrides("mapper", "unused", *sweep, "trainer.steps=3000")
    code, output = interrupt(trainer, "-m", *words)
    assert code == 128 + signal.SIGINT, output
    assert [path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir()] == ["1"]
    assert json.loads((tmp_path / "sweep" / "1" / "mapper.json").read_text())["training"]["status"] == "interrupted"


@pytest.mark.parametrize("file", ["config.yaml", "last.ckpt", "mapper.safetensors"])
def test_a_folder_that_holds_a_run_is_refused(overrides, tmp_path, file):
    Path(tmp_path / "old").mkdir()
    (tmp_path / "old" / file).write_text("precious")
    process = start(*overrides("mapper", "old"))
    assert f"folder: expected a new one, got {tmp_path / 'old'} with {file}" in process.finish()
    assert process.returncode == 1 and (tmp_path / "old" / file).read_text() == "precious"
