"""The trainer of animations, on tiny parts: what the command line calls is what is tested."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from clipface.animation import importance
from clipface.edit.attributes import look_offsets
from clipface.edit.loading import load_avatar
from clipface.edit.video_mapper import VideoMapper
from clipface.export.video import read_frames
from clipface.settings import HeadConfig, RendererConfig
from trainer.common.callbacks import Checkpoint
from trainer.common.config import TrainerConfig
from trainer.common.run import fit
from trainer.mapper.config import PromptConfig
from trainer.video_mapper.config import VideoMapperConfig
from trainer.video_mapper.module import VideoMapperModule, initial_mapper
from trainer.video_mapper.train import build, train

KEYFRAMES = """
rate: 10
keyframes:
  - {time: 0}
  - {time: 0.5, expression: {slot_1: 1.0, slot_2: 0.5}, jaw: 10}
  - {time: 1, expression: {slot_1: 0.2}}
"""


@pytest.fixture
def config(tiny_files, monkeypatch, tmp_path) -> VideoMapperConfig:
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    sequence = tmp_path / "nod.yaml"
    sequence.write_text(KEYFRAMES)
    return VideoMapperConfig(
        sequence=str(sequence),
        frames=3,
        image_size=32,
        scored_frames=4,
        learning_rate=0.05,
        smoothness=0.1,
        prompt=PromptConfig("zombie", "a photo of a zombie"),
        trainer=TrainerConfig(steps=4, log_every=1),
    )


def quiet(config: VideoMapperConfig) -> VideoMapperModule:
    torch.manual_seed(0)
    module = build(config)
    module.log = module.log_dict = lambda *values, **more: None
    return module


def started(config: VideoMapperConfig) -> VideoMapperModule:
    """Away from zero offsets, where every loss is the same."""
    module = quiet(config)
    for parameter in module.mapper.parameters():
        torch.nn.init.normal_(parameter, std=60)
    return module


@pytest.mark.parametrize("frames", [3, None])
def test_one_step_lowers_the_loss_on_a_fixed_batch(config, frames):
    module = quiet(replace(config, frames=frames, learning_rate=0.01))
    optimizer = module.configure_optimizers()
    loss = module.training_step(0, 0)
    assert loss.item() == pytest.approx(1), "no change at all"
    loss.backward()
    assert all(parameter.grad is not None for parameter in module.mapper.parameters())
    optimizer.step()
    assert module.training_step(0, 0) < loss - 1e-6


def test_frames_are_drawn_as_often_as_they_are_important(config):
    module = quiet(replace(config, batch_size=50, frames=40))
    drawn = module.sample_frames(range(50))
    assert drawn.shape == (50, 40) and (drawn[:, 1:] >= drawn[:, :-1]).all()
    wanted = module.importance / module.importance.sum()
    found = torch.bincount(drawn.flatten(), minlength=len(wanted)) / drawn.numel()
    torch.testing.assert_close(found, wanted, atol=0.01, rtol=0)
    assert torch.equal(drawn, module.sample_frames(range(50)))
    assert not torch.equal(drawn, module.sample_frames(range(50, 100)))


def test_the_loss_of_all_frames_is_their_mean_by_importance(config):
    module = started(replace(config, frames=None, smoothness=0.0, batch_size=1))
    batch = module.data[0]
    codes = module.codes(batch.faces, batch.frames)
    images = module.avatar.render(
        module.avatar.texture(codes), batch.vertices, batch.faces.camera, 32, batch.faces.background
    )
    each = 1 - module.directional_loss.agreement(images, batch.features)
    weight = importance(module.motion)
    torch.testing.assert_close(module.loss(batch)["direction"], (weight * each).sum() / weight.sum())


def test_frames_of_one_batch_agree_with_frames_alone(config):
    module = started(replace(config, frames=None))
    batch = module.data[0]
    together = module.codes(batch.faces, batch.frames).unflatten(0, batch.frames.shape)
    for face, frame in ((0, 2), (1, 5)):
        alone = module.mapper(
            batch.faces.codes.w_plus[face : face + 1],
            module.motion.expression[frame : frame + 1],
            module.motion.pose[frame : frame + 1],
            module.importance[frame : frame + 1],
        )
        torch.testing.assert_close(together[face, frame], alone[0], atol=1e-5, rtol=1e-5)


def test_roughness_is_the_distance_from_the_neighbours_mean(config):
    module = started(replace(config, frames=None, batch_size=1))
    batch = module.data[0]
    codes = module.codes(batch.faces, batch.frames)
    uneven = (codes[2:] + codes[:-2]) / 2 - codes[1:-1]
    ends = [(codes[1] - codes[0])[None] / 2, (codes[-2] - codes[-1])[None] / 2]
    wanted = torch.cat([uneven, *ends]).square().mean() / batch.faces.codes.w_plus.var()
    torch.testing.assert_close(module.roughness(batch, codes), wanted)


def test_a_pool_draws_each_batch_once(config):
    module = quiet(replace(config, cache=2))
    drawn = [module.data[step] for step in range(4)]
    assert drawn[0] is drawn[2] and drawn[1] is drawn[3] and drawn[0] is not drawn[1]
    fresh = quiet(config).data[1]
    assert torch.equal(fresh.frames, drawn[1].frames) and torch.equal(fresh.features[0], drawn[1].features[0])


def test_a_run_writes_everything_and_says_what_it_reached(config, tmp_path, capsys):
    folder = tmp_path / "run"
    module = train(config, folder).module
    names = {path.name for path in folder.iterdir()}
    assert {"config.yaml", "animation.mp4", "frames.png", "frames.csv", "head.glb", "mapper.json"} <= names
    assert not any(name.endswith((".ckpt", ".partial")) for name in names)
    frames = list(read_frames(folder / "animation.mp4"))
    assert len(frames) == len(module.motion) == 11
    assert Image.open(folder / "frames.png").height > 3 * 256
    assert len((folder / "frames.csv").read_text().splitlines()) == 1 + 4
    mapper, notes = VideoMapper.from_weights(folder / "mapper.safetensors")
    assert set(mapper.state_dict()) == set(module.mapper.state_dict())
    assert notes["sequence"] == config.sequence and notes["prompt"]["target"] == "a photo of a zombie"
    last = capsys.readouterr().out.strip().splitlines()[-2:]
    assert str(folder) in last[0] and "rank correlation" in last[1] and "flicker" in last[1]


class InterruptAfter(pl.Callback):
    """The user's Ctrl-C in the second batch."""

    def on_train_batch_start(self, trainer, module, batch, batch_idx) -> None:
        if batch_idx == 1:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def interrupted(config, tmp_path) -> Path:
    checkpoint = Checkpoint(tmp_path, every=0)
    torch.manual_seed(0)
    fit(
        build(config), range(4), config=config.trainer, folder=tmp_path, seed=0,
        callbacks=[InterruptAfter(), checkpoint],
    )  # fmt: skip
    return checkpoint.path


