"""Any words and paths reach a trainer, or a message shows the command that takes them there; words are checked."""

import shlex
from pathlib import Path

import launcher
import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

import trainer.mapper.config
import trainer.video_mapper.config  # noqa: F401  registers the schema
from clipface.settings import config_names
from trainer.common.callbacks import SaveConfig
from trainer.common.overrides import read_arguments

WORDS = [
    "don't smile", "a man (old)", "zombie!", "très triste", 'say "boo"', "#1, smiling", "a=b", "$5", "${oc.env:HOME}",
    "{x}", "[x]", "a\\${x}", "back\\slash", "end\\", "tick\\'", "null", "a: b;c&d|e", "-m", "--help", "僵尸",
    "prompt=old",
]  # fmt: skip
READ_BY_HYDRA = ("$5", "${oc.env:HOME}", "a\\${x}", "back\\slash", "end\\", "null", "-m", "--help")
SMOKE = ["experiment=smoke", "trainer.threads=1", "trainer.steps=1", "image_size=32", "validation=1", "cache=1"]


def composed(arguments: list[str], name: str = "mapper"):
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose(name, [word for word in arguments if not word.startswith("hydra.")]))


def refused(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        read_arguments("mapper", arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def pasted(message: str) -> list[str]:
    """What a shell makes of the command in a message, after python -m trainer.mapper."""
    (line,) = [line for line in message.splitlines() if line.startswith("  python -m trainer.mapper ")]
    return shlex.split(line)[3:]


@pytest.mark.parametrize("words", WORDS)
def test_any_words_are_a_prompt_and_are_read_back_from_the_runs_configuration(words: str, tmp_path):
    for arguments in (["--prompt", words], [f"--prompt={words}"]):
        overrides = read_arguments("mapper", arguments)
        assert len(overrides) == 1
    config = composed(overrides)
    assert config.prompt.target == config.prompt.name == words

    class Trainer:
        is_global_zero = True

    SaveConfig(config, tmp_path).on_train_start(Trainer(), None)
    assert OmegaConf.to_object(OmegaConf.load(tmp_path / "config.yaml"))["prompt"]["target"] == words


@pytest.mark.parametrize("trainer", ["mapper", "video_mapper"])
def test_a_configured_name_is_that_prompt(trainer: str):
    assert read_arguments(trainer, ["--prompt", "zombie", "cache=3"]) == ["prompt=zombie", "cache=3"]
    assert composed(["prompt=zombie"], trainer).prompt.target == "a photo of a zombie"
    assert "words" in config_names("prompt")
    assert read_arguments(trainer, ["--prompt", "words"]) == ["prompt.target='words'"]


@pytest.mark.parametrize("words", [words for words in WORDS if words not in READ_BY_HYDRA])
def test_words_that_hydra_refuses_come_back_as_a_command_that_works(words: str, capsys):
    message = refused(capsys, f"prompt.target={words}", "cache=3")
    assert "--prompt" in message
    again = pasted(message)
    assert again[1] == "cache=3" and read_arguments("mapper", again) == again
    assert composed(again).prompt.target == words


@pytest.mark.parametrize("path", ["my (old) runs/x.safetensors", "/home/jürgen/g.safetensors", "it's/a, b.pt", "#1.pt"])
def test_paths_too(path: str, capsys):
    again = pasted(refused(capsys, "prompt=zombie", f"generator={path}", f"hydra.run.dir={path}"))
    config = composed(again)
    assert config.generator == path
    with initialize_config_module("configs", version_base="1.3"):
        assert compose("mapper", again, return_hydra_config=True).hydra.run.dir == path
    photos = pasted(refused(capsys, "prompt=zombie", "faces.photos=[me (1).jpg,ü.jpg]"))
    assert composed(photos).faces.photos == ["me (1).jpg", "ü.jpg"]


def test_what_hydra_reads_goes_to_it_as_it_is():
    for arguments in (
        ["prompt=zombie", "generator=my runs/x.pt", "hydra.run.dir=a b/c"], ["-m", "prompt=zombie,old"],
        ["prompt.target='a, b'"], ["~logger", "+x=3"], ["--cfg", "job"], ["faces.photos=[a.jpg,b.jpg]"],
    ):  # fmt: skip
        assert read_arguments("mapper", arguments) == arguments
    assert read_arguments("texture_gan", ["--prompt", "x"], prompt=False) == ["--prompt", "x"]  # refused by Hydra


def test_one_prompt_with_words(capsys):
    assert "expected one prompt" in refused(capsys, "--prompt", "zombie", "prompt=old")
    assert "expected words" in refused(capsys, "--prompt")
    assert "expected words" in refused(capsys, "--prompt", "  ")
    assert "quotes of its own" in refused(capsys, "prompt.target=a man, old")


def run(tiny_files: Path, folder: Path, *arguments: str) -> tuple[int, str]:
    return launcher.run("-m", "trainer.mapper", *arguments, folder=folder, CLIPFACE_DATA=str(tiny_files))


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--prompt", "зомби"], "'зомби'"),
        (["--prompt", "a photo of a qwerty"], "(unknown: qwerty)"),
        (["-m", "prompt=zombie,elf"], "(unknown: elf)"),
    ],
)
def test_unreadable_words_end_the_command_before_anything_is_loaded(tiny_files, tmp_path, arguments, said):
    code, written = run(tiny_files, tmp_path, *arguments)
    assert code == 2 and said in written and "Traceback" not in written, written
    assert "guidance=" in written and not list(tmp_path.rglob("*.*"))


def test_a_run_in_a_folder_of_any_name_warns_of_the_words_it_leaves_out(tiny_files, tmp_path):
    folder = tmp_path / "jürgen's, 1 (new)"
    words = "don't make a zombie (old) with мех"
    code, message = run(tiny_files, tmp_path, "--prompt", words, f"hydra.run.dir={folder}", *SMOKE)
    assert code == 2
    again = pasted(message)
    code, written = run(tiny_files, tmp_path, *again)
    assert code == 0, written[-2000:]
    warned = [line for line in written.splitlines() if "does not know" in line or "never saw" in line]
    assert len(warned) == 1 and warned[0].startswith("warning: ") and "dont, make, мех" in warned[0]
    assert OmegaConf.load(folder / "config.yaml").prompt.target == words and (folder / "mapper.safetensors").is_file()
