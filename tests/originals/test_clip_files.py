"""CLIP's weights in OpenAI's files and open_clip's: the same numbers, each in its activation, and nothing is run."""

import json
import warnings
from fractions import Fraction

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from clipface.edit.loading import load_encoders
from clipface.edit.options import add_encoder_weights, command, encoder_weights
from clipface.evaluation.edits.protocol import read_protocol
from clipface.guidance import load_encoder
from clipface.guidance.clip_files import trained_quick, where
from clipface.settings import GuidanceConfig, named_guidance
from scripts.measure.fuzzing.rooms.guidance import parameter_tree

TINY = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}


@pytest.fixture
def clip(tmp_path):
    (tmp_path / "tiny-openai.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path / "tiny-openai.json")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = open_clip.create_model("tiny-openai", force_quick_gelu=True).eval()
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("kind", ["script", "state", "safetensors"])
def test_openais_files_are_read_with_their_activation(kind, clip, tmp_path, caplog):
    state, path = clip.state_dict(), tmp_path / ("weights.safetensors" if kind == "safetensors" else "ViT.pt")
    sizes = {name: torch.tensor(1) for name in ("input_resolution", "context_length", "vocab_size")}
    if kind == "script":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.save(torch.jit.script(parameter_tree(state)), path)
    elif kind == "state":
        torch.save({**{name: value.clone() for name, value in state.items()}, **sizes}, path)
    else:
        save_file({**{name: value.clone() for name, value in state.items()}, **sizes}, path)
    caplog.clear()
    encoder = load_encoder(GuidanceConfig(model="tiny-openai", weights=str(path)))
    assert not caplog.records  # such as that the model is random
    images = torch.rand(2, 3, 32, 32)
    wanted = nn.functional.normalize(clip.encode_image((images - encoder.mean) / encoder.std), dim=-1)
    torch.testing.assert_close(encoder.encode_image(images), wanted)
    plain = open_clip.create_model("tiny-openai").eval()
    plain.load_state_dict(state)
    other = nn.functional.normalize(plain.encode_image((images - encoder.mean) / encoder.std), dim=-1)
    assert (other - wanted).abs().max() > 1e-4  # the activation makes a difference here
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"guidance\.weights.*cut off"):
        load_encoder(GuidanceConfig(model="tiny-openai", weights=str(path)))


def test_what_is_no_file_of_the_model_is_told_in_a_line_without_advice_to_run_it(clip, tmp_path):
    patches = {**clip.state_dict(), "visual.conv1.weight": torch.zeros(16, 3, 8, 8)}
    for name, content in (("patches", patches), ("generator", {"const": torch.zeros(1)}), ("code", {"a": Fraction(1)})):
        torch.save(content, tmp_path / f"{name}.pt")
    (tmp_path / "page.pt").write_text("Not found")
    for name, message in (
        ("patches.pt", "patches of 16 pixels, got width 16 and patches of 8"), ("generator.pt", "got const"),
        ("code.pt", r"it asks for fractions\.Fraction"), ("page.pt", r"no file of torch\.save"),
        ("", "is a folder; expected the file in it"),
    ):  # fmt: skip
        with pytest.raises((ValueError, FileNotFoundError), match=message) as told:
            load_encoder(GuidanceConfig(model="tiny-openai", weights=str(tmp_path / name)))
        assert "\n" not in str(told.value) and "weights_only" not in str(told.value)


def test_a_name_that_tells_no_activation_is_warned_of_unless_the_numbers_are_openais(clip, tmp_path):
    (tmp_path / "tiny-quickgelu.json").write_text(json.dumps({**TINY, "quick_gelu": True}))
    open_clip.add_model_config(tmp_path / "tiny-quickgelu.json")
    state, path = clip.state_dict(), tmp_path / "mine.pt"
    torch.save({name: value.half() for name, value in state.items()}, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_encoder(GuidanceConfig(model="tiny-quickgelu", weights=str(path)))
    torch.save(state, path)
    with pytest.warns(UserWarning, match=r"mine\.pt says not with which activation .* give guidance\.model=tiny$"):
        load_encoder(GuidanceConfig(model="tiny-quickgelu", weights=str(path)))


def test_names_tell_the_activation_of_open_clips_files(tmp_path):
    assert trained_quick("ViT-B-32-quickgelu", tmp_path / "CLIP-ViT-B-32-laion2B-s34B-b79K" / "model.bin") is False
    assert trained_quick("ViT-B-32", tmp_path / "vit_base_patch32_clip_224.openai" / "model.safetensors") is True
    assert trained_quick("ViT-B-32", tmp_path / "mine.pt") is None


def test_a_missing_file_is_told_where_to_get():
    assert "ViT-B-32.pt from https://openaipublic" in where("ViT-B-32-quickgelu", "openai")
    with pytest.raises(
        FileNotFoundError, match=r"none\.pt does not exist; take ViT-B-16\.pt from .*timm/vit_base_patch16"
    ):
        load_encoder(named_guidance("vit_b_16", "none.pt"))


def test_without_a_network_it_is_told_how_trainers_and_scripts_take_a_file(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    config = GuidanceConfig("ViT-B-32-256", pretrained="datacomp_s34b_b86k")
    with pytest.raises(ConnectionError, match=r"trainers as guidance\.weights=<file>, to scripts as --encoder-weights"):
        load_encoder(config)


def test_encoders_that_are_averaged_have_local_files_too(tiny_files):
    face, scoring = (str(tiny_files / f"{name}_encoder.safetensors") for name in ("face", "scoring"))
    config = GuidanceConfig(weights=face, also=["scoring"], also_weights={"scoring": scoring})
    for encoder, file in zip(load_encoders(config), (face, scoring), strict=True):
        own = load_encoder(GuidanceConfig(weights=file))
        assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), own.parameters(), strict=True))
    with pytest.raises(ValueError, match=r"expected names in guidance\.also \(scoring\), got 'vit_l_14'"):
        GuidanceConfig(also=["scoring"], also_weights={"vit_l_14": "ViT-L-14.pt"})


def test_commands_take_local_weights():
    parser = command("")
    add_encoder_weights(parser)
    given = encoder_weights(parser.parse_args(["--encoder-weights", "vit_b_16=a.pt", "vit_l_14=b.pt"]))
    protocol = read_protocol("paper", weights=given)
    assert [named_guidance(name, protocol.weights[name]).weights for name in protocol.encoders] == ["a.pt", "b.pt"]
    with pytest.raises(ValueError, match="NAME=FILE with a name of"):
        encoder_weights(parser.parse_args(["--encoder-weights", "b16=a.pt"]))
