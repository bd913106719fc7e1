"""Disks that are full or closed, two runs in one folder, names that are odd, a locale that is not UTF-8."""

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import launcher
import pytest

from clipface import startup
from clipface.files import PARTIAL, locked, regular, write_atomic
from clipface.settings import pasted, prompt_override, quoted
from trainer.common.run import alone

FULL = Path("/dev/full")
ODD = 'Jürgen\'s "köpfe", a=b'


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / ("a.json" + PARTIAL)).symlink_to(FULL)
    with pytest.raises(OSError, match=r"a\.json"):
        write_atomic(tmp_path / "a.json", "x" * 100_000)
    assert list(tmp_path.iterdir()) == [], "neither half a file nor a link"


def test_a_folder_is_for_one_run(tmp_path):
    folder = tmp_path / "run"
    with locked(folder, "out"):
        with (
            pytest.raises(ValueError, match=r"out: another run is writing to .*run; wait for it"),
            locked(folder, "out"),
        ):
            pass
    with locked(folder, "out"):
        pass
    assert list(folder.iterdir()) == []


def test_a_start_that_fails_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError, match="later"), alone(tmp_path / "run"):
        raise ValueError("later")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a loop", "a long name", "a zero in the name"])
def test_what_is_no_file_is_refused_and_never_blocks(tmp_path, kind):
    path = tmp_path / ("x" * 300 if kind == "a long name" else "a\0b" if kind.startswith("a zero") else "it")
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a loop":
        path.symlink_to(path)
    with pytest.raises(ValueError, match="mesh: expected a file, got"):
        regular(path, "mesh")


def test_a_closed_cache_of_kernels_is_replaced_and_named(tmp_path, monkeypatch, capsys):
    from clipface.render.rasterize.warp.runtime import kernel_cache

    monkeypatch.setattr("warp.config.kernel_cache_dir", None)  # Warp may run already, and has set it
    monkeypatch.setenv("WARP_CACHE_PATH", str(tmp_path / "open"))
    assert kernel_cache() is None
    (tmp_path / "file").touch()
    monkeypatch.setenv("WARP_CACHE_PATH", str(tmp_path / "file" / "closed"))
    place = kernel_cache()
    assert Path(place).is_dir() and "WARP_CACHE_PATH" in capsys.readouterr().err


def test_files_are_utf8_whatever_the_locale(tmp_path):
    folder = tmp_path / ODD
    program = """
import sys
from clipface import startup
startup.announce("böse " + sys.argv[1])
from pathlib import Path
from clipface.documents import read_json, read_yaml
from clipface.files import read_list, read_table, write_atomic
from clipface.head.mesh import read_obj
folder = Path(sys.argv[1])
write_atomic(folder / "a.json", '{"name": "böse"}')
write_atomic(folder / "a.yaml", "name: böse")
write_atomic(folder / "a.txt", "böse")
write_atomic(folder / "a.csv", "name\\nböse")
write_atomic(folder / "a.obj", "# böse\\nv 0 0 0\\nv 1 0 0\\nv 0 1 0\\nvt 0 0\\nf 1/1 2/1 3/1\\n")
read_obj(folder / "a.obj")
found = [read_json(folder / "a.json", "x")["name"], read_yaml(folder / "a.yaml", "x")["name"],
         *read_list(folder / "a.txt"), read_table(folder / "a.csv", ["name"])[0]["name"]]
assert found == ["böse"] * 4, found
"""
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    environment = os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-X", "utf8=0", str(tmp_path / "program.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert json.loads((folder / "a.json").read_bytes()) == {"name": "böse"}


def test_words_typed_under_another_locale_are_read():
    typed = "ein böser Clown".encode().decode("ascii", "surrogateescape")
    assert prompt_override(typed) == f"prompt.target={quoted('ein böser Clown')}"


@pytest.mark.parametrize("name", [ODD, "a b", "ü", "a,b", "a=b", "'", '"', "${a}", "[x]", "{x}"])
def test_any_path_is_a_value_of_hydras_command_line(name):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    path = f"/data/{name}/run"
    override = OverridesParser.create().parse_override(f"hydra.run.dir={quoted(path)}")
    assert str(override.value()).replace("\\${", "${") == path
    (word,) = shlex.split(pasted("hydra.run.dir", path))  # a shell's, of the line that a command prints
    override = OverridesParser.create().parse_override(word)
    assert override.key_or_group == "hydra.run.dir" and str(override.value()).replace("\\${", "${") == path


@pytest.mark.parametrize(
    "words",
    [
        "evaluate_textures --generator nowhere.safetensors", "sample_textures --generator nowhere.pth --out x",
        "evaluate --mappers nowhere", "evaluate_animation --mappers nowhere", "measure/baselines --mappers nowhere",
        "measure/textures --dataset nowhere",
    ],
)  # fmt: skip
def test_a_commands_error_is_one_line(words, tmp_path):
    name, *rest = words.split()
    code, written = launcher.run(str(launcher.ROOT / f"scripts/{name}.py"), *rest, folder=tmp_path)
    last = written.splitlines()[-1]
    assert code in (1, 2) and "Traceback" not in written and "error: " in last and "nowhere" in last, written


def test_a_missing_library_of_the_system_is_named(tmp_path, monkeypatch):
    words = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "glasses.py").write_text(f"raise ImportError({words!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"install the system's libGL\.so\.1 .*libgl1"):
        startup.need("glasses", "install it")
    with pytest.raises(ImportError, match="install it"):
        startup.need("glasses_that_are_missing", "install it")


def test_what_the_terminal_cannot_show_is_printed_as_codes(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    startup.announce("böse")
    assert stream.buffer.getvalue() == b"b\\xf6se\n"
