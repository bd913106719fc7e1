"""The mapper's trainer, on tiny parts: what the command line calls is what is tested."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import launcher
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from clipface.edit.avatar import Faces
from clipface.edit.losses import mahalanobis
from clipface.edit.mapper import FaceMapper
from clipface.edit.sampling import Views, sample_faces
from clipface.settings import Jitter, RendererConfig
from trainer.common.callbacks import Checkpoint, StopOnNaN
from trainer.common.config import TrainerConfig
from trainer.common.run import fit
from trainer.mapper.config import LearningRates, MapperConfig, ModelConfig, PromptConfig
from trainer.mapper.module import Edited, MapperModule
from trainer.mapper.train import build, train

JITTER = Jitter(lens=0.5, crop=0.2, tilt=0.15, background=0.5)


@pytest.fixture
def config(tiny_files, monkeypatch) -> MapperConfig:
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    return MapperConfig(
        batch_size=2,
        image_size=32,
        validation=2,
        prompt=PromptConfig("zombie", "a photo of a zombie"),
        learning_rate=LearningRates(0.05, 0.05),
        trainer=TrainerConfig(steps=4, log_every=1),
    )


def seeded(config: MapperConfig) -> MapperModule:
    torch.manual_seed(0)
    return build(config)


def random_faces(module: MapperModule, count: int, seed: int, views: int = 0) -> Faces:
    return sample_faces(module.avatar, range(count), 0.7, "training", seed, Views(views, 30, 10) if views else None)


def edit(module: MapperModule, faces: Faces) -> tuple[torch.Tensor, Edited]:
    """Images before the edit, and the edited faces."""
    texture = module.avatar.texture(faces.codes.w_plus)
    before = module.avatar.views(texture, faces.codes, faces.camera, module.config.image_size, faces.background)
    return before, module.edit(faces, texture)


def fixed_loss(module: MapperModule) -> torch.Tensor:
    before, edited = edit(module, random_faces(module, 4, seed=5, views=2))
    return module.directional_loss(edited.images, before) + module.config.expression_prior_weight * mahalanobis(
        edited.codes.expression, module.avatar.head.expression_precision
    )


def test_an_untrained_edit_changes_nothing_at_all(config):
    module = build(config)
    faces = random_faces(module, 2, seed=1, views=2)
    before, edited = edit(module, faces)
    assert torch.equal(before, edited.images) and not edited.codes.expression.any()
    assert torch.equal(module.avatar.texture(faces.codes.w_plus), edited.texture)
    assert before.shape == (4, 3, 32, 32)


@pytest.mark.parametrize("model", [ModelConfig(), ModelConfig(expression=False), ModelConfig(texture=False)])
def test_one_step_lowers_the_loss_on_a_fixed_batch(config, model):
    module = seeded(replace(config, model=model, learning_rate=LearningRates(0.01, 0.01)))
    optimizer = module.configure_optimizers()
    loss = fixed_loss(module)
    loss.backward()
    optimizer.step()
    assert fixed_loss(module) < loss - 1e-6


def test_batch_of_three_agrees_with_three_batches_of_one(config):
    module = seeded(config)
    for parameter in module.mapper.parameters():
        torch.nn.init.normal_(parameter, std=30)
    faces = random_faces(module, 3, seed=1, views=2)
    together = edit(module, faces)[1].images
    for i in range(3):
        one = type(faces)(faces.codes.rows(slice(i, i + 1)), faces.camera[2 * i : 2 * i + 2])
        torch.testing.assert_close(edit(module, one)[1].images, together[2 * i : 2 * i + 2], atol=1e-4, rtol=0)


def test_training_draws_new_views_and_validation_looks_from_the_front(config):
    module = build(config)
    first, second = (random_faces(module, 2, seed=s, views=1) for s in (1, 2))
    assert not torch.equal(first.camera, second.camera)
    frontal = random_faces(module, 2, seed=1)
    assert torch.equal(frontal.camera[0], frontal.camera[1])
    torch.testing.assert_close(random_faces(module, 2, seed=1, views=1).codes.w_plus, first.codes.w_plus)


def test_a_run_writes_everything_and_says_what_it_reached(config, tmp_path, capsys):
    folder = tmp_path / "run"
    logger = {"_target_": "pytorch_lightning.loggers.CSVLogger", "name": "", "version": ""}
    module = train(replace(config, logger=logger), folder).module
    names = {path.name for path in folder.iterdir()}
    assert {"config.yaml", "metrics.csv", "faces.png", "head.glb", "head.png"} <= names
    assert not any(name.endswith((".ckpt", ".partial")) for name in names)
    mapper, notes = FaceMapper.from_weights(folder / "mapper.safetensors")
    assert set(mapper.state_dict()) == set(module.mapper.state_dict())
    assert notes["prompt"]["target"] == "a photo of a zombie"
    assert Image.open(folder / "faces.png").width > 6 * 256
    assert "agreement" in (folder / "metrics.csv").read_text()
    last = capsys.readouterr().out.strip().splitlines()[-2:]
    assert str(folder) in last[0] and "similarity" in last[1]
    assert json.loads((folder / "mapper.json").read_text())["mapper"]["texture"] is True


class InterruptAfter(pl.Callback):
    """The user's Ctrl-C in the last of some batches."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def on_train_batch_start(self, trainer, module, batch, batch_idx) -> None:
        if batch_idx + 1 == self.batches:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def interrupted(config, tmp_path) -> Path:
    checkpoint = Checkpoint(tmp_path, every=0)
    callbacks = [InterruptAfter(2), checkpoint]
    fit(seeded(config), range(4), config=config.trainer, folder=tmp_path, seed=0, callbacks=callbacks)
    return checkpoint.path


