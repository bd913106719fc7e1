"""The command line, and what it says when it cannot start."""

import subprocess
import sys

import pytest

from clipface.view.__main__ import known_prompts, main, parse
from clipface.view.server import start as server


def test_help_shows_three_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        parse(["--help"])
    assert sum(line.startswith("  python -m clipface.view") for line in capsys.readouterr().out.splitlines()) == 3


def test_it_listens_to_this_machine_alone_unless_told_otherwise():
    assert server.is_loopback(parse([]).host) and not server.is_loopback("0.0.0.0")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--host", "no such host"], "host: expected an address"),
        (["--share-token", "short"], "token: expected 8 to 64"),
        (["--generator", "nowhere.safetensors", "--port", "0"], "nowhere"),
    ],
)
def test_what_does_not_fit_ends_with_one_line(arguments, words):
    pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
    with pytest.raises(SystemExit, match=words):
        main(arguments)


@pytest.mark.parametrize("module", ["clipface.view", "clipface.view.measure"])
def test_help_comes_without_torch(module):
    program = f"import runpy, sys; sys.argv = ['view', '--help']; runpy.run_module('{module}', run_name='__main__')"
    loaded = "print([name for name in ('torch', 'pytorch_lightning', 'viser') if name in sys.modules])"
    program = f"import atexit, sys; atexit.register(lambda: {loaded}); {program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "usage:" in done.stdout and done.stdout.endswith("[]\n"), done.stdout


def test_prompts_of_the_configuration_are_known():
    prompts = known_prompts()
    assert len(prompts) >= 80 - 1 and prompts["zombie"] == "a photo of a zombie"
