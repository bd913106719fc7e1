"""Sweeps of prompts by a launcher of Hydra's that runs several at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clipface import weights

ROOT = Path(__file__).parents[3]


def test_joblib_trains_prompts_at_the_same_time(tiny_files, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = [
        "prompt=zombie,clown",
        "experiment=smoke",
        "trainer.steps=1",
        "validation=1",
        f"hydra.sweep.dir={tmp_path}",
    ]
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    python = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    # Not by the tests' own server of processes: joblib starts others, which import all they need by themselves.
    done = subprocess.run(
        [sys.executable, "-m", "trainer.mapper", "-m", *words, *launcher], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": python, "CLIPFACE_DATA": str(tiny_files)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    notes = [weights.load_config(path) for path in sorted(tmp_path.glob("*/mapper.safetensors"))]
    assert {each["prompt"]["target"] for each in notes} == {"a photo of a zombie", "a photo of a clown"}