def test_an_interrupted_run_goes_on_exactly(config, tmp_path, interrupted):
    torch.manual_seed(0)
    straight, resumed = build(config), build(config)
    fit(straight, range(4), config=config.trainer, folder=tmp_path, seed=0)
    fit(
        resumed, range(4), config=replace(config.trainer, resume=str(interrupted)), folder=tmp_path, seed=0
    )  # fmt: skip
    for name, value in straight.mapper.state_dict().items():
        assert torch.equal(value, resumed.mapper.state_dict()[name]), name


def test_a_checkpoint_holds_exactly_the_trained_keys(config, interrupted):
    checkpoint = torch.load(interrupted, weights_only=True)
    trained = {name for name, parameter in build(config).named_parameters() if parameter.requires_grad}
    assert set(checkpoint["state_dict"]) == trained and trained


def test_a_run_may_begin_with_another(config, tmp_path):
    begun = started(config)
    file = begun.mapper.save(tmp_path / "begun.safetensors", **begun.avatar.origin)
    module = build(replace(config, init_from=str(file)))
    for name, value in VideoMapper.from_weights(file)[0].state_dict().items():
        assert torch.equal(module.mapper.state_dict()[name], value)
    with pytest.raises(FileNotFoundError, match="no_such_run"):
        build(replace(config, init_from="no_such_run.safetensors"))


def test_a_known_prompt_begins_at_its_look_and_another_at_zero():
    avatar = load_avatar(None, HeadConfig(), RendererConfig())
    levels, dim = avatar.generator.levels, avatar.generator.config["w_dim"]
    frames = torch.randn(2, levels, dim), torch.randn(2, avatar.head.n_expression), torch.zeros(2, 6)

    def begun(prompt: str, **changes) -> torch.Tensor:
        config = VideoMapperConfig(init_from="known", prompt=PromptConfig(prompt, "any words"))
        return initial_mapper(replace(config, **changes), avatar).offsets(*frames)

    clown = look_offsets()["clown"].expand(2, -1, -1)  # the same in every frame, before it learns
    torch.testing.assert_close(begun("clown"), clown, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(begun("angry", init_from="look:clown"), clown, atol=1e-5, rtol=1e-5)
    assert not begun("angry").any() and not begun("freckles").any()
    assert not begun("clown", generator="mine.safetensors").any()  # which was trained none
    with pytest.raises(ValueError, match="look:nobody"):
        begun("clown", init_from="look:nobody")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sequence": ""}, "sequence: expected one, got none"),
        ({"prompt": PromptConfig()}, "prompt: expected one, got none"),
        ({"rate": -1.0}, "rate: expected a number above 0, got -1.0"),
        ({"frames": 0}, "frames: expected 1 or more, got 0"),
    ],
)
def test_what_is_missing_or_wrong_is_named(config, wrong, message):
    with pytest.raises(ValueError, match=message):
        build(replace(config, **wrong))


def test_a_face_that_stays_neutral_is_refused(config, tmp_path):
    still = tmp_path / "still.yaml"
    still.write_text("rate: 10\nkeyframes:\n  - {time: 0}\n  - {time: 1}\n")
    with pytest.raises(ValueError, match="neutral throughout"):
        build(replace(config, sequence=str(still)))


def test_training_leaves_out_what_is_finer_than_its_textures(config):
    full, coarse = (quiet(replace(config, smoothness=0.0, **more)) for more in ({}, {"texture_size": 16}))
    assert coarse.avatar.generator.config["resolution"] > 16
    for module, learns in ((full, True), (coarse, False)):
        batch = module.data[0]
        codes = module.codes(batch.faces, batch.frames).detach().requires_grad_()
        module.codes = lambda *_, codes=codes: codes
        module.loss(batch)["direction"].backward()
        assert bool(codes.grad[:, -1].any()) is learns and codes.grad[:, 0].any()


def test_the_loss_of_a_batch_is_the_mean_of_its_faces(config):
    """Whatever devices they are spread over."""
    module = started(config)
    both, *each = (module.loss(module.sample(indices)) for indices in ([0, 1], [0], [1]))
    for name, value in both.items():
        torch.testing.assert_close(value, (each[0][name] + each[1][name]) / 2, msg=name)
