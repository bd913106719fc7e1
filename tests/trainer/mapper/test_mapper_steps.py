"""What a training step of the mapper sees: caches, several encoders, jitter; and the script that times it."""

import json
from dataclasses import replace

import open_clip
import pytest
import torch
from commands import script

from clipface.settings import GuidanceConfig, Jitter
from trainer.common.callbacks import StopOnNaN
from trainer.common.config import TrainerConfig
from trainer.mapper.config import MapperConfig, PromptConfig
from trainer.mapper.train import build


@pytest.fixture
def config(tiny_files, monkeypatch) -> MapperConfig:
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    return MapperConfig(
        batch_size=2, image_size=32, prompt=PromptConfig("zombie", "a photo of a zombie"), trainer=TrainerConfig(4)
    )


def quiet(config: MapperConfig):
    torch.manual_seed(0)
    module = build(config)
    module.log = module.log_dict = lambda *values, **more: None
    return module


def test_a_pool_repeats_the_same_faces_and_draws_each_once(config):
    module = quiet(replace(config, cache=2))
    drawn = [module.data[step] for step in range(4)]
    assert drawn[0] is drawn[2] and drawn[1] is drawn[3] and drawn[0] is not drawn[1]
    fresh = quiet(config).data[1]
    assert torch.equal(fresh.faces.camera, drawn[1].faces.camera)
    assert torch.equal(fresh.features[0], drawn[1].features[0])


def test_a_step_with_kept_originals_equals_one_that_draws_them(config):
    jitter = Jitter(lens=0.5, crop=0.2, tilt=0.1, background=1.0)
    losses = []
    for cache in (0, 3):
        module = quiet(replace(config, cache=cache, jitter=jitter))
        for parameter in module.mapper.parameters():
            torch.nn.init.constant_(parameter, 1.0)
        losses.append([module.training_step(0, step).item() for step in (1, 1)])
    assert losses[0] == losses[1] and losses[0][0] == losses[0][1] != 1


def test_other_encoders_are_named_after_their_files(config):
    module = quiet(replace(config, guidance=GuidanceConfig(also=["scoring"])))
    assert len(module.directional_loss.losses) == 2
    module.training_step(0, 0).backward()
    assert any(parameter.grad.abs().sum() > 0 for parameter in module.mapper.parameters())
    with pytest.raises(ValueError, match="guidance.*: expected .*scoring.*, got 'vit'"):
        build(replace(config, guidance=GuidanceConfig(also=["vit"])))


def test_a_loss_that_is_no_number_is_found_at_the_next_look(config):
    callback = StopOnNaN(every=3)
    for batch, loss in enumerate((1.0, float("nan"))):
        callback.on_train_batch_end(None, None, torch.tensor(loss), None, batch)
    with pytest.raises(ValueError, match="got nan by batch 1"):
        callback.on_train_batch_end(None, None, {"loss": torch.tensor(1.0)}, None, 2)
    callback.on_train_batch_end(None, None, torch.tensor(float("inf")), None, 3)
    with pytest.raises(ValueError, match="got inf by batch 3"):  # never into a checkpoint
        callback.on_save_checkpoint(None, None, {})


@pytest.mark.parametrize("encoder", ["face_encoder", "tiny-clip"])
def test_the_benchmark_prints_its_table(config, capsys, encoder, tmp_path):
    if encoder == "tiny-clip":
        description = {
            "embed_dim": 16,
            "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
        }
        (tmp_path / "tiny-clip.json").write_text(json.dumps(description))
        open_clip.add_model_config(tmp_path)
    words = f"--size 32 --batch 1 --views 2 --steps 1 --warm-up 1 --threads 1 --precision bf16 --encoder {encoder}"
    script("benchmarks/mapper").main(words.split())
    table = capsys.readouterr().out
    for name in ("samples/s", "mapper", "generator", "renderer", "encoder", "backward", "optimizer"):
        assert name in table


def test_a_step_evaluates_the_head_once_for_the_images_and_the_lips(config):
    module = quiet(replace(config, cache=1, lip_penetration_weight=1.0))
    module.training_step(0, 0)
    calls = []
    module.avatar.head.register_forward_hook(lambda *call: calls.append(1))
    module.training_step(0, 1)
    assert len(calls) == 1


def test_cached_batches_are_of_different_people(config):
    module = quiet(replace(config, cache=16, batch_size=4))
    shapes = torch.cat([module.data[step].faces.codes.shape for step in range(16)])
    assert len(torch.unique(shapes, dim=0)) == 4 * 16
