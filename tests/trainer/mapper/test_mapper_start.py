"""What may change, how a mapper begins, the pre-training to zero offsets, and edits without training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import script
from PIL import Image

from clipface import weights
from clipface.edit.attributes import look_offsets
from clipface.edit.loading import load_avatar, load_mapper
from clipface.edit.losses import lip_penetration
from clipface.edit.mapper import FaceMapper
from clipface.edit.sampling import sample_faces, sample_latents
from clipface.head.expressions import EXPRESSION_SLOTS, expression_of
from clipface.settings import HeadConfig, RendererConfig
from trainer.common.config import TrainerConfig
from trainer.mapper.config import LearningRates, MapperConfig, ModelConfig, PromptConfig
from trainer.mapper.module import initial_mapper
from trainer.mapper.train import build, train


@pytest.fixture
def config(tiny_files, tmp_path, monkeypatch) -> MapperConfig:
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    with np.load(tiny_files / "open_head.npz") as head:  # with landmarks apart from each other
        np.savez(tmp_path / "head.npz", **{**head, "landmark_faces": np.arange(68, dtype=np.int32)})
    return MapperConfig(
        batch_size=2,
        image_size=32,
        validation=2,
        head=HeadConfig("open", str(tmp_path / "head.npz")),
        prompt=PromptConfig("zombie", "a photo of a zombie"),
        learning_rate=LearningRates(0.05, 0.05, 0.05),
        trainer=TrainerConfig(steps=2, log_every=1),
    )


def test_an_edit_of_a_region_is_trained_saved_and_keeps_the_rest_of_the_texture(config, tmp_path):
    module = train(replace(config, model=ModelConfig(region="lips")), tmp_path / "run").module
    mapper, _ = FaceMapper.from_weights(tmp_path / "run" / "mapper.safetensors")
    assert mapper.region == "lips" and mapper.expression is None, "the expression is off unless asked for"
    before, after = module.evaluation.textures
    outside = module.avatar.mask("lips")[0] == 0
    assert torch.equal(before[..., outside], after[..., outside]) and not torch.equal(before, after)
    asked = initial_mapper(ModelConfig(region="lips", expression=True), module.avatar)
    assert asked.expression is not None


def test_what_cannot_be_is_refused_at_the_start(config):
    with pytest.raises(ValueError, match="region: expected one or more of .*lips.*, got 'nostril'"):
        build(replace(config, model=ModelConfig(region="nostril")))
    with pytest.raises(ValueError, match="model.region: expected an edit of the texture, got 'lips'"):
        build(replace(config, model=ModelConfig(region="lips", texture=False, identity=True)))
    with pytest.raises(FileNotFoundError, match="no_such.safetensors"):
        build(replace(config, model=ModelConfig(init_from="no_such.safetensors")))


def test_identity_moves_on_request_and_its_prior_holds_it(config, tmp_path):
    moved = []
    for weight in (0.0, 100.0):
        model = ModelConfig(texture=False, expression=False, identity=True)
        module = train(replace(config, model=model, identity_prior_weight=weight), tmp_path / str(weight)).module
        faces, edited = module.evaluation.faces.codes, module.evaluation.edited
        assert torch.equal(edited.w_plus, faces.w_plus) and torch.equal(edited.expression, faces.expression)
        moved.append((edited.shape - faces.shape).norm().item())
    assert moved[0] > 1.5 * moved[1] > 0


def test_lips_that_cross_cost_as_much_as_was_asked_for(config):
    losses = []
    for weight in (0.0, 2.0):
        model = ModelConfig(texture=False, init_from="random")
        module = build(replace(config, lip_penetration_weight=weight, model=model))
        module.log = module.log_dict = lambda *values, **more: None
        torch.manual_seed(0)
        for parameter in module.mapper.parameters():
            torch.nn.init.normal_(parameter)
        edited = module.edit(module.data[0].faces, module.data[0].texture).codes
        landmarks = module.avatar.head.landmarks(module.avatar.head(edited.shape, edited.expression))
        losses.append((module.training_step(0, 0) - weight * 100 * lip_penetration(landmarks)).detach())
    assert lip_penetration(landmarks) > 0
    torch.testing.assert_close(*losses)


def test_pre_training_brings_random_offsets_to_zero_and_a_run_begins_with_them(config, tmp_path):
    pre = replace(
        config, zero_offsets=True, batch_size=16, model=ModelConfig(init_from="random", identity=True),
        learning_rate=LearningRates(1.0, 1.0, 1.0, decay=True), trainer=TrainerConfig(steps=40, log_every=10),
        prompt=PromptConfig("pretrain_zero"),
    )  # fmt: skip
    module = train(pre, tmp_path / "pre").module
    file = tmp_path / "pre" / "mapper.safetensors"
    before, after = FaceMapper.from_weights(file)[1]["offsets"]
    assert before > 1 and after < before / 3
    assert after == pytest.approx(module.distance(), rel=1e-4)
    avatar = load_avatar(config.generator, config.head, config.renderer)
    begun = initial_mapper(ModelConfig(identity=True, init_from=str(file)), avatar)
    assert all(torch.equal(value, begun.state_dict()[name]) for name, value in module.mapper.state_dict().items())
    assert not initial_mapper(ModelConfig(), avatar).texture.weights[-1].any(), "zero unless told otherwise"


def published(layers: list[tuple[int, int]]) -> dict[str, torch.Tensor]:
    """A network under the authors' names."""
    state = {}
    for number, (into, out) in enumerate(layers):
        state[f"layers.{number}.weight"] = 100 * torch.randn(out, into)
        state[f"layers.{number}.bias"] = torch.randn(out)
    return state


