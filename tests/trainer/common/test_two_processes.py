"""A mapper that two processes train, through the command: each has other faces, and together they are the batch."""

from pathlib import Path

import launcher
import pytest
import torch
from interrupts import start, train_straight
from safetensors.torch import load_file

SHARED = [
    "prompt.target=a photo of a zombie", "image_size=32", "batch_size=4", "validation=2", "cache=2",
    "plateau.window=2", "plateau.decay=4", "trainer.minutes=9", "trainer.log_every=2", "trainer.threads=1",
]  # fmt: skip
OWN = {
    "mapper": ["views=1", "model.init_from=zero", "model.expression=false", "trainer.steps=12"],
    "video_mapper": ["frames=2", "init_from=zero", "scored_frames=2", "trainer.steps=6", "smoothness=3"],
}
NOD = "rate: 10\nkeyframes: [{time: 0}, {time: 0.5, expression: {slot_1: 1.0}, jaw: 10}, {time: 1}]"


@pytest.mark.parametrize("trainer", OWN)
def test_two_processes_train_the_mapper_of_one(trainer, tiny_files, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    (tmp_path / "nod.yaml").write_text(NOD)
    overrides = [*SHARED, *OWN[trainer], *([f"sequence={tmp_path / 'nod.yaml'}"] if trainer == "video_mapper" else [])]
    pair = start(trainer, *overrides, "trainer.devices=2", f"hydra.run.dir={tmp_path / 'pair'}")
    output = pair.finish()
    assert pair.returncode == 0, output
    check_alike(trainer, overrides, tmp_path, output)


def test_two_nodes_train_the_mapper_of_one(tiny_files, tmp_path, monkeypatch):
    """As `torchrun --nnodes 2` starts a process on each of two machines; here both are this one."""
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    overrides = [*SHARED, *OWN["mapper"]]
    nodes = launcher.nodes(
        "-m", "trainer.mapper", *overrides, "trainer.num_nodes=2", f"hydra.run.dir={tmp_path / 'pair'}"
    )
    output = [node.finish() for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], "\n".join(output)
    assert "Written to" in output[0] and "Written to" not in output[1], "the first machine alone writes"
    check_alike("mapper", overrides, tmp_path, "\n".join(output))


def check_alike(trainer: str, overrides: list[str], tmp_path: Path, output: str) -> None:
    """Compare what two processes have learned with what one learns of the whole batch, and of half of it."""
    train_straight(trainer, *overrides, f"hydra.run.dir={tmp_path / 'one'}")
    half = [word for word in overrides if word != "batch_size=4"]
    train_straight(trainer, *half, "batch_size=2", f"hydra.run.dir={tmp_path / 'half'}")
    one, two, other = (
        torch.cat([value.flatten() for _, value in sorted(load_file(tmp_path / name / "mapper.safetensors").items())])
        for name in ("one", "pair", "half")
    )
    assert (two - one).norm() < (0.2 if trainer == "mapper" else 1e-3) * (other - one).norm(), output
