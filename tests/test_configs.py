"""Every configuration composes, types are checked, and no key is without a reader."""

import ast
import importlib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import launcher
import pytest
from hydra import compose, initialize_config_module
from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import OmegaConf

from clipface.guidance import load_encoder
from clipface.settings import GuidanceConfig
from trainer.common.config import RENAMED, refuse_renamed
from trainer.mapper.config import PromptConfig

ROOT = Path(__file__).resolve().parent.parent
TRAINERS = sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
# What a trainer cannot do without: given on the command line by the user.
NEEDED = {
    "mapper": ["prompt=zombie"],
    "video_mapper": ["prompt=angry", "sequence=laugh"],
    "texture_gan": [],
    "face_encoder": [],
    "sentence_projection": [],
    "text_mapper": [],
}


def _compose(trainer: str, *overrides: str):
    importlib.import_module(f"trainer.{trainer}.config")
    with initialize_config_module("configs", version_base="1.3"):
        return compose(trainer, overrides=[*NEEDED[trainer], *overrides])


@pytest.mark.parametrize("trainer", ["texture_gan", "face_encoder"])
def test_half_precision_is_for_gpus(trainer):
    """A CPU without instructions for bfloat16 takes a hundred times as long for a convolution."""
    for overrides, wanted in (([], "32-true"), (["trainer=gpu"], "bf16-mixed"), (["trainer.precision=a"], "a")):
        assert OmegaConf.to_object(_compose(trainer, *overrides)).trainer.precision == wanted


def test_each_trainer_has_its_root_config():
    assert TRAINERS == sorted(NEEDED)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_root_config_resolves_to_typed_objects(trainer: str):
    assert is_dataclass(OmegaConf.to_object(_compose(trainer)))


@pytest.mark.parametrize("trainer", TRAINERS)
def test_misspelt_key_and_wrong_type_are_refused(trainer: str):
    with pytest.raises(ConfigCompositionException, match="steeps"):
        _compose(trainer, "trainer.steeps=3")
    with pytest.raises(ConfigCompositionException, match="steps"):
        _compose(trainer, "trainer.steps=many")


def test_unknown_prompt_lists_the_known_ones():
    with pytest.raises(MissingConfigException, match="(?s)zombie"):
        _compose("mapper", "prompt=no_such_prompt")


def test_prompts_say_what_they_aim_at():
    schema = OmegaConf.structured(PromptConfig)
    for path in sorted((ROOT / "configs/prompt").glob("*.yaml")):
        prompt = OmegaConf.merge(schema, OmegaConf.load(path))  # as composing does, but for 80 prompts at once
        if path.stem != "words":
            assert prompt.name == path.stem and prompt.target and prompt.source, path.name


def test_prompts_outside_the_shipped_encoders_words_say_so_and_no_others():
    encoder = load_encoder(GuidanceConfig())
    for path in sorted((ROOT / "configs/prompt").glob("*.yaml")):
        text = path.read_text()
        unknown = encoder.unknown_words(OmegaConf.create(text).get("target", ""))
        first = f"# The shipped encoder does not know: {', '.join(unknown)}; guidance=vit_b_32 does"
        said = text.startswith("# The shipped encoder")
        assert said == bool(unknown), f"{path.name}: words the encoder does not know: {unknown}; its first line: {text}"
        assert not unknown or text.startswith(f"{first}\n"), f"{path.name}: the first line should be: {first}"


def test_the_papers_prompts_are_there():
    paper = (
        "mona_lisa werewolf zombie dracula ghost witcher white_walker annabelle gothic_makeup party_makeup "
        "red_lipstick blue_eyes blonde_hair wrinkles sketch stoned disney_princess pixar_character barbie angry happy "
        "laughing sad surprised disgusted"
    )
    assert set(paper.split()) <= {path.stem for path in (ROOT / "configs/prompt").glob("*.yaml")}


@pytest.mark.parametrize("path", sorted((ROOT / "configs/experiment").rglob("*.yaml")), ids=lambda p: p.stem)
def test_experiments_compose(path: Path):
    name = path.relative_to(ROOT / "configs/experiment").with_suffix("").as_posix()
    composed = 0
    for trainer in TRAINERS:
        try:
            OmegaConf.to_object(_compose(trainer, f"experiment={name}"))
            composed += 1
        except ConfigCompositionException:
            continue
    assert composed == len(TRAINERS) if name == "smoke" else composed >= 1


def _schemas(schema: type) -> set[type]:
    found = {schema}
    for hint in get_type_hints(schema).values():
        for kind in (hint, *get_args(hint)):
            if is_dataclass(kind):
                found |= _schemas(kind)
    return found


def test_no_key_without_a_reader():
    read = set()
    for folder in ("clipface", "trainer"):
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text())
            read |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            # `Network(**asdict(config))` reads every key that the network's constructor names.
            signatures = [node for node in ast.walk(tree) if isinstance(node, ast.arguments)]
            read |= {argument.arg for one in signatures for argument in (*one.args, *one.kwonlyargs)}
    for trainer in TRAINERS:
        root = type(OmegaConf.to_object(_compose(trainer)))
        for schema in _schemas(root):
            unread = {field.name for field in fields(schema)} - read
            assert not unread, f"{schema.__name__}: nobody reads {sorted(unread)}"


@pytest.mark.parametrize("trainer", TRAINERS)
def test_keys_of_earlier_versions_are_refused_with_the_new_name(trainer: str):
    schema = OmegaConf.structured(type(OmegaConf.to_object(_compose(trainer))))
    for old, new in RENAMED.items():
        assert OmegaConf.select(schema, old, throw_on_missing=False) is None, f"{trainer} still reads {old}"
        with pytest.raises(SystemExit, match=f"^{old} is called {new} now; give {new}=4$"):
            refuse_renamed([f"+{old}=4"])
    refuse_renamed(["trainer.steps=3", "cache=2", "prompt.target=start=now"])


def test_the_command_refuses_them():
    renamed = ("mapper", "pool=4", "cache=4"), ("texture_gan", "looks.weight=3", "attribute_offsets.weight=3")
    for trainer, old, new in renamed:
        code, written = launcher.run("-m", f"trainer.{trainer}", old)
        assert code == 1 and f"now; give {new}" in written


def test_a_path_is_enough_to_train_on_a_data_set():
    chosen = OmegaConf.to_object(_compose("texture_gan", "dataset.path=faces")).dataset
    assert chosen.path == "faces" and chosen.heads == "fitted"
