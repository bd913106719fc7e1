"""A mapper that two processes train, through the command: each has other faces, and together they are the batch."""

import torch
from interrupts import finish, start, train_straight
from safetensors.torch import load_file

OVERRIDES = [
    "prompt.target=a photo of a zombie", "image_size=32", "batch_size=4", "views=1", "validation=2", "cache=2",
    "model.init_from=zero", "model.expression=false", "plateau.window=2", "plateau.decay=4", "trainer.steps=12",
    "trainer.minutes=9", "trainer.log_every=2", "trainer.threads=1",
]  # fmt: skip


def test_two_processes_train_the_mapper_of_one(tiny_files, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    pair = start("mapper", *OVERRIDES, "trainer.devices=2", f"hydra.run.dir={tmp_path / 'pair'}")
    output = finish(pair)
    assert pair.returncode == 0, output
    train_straight("mapper", *OVERRIDES, f"hydra.run.dir={tmp_path / 'one'}")
    half = [word for word in OVERRIDES if word != "batch_size=4"]
    train_straight("mapper", *half, "batch_size=2", f"hydra.run.dir={tmp_path / 'half'}")
    one, two, other = (
        torch.cat([value.flatten() for _, value in sorted(load_file(tmp_path / name / "mapper.safetensors").items())])
        for name in ("one", "pair", "half")
    )
    assert (two - one).norm() < 0.2 * (other - one).norm(), output
