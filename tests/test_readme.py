"""The commands in the documents parse: overrides compose, scripts know their flags, extras exist."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from trainer.common.overrides import read_arguments

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "data/README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _commands() -> list[str]:
    lines = []
    for document in DOCUMENTS:
        text = document.read_text()
        for block in re.findall(r"```(?:bash|sh)\n(.*?)```", text, flags=re.S):
            lines += [line.split("  #")[0].strip() for line in block.replace("\\\n", " ").splitlines()]
        lines += re.findall(r"`(python [^`]+)`", text)
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return sorted({part for part in parts if part and not part.startswith("#")})


def test_the_two_first_lines_are_there():
    readme = (ROOT / "README.md").read_text()
    assert "pip install -e . && python -m trainer.mapper prompt=zombie" in readme
    assert 'pip install -e ".[test]" && pytest' in readme


@pytest.mark.parametrize("command", [c for c in _commands() if c.startswith("python -m trainer.")])
def test_trainer_commands_compose(command: str):
    words = shlex.split(command)
    trainer = words[2].removeprefix("trainer.")
    overrides = [word for word in read_arguments(trainer, words[3:]) if word != "-m"]
    choices = [override.split(",")[0] if "-m" in words[3:] else override for override in overrides]
    importlib.import_module(f"{words[2]}.config")
    with initialize_config_module("configs", version_base="1.3"):
        compose(trainer, overrides=[choice for choice in choices if not choice.startswith(("hydra.", "hydra/"))])


@pytest.mark.parametrize("script", sorted({c.split()[1] for c in _commands() if c.startswith("python scripts/")}))
def test_script_commands_use_flags_that_exist(script: str, capsys):
    module = importlib.import_module(script.removesuffix(".py").replace("/", "."))
    with pytest.raises(SystemExit, match="0"):
        module.parse(["--help"])
    text = capsys.readouterr().out
    for command in _commands():
        if command.startswith(f"python {script}"):
            for flag in re.findall(r"(?<=\s)--[a-z-]+", command):
                assert flag in text, f"{command}: {flag} is no flag of {script}"


def test_extras_that_are_named_exist():
    setup = (ROOT / "setup.py").read_text()
    for command in _commands():
        for extras in re.findall(r"\.\[([a-z,]+)\]", command):
            assert all(f'"{extra}":' in setup for extra in extras.split(",")), command


def test_pictures_and_links_exist():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_walk_enters_files_that_exist_and_each_once():
    text = (ROOT / "docs/walkthrough.md").read_text()
    for journey in text.split("\n## ")[1:]:
        names = re.findall(r"`((?:clipface|trainer|scripts|tests)/[\w/]+(?:\.py|/))`", journey)
        missing = [name for name in names if not (ROOT / name).exists()]
        steps = re.findall(r"^\d+\. `([\w/]+\.py)`", journey, flags=re.M)
        assert not missing, f"{journey.splitlines()[0]}: {missing}"
        assert len(set(steps)) == len(steps), f"{journey.splitlines()[0]}: entered twice: {steps}"
