"""The command line, and what it says when it cannot start."""

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
        (["--host", "no such host"], "host: an address"),
        (["--share-token", "short"], "token: 8 to 64"),
        (["--generator", "nowhere.safetensors", "--port", "0"], "nowhere"),
    ],
)
def test_what_does_not_fit_ends_with_one_line(arguments, words):
    pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
    with pytest.raises(SystemExit, match=words):
        main(arguments)


def test_prompts_of_the_configuration_are_known():
    prompts = known_prompts()
    assert len(prompts) >= 80 - 1 and prompts["zombie"] == "a photo of a zombie"