@pytest.fixture
def authors_file(tmp_path) -> Path:
    path = tmp_path / "pretrain_mapper.pt"
    texture, geometry = [(16, 16)] * 4, [(16, 50), (50, 50), (50, 50), (50, 4)]
    torch.save({"texture_mapper": published(texture), "geometry_mapper": published(geometry)}, path)
    return path


def test_a_run_begins_with_the_authors_pre_training(config, authors_file):
    avatar = load_avatar(config.generator, config.head, config.renderer)
    with pytest.raises(ValueError, match="pretrain_mapper.pt: expected UV map .*, got none noted"):
        initial_mapper(ModelConfig(init_from=str(authors_file)), avatar)
    avatar.head.uv_map_changed = False  # as of FLAME, for which the authors' files are
    begun = initial_mapper(ModelConfig(init_from=str(authors_file)), avatar)
    codes = sample_latents(avatar, [0, 1], 1.0)
    theirs = FaceMapper.from_published(authors_file, avatar.generator.levels)(codes)
    ours = begun(codes)
    assert torch.equal(ours.w_plus, theirs.w_plus)
    torch.testing.assert_close(ours.expression, theirs.expression)  # the head has more coefficients than their file
    assert ours.expression[:, :4].all() and not ours.expression[:, 4:].any()


def test_faces_are_edited_without_training(config, tmp_path, capsys):
    for name, model in (("lips", ModelConfig(region="lips")), ("whole", ModelConfig())):
        train(replace(config, model=model), tmp_path / name)
    mappers = ["--mapper", str(tmp_path / "lips"), str(tmp_path / "whole" / "mapper.safetensors")]
    shared = ["--output", str(tmp_path / "out"), "--size", "32"]
    words = ["--strength", "1", "-0.5", "--latents", "3:6", "--batch", "2", "--glb"]
    first = script("edit").main([*mappers, *words, *shared])
    assert len(first.textures[1]) == 1, "the last batch"
    names = {path.name for path in (tmp_path / "out" / "textures").iterdir()}
    assert names == {f"{number:04d}.{kind}" for number in range(3) for kind in ("png", "glb")}
    assert Image.open(tmp_path / "out" / "faces.png").width > 6 * 32
    said = capsys.readouterr().out
    assert "3 faces on cpu" in said and "ms to edit a face" in said
    origin = weights.load_config(tmp_path / "lips" / "mapper.safetensors")
    origin = {name: origin[name] for name in ("uv_map", "generator_sha256")}
    np.savez(tmp_path / "code.npz", w_plus=torch.randn(1, 10, 16).numpy(), **origin)
    mixed = script("edit").main([*mappers, "--mix", "--latents", str(tmp_path / "code.npz"), *shared])
    assert len(mixed.edited.layers) == 2
    nothing = script("edit").main([*mappers, "--strength", "0", "--latents", "0:1", *shared])
    assert torch.equal(*nothing.textures)
    with pytest.raises(ValueError, match="latents: expected .* seeds such as 0:8, got '5'"):
        script("edit").main([*mappers, "--latents", "5", *shared])


@pytest.fixture(scope="module")
def shipped():
    """What comes with the project."""
    return load_avatar(None, HeadConfig(), RendererConfig())


