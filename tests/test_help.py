"""The help of every entry point says what it does, with three examples whose options exist."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from clipface import assets

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if "__main__" in path.read_text())
TRAINERS = sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
LEAST = 3


def examples(text: str, command: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if re.match(rf"\s*(\S+=\S+ |pip .* && )?{command}( |$)", line)]


def check(text: str, command: str) -> list[str]:
    """The examples in a help's text, which are enough, and stand after some words."""
    found = examples(text, re.escape(command))
    assert len(set(found)) >= LEAST, f"{command}: {LEAST} examples are wanted, found {found}"
    words = text.split("\n" + found[0])[0].split("\n\n", "usage:" in text)[-1]
    assert len(words.split()) > LEAST, f"{command}: what it does should stand before the examples"
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name: str, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))  # they import one another
    module = importlib.import_module(name)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit, match="0"):
        module.main()
    text = capsys.readouterr().out
    for example in check(text, f"python scripts/{name}.py"):
        for flag in re.findall(r"(?<=\s)--[a-z_-]+", example):
            assert flag in text.split("options:")[1], f"{example}: {flag} is no flag of it"


@pytest.mark.parametrize("name", TRAINERS)
def test_trainers(name: str):
    importlib.import_module(f"trainer.{name}")
    with initialize_config_module("configs", version_base="1.3"):
        text = compose(name, return_hydra_config=True).hydra.help.template  # filled in by --help
        for example in check(text, f"python -m trainer.{name}"):
            words = [word for word in shlex.split(example)[3:] if word != "-m" and not word.startswith("hydra.")]
            compose(name, overrides=[word.split(",")[0] for word in words])
    assert "$APP_CONFIG_GROUPS" in text and "$CONFIG" in text


def test_assets(capsys):
    with pytest.raises(SystemExit, match="0"):
        assets.main(["--help"])
    check(capsys.readouterr().out, "python -m clipface.assets")
