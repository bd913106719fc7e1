"""Machines that differ: without what only Unix has, installed from a wheel, resumed on other devices."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from trainer.common.callbacks import RandomState

ROOT = Path(__file__).parents[2]
UNIX = ("fcntl", "resource", "pwd", "grp", "termios", "posix_ipc")
CALLS = ("pread", "fork", "getuid", "killpg", "setpriority", "mkfifo", "sysconf")


def test_everything_imports_without_what_only_unix_has():
    # torch and others may ask for these modules themselves, so they are loaded before.
    code = f"""
import importlib, os, sys, pathlib
import torch, scipy.signal, PIL.Image, av, warp, omegaconf, hydra, pytorch_lightning, tqdm, yaml, safetensors.torch
for name in {UNIX!r}: sys.modules[name] = None
for name in {CALLS!r}: delattr(os, name) if hasattr(os, name) else None
for path in sorted(pathlib.Path("clipface").rglob("*.py")) + sorted(pathlib.Path("trainer").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    if not name.endswith(("__main__", "_triton", "nvdiffrast_backend")):
        importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_wheel_has_the_weights_and_one_command(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "-q", "-w", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert not [name for name in names if "flame/" in name.lower()], "licensed files stay with their user"
    code = "import sys; sys.argv = ['clipface', 'assets', 'generator', 'looks', 'open_head', 'sequence_laugh']\n"
    code += "from clipface_scripts.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code] if sys.version_info >= (3, 11) else [sys.executable, "-c", code],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count(" there ") == 4 and "clipface_data" in done.stdout


def test_another_number_of_processes_is_refused():
    state = RandomState().state_dict()
    RandomState().load_state_dict(state)
    with pytest.raises(ValueError, match="expected 2 processes, as the run had, got 1; set trainer.devices"):
        RandomState().load_state_dict({"processes": state["processes"] * 2})