def test_a_mapper_can_start_at_a_look(shipped):
    avatar = shipped
    mapper = initial_mapper(ModelConfig(init_from="look:clown"), avatar)
    codes = sample_latents(avatar, [0, 1], 1.0)
    offsets = mapper.offsets(codes)
    torch.testing.assert_close(offsets.w_plus, look_offsets()["clown"].expand(2, -1, -1), atol=1e-5, rtol=1e-5)
    assert not offsets.expression.any() and len(mapper.texture.weights) == 4  # and all of it can learn
    with pytest.raises(ValueError, match="model.init_from: expected an edit of the texture"):
        initial_mapper(ModelConfig(init_from="look:clown", texture=False), avatar)


def test_a_known_prompt_begins_at_its_look_and_another_at_zero(monkeypatch, tiny_files, shipped):
    avatar, w_plus = shipped, sample_latents(shipped, [0], 1.0).w_plus

    def begun(prompt: str | None, **model) -> torch.Tensor:
        return initial_mapper(ModelConfig(init_from="known", **model), avatar, prompt).texture(w_plus)[0]

    torch.testing.assert_close(begun("clown"), look_offsets()["clown"], atol=1e-5, rtol=1e-5)
    assert not begun("angry").any() and not begun(None).any()
    assert not begun("freckles").any()  # its offset hardly shows
    assert initial_mapper(ModelConfig(init_from="known", texture=False), avatar, "clown").texture is None
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))  # another generator, which was trained none
    assert not begun("clown").any()


def test_a_known_expression_begins_as_it_is_named(shipped):
    codes = sample_latents(shipped, [0, 1], 1.0)

    def begun(prompt: str, **model) -> torch.Tensor:
        return initial_mapper(ModelConfig(init_from="known", **model), shipped, prompt).offsets(codes).expression

    slots = shipped.head.expression_names
    for name, slot in (("angry", "browDownLeft"), ("surprised", "jawOpen"), ("smirking", "mouthSmileLeft")):
        wanted = expression_of(shipped.head, EXPRESSION_SLOTS[name][0])
        assert wanted[0, slots.index(slot)] > 0.3
        torch.testing.assert_close(begun(name), wanted.expand(2, -1), atol=1e-5, rtol=0)
    assert not begun("clown").any() and begun("angry", texture=False)[0].any()
    assert begun("angry", expression=False) is None


@pytest.mark.parametrize(
    ("prompt", "model", "shares"),
    [
        ("angry", {"init_from": "known"}, [0.2, 0.04]),
        ("angry", {"init_from": "known", "expression": False}, [1]),
        ("angry", {"init_from": "zero"}, [1, 1]),
        ("old", {"init_from": "known"}, [1, 1]),
    ],
)
def test_a_named_expression_stays_and_skin_learns_slowly(config, prompt, model, shares):
    named = replace(config, prompt=replace(config.prompt, name=prompt), model=ModelConfig(**model))
    found = [group["lr"] for group in build(named).configure_optimizers().param_groups]
    rates = config.learning_rate.texture, config.learning_rate.expression
    assert found == pytest.approx([share * rate for share, rate in zip(shares, rates, strict=False)])


def test_the_prior_of_a_named_expression_is_measured_from_it(config, tmp_path):
    with np.load(config.head.path) as head:
        names = ("browDownLeft", "browDownRight", "jawOpen", *head["expression_names"][3:])
        np.savez(tmp_path / "named.npz", **{**head, "expression_names": np.array(names)})
    named = replace(
        config, head=HeadConfig("open", str(tmp_path / "named.npz")), prompt=replace(config.prompt, name="angry"),
        model=ModelConfig(init_from="known"), learning_rate=LearningRates(0.0, 0.0, 0.0), lip_penetration_weight=0.0,
    )  # fmt: skip
    module = train(named, tmp_path / "run").module
    assert module.trainer.callback_metrics["expression_prior"] < 1e-9
    assert module.evaluation.edited.expression[:, :3].gt(0.3).all(), "and the faces have it"


def test_a_run_begins_where_the_text_mapper_ends():
    """On the shipped generator, whose text mapper is shipped too."""
    avatar = load_avatar(None, HeadConfig(), RendererConfig())
    torch.manual_seed(0)
    mapper = initial_mapper(ModelConfig(init_from="text_mapper"), avatar, None, "an angry witch")
    codes = sample_faces(avatar, range(4), 1.0, "validation").codes
    edit = load_mapper("text:an angry witch", avatar)
    with torch.no_grad():
        for found, right in zip(mapper.offsets(codes)[:2], edit.offsets(codes)[:2], strict=True):
            assert (found - right).norm() < 0.15 * right.norm()