def test_an_interrupted_run_goes_on_exactly(config, tmp_path, interrupted):
    straight, resumed = seeded(config), build(config)
    fit(straight, range(4), config=config.trainer, folder=tmp_path, seed=0)
    trainer = replace(config.trainer, resume=str(interrupted))
    run = fit(resumed, range(4), config=trainer, folder=tmp_path, seed=0)
    assert run.global_step == 4
    for name, value in straight.mapper.state_dict().items():
        assert torch.equal(value, resumed.mapper.state_dict()[name]), name


def test_a_checkpoint_holds_exactly_the_trained_keys(config, interrupted):
    checkpoint = torch.load(interrupted, weights_only=True)
    trained = {name for name, parameter in build(config).named_parameters() if parameter.requires_grad}
    assert set(checkpoint["state_dict"]) == trained
    assert trained and all(name.startswith(("mapper.texture.", "mapper.expression.")) for name in trained)


def test_a_checkpoint_of_another_mapper_is_refused(config, tmp_path, interrupted):
    other = replace(config, model=ModelConfig(expression=False), trainer=TrainerConfig(4, resume=str(interrupted)))
    with pytest.raises(ValueError, match="not known: mapper.expression"):
        fit(build(other), range(4), config=other.trainer, folder=tmp_path, seed=0)


def test_a_loss_that_is_no_number_ends_the_run(config, tmp_path):
    module = build(replace(config, expression_prior_weight=float("nan")))
    with pytest.raises(ValueError, match="loss: expected a finite number, got nan by batch 0"):
        fit(module, range(4), config=config.trainer, folder=tmp_path, seed=0, callbacks=[StopOnNaN()])


def test_a_missing_file_is_named(config):
    with pytest.raises(FileNotFoundError, match="no_such_file.safetensors does not exist"):
        build(replace(config, generator="no_such_file.safetensors"))


@pytest.mark.parametrize("wrong", [{"resume": "no_such.ckpt"}, {"accelerator": "gpu"}])
def test_nothing_is_written_before_everything_is_there(config, tmp_path, wrong):
    if "accelerator" in wrong and torch.cuda.is_available():
        pytest.skip("this machine has what the run asks for")
    with pytest.raises((FileNotFoundError, ValueError), match=r"no_such.ckpt|no CUDA device"):
        train(replace(config, trainer=replace(config.trainer, **wrong)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("accelerator", ["cpu", pytest.param("gpu", marks=pytest.mark.cuda)])
def test_two_runs_of_one_seed_have_the_same_weights(config, tmp_path, accelerator):
    trainer = TrainerConfig(steps=4, log_every=1, threads=2, deterministic=True, accelerator=accelerator)
    weights = []
    try:
        for name in "ab":  # images are resized for the encoder, in every view another way
            train(replace(config, trainer=trainer, image_size=40, views=2, jitter=JITTER), tmp_path / name)
            weights.append((tmp_path / name / "mapper.safetensors").read_bytes())
            assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert weights[0] == weights[1]
    with pytest.raises(ValueError, match="deterministic: expected minutes=null"):
        TrainerConfig(minutes=1, deterministic=True)
    with pytest.raises(ValueError, match="deterministic: expected renderer=warp"):
        train(replace(config, trainer=trainer, renderer=RendererConfig("nvdiffrast")), tmp_path / "c")


def test_a_failed_start_leaves_nothing_behind(tmp_path):
    code, written = launcher.run("-m", "trainer.mapper", f"hydra.run.dir={tmp_path}/runs/failed")
    assert code == 1 and "\nerror: prompt: expected one, got none" in written and "Traceback" not in written
    assert not (tmp_path / "runs").exists()


def test_training_leaves_out_what_is_finer_than_its_textures(config):
    for size, learns in ((None, True), (16, False)):
        module = seeded(replace(config, texture_size=size))
        module.log = module.log_dict = lambda *values, **more: None
        assert module.avatar.generator.config["resolution"] > 16
        module.training_step(0, 0).backward()
        last = module.mapper.texture
        gradients = [parameter.grad for parameter in last.parameters() if parameter.grad is not None]
        assert any(bool(gradient[-1].any()) for gradient in gradients) is learns
        assert any(bool(gradient[0].any()) for gradient in gradients)
