"""The text mapper's trainer, on tiny parts: what the command line calls is what is tested."""

import random
import shutil
import signal
from dataclasses import replace

import pytest
import torch

from clipface import weights
from clipface.assets import checksum
from clipface.edit.text_mapper import TextMapper
from clipface.synthetic.looks.registry import OPTIONS
from trainer.common.config import TrainerConfig
from trainer.text_mapper.changes import sample_change, values
from trainer.text_mapper.config import NetworkConfig, TextMapperConfig
from trainer.text_mapper.module import TextMapperModule
from trainer.text_mapper.train import build, train


@pytest.fixture
def config(tiny_files, tmp_path, monkeypatch) -> TextMapperConfig:
    """With looks for the tiny generator."""
    folder = tmp_path / "data"
    shutil.copytree(tiny_files, folder)
    torch.manual_seed(3)
    notes = {"options": OPTIONS, "uv_map": weights.load_config(folder / "generator.safetensors")["uv_map"]}
    notes["generator_sha256"] = checksum(folder / "generator.safetensors")
    weights.save(folder / "looks.safetensors", {"offsets": torch.randn(len(OPTIONS), 8, 16)}, notes)
    monkeypatch.setenv("CLIPFACE_DATA", str(folder))
    return TextMapperConfig(
        batch_size=8, validation=16, synonyms=2, network=NetworkConfig(16, 12, 2), image_size=32,
        trainer=TrainerConfig(steps=6, log_every=1),
    )  # fmt: skip


def seeded(config: TextMapperConfig) -> TextMapperModule:
    torch.manual_seed(0)
    module = build(config)
    module.log = module.log_dict = lambda *_, **__: None  # there is no Trainer
    return module


@pytest.mark.parametrize("rendered", [0, 2])
def test_steps_lower_the_loss_on_a_fixed_batch(config, rendered):
    module = seeded(replace(config, rendered=rendered))
    optimizer, losses = module.configure_optimizers(), []
    for _ in range(8):
        optimizer.zero_grad()
        loss = module.training_step(0, 0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.01


def test_an_untrained_one_is_as_wrong_as_no_change(config):
    module = seeded(config)
    assert 0.3 < module.validation_errors()[0] < 3


def test_training_is_on_faces_that_validation_does_not_see_and_the_step_alone_decides(config):
    module = seeded(config)
    first, again = module.training_step(0, 3), module.training_step(0, 3)
    assert torch.equal(first, again) and not torch.equal(first, module.training_step(0, 4))


@pytest.mark.cuda
def test_it_trains_on_a_gpu(config, tmp_path):
    on_gpu = TrainerConfig(steps=2, log_every=1, accelerator="gpu")
    assert train(replace(config, rendered=2, trainer=on_gpu), tmp_path / "run").status == "done"


def test_an_interrupted_run_resumes_exactly(config, tmp_path, monkeypatch):
    through = train(config, tmp_path / "through").module.mapper.state_dict()

    def stop(self: TextMapperModule, outputs: object, batch: int, batch_idx: int) -> None:
        if batch_idx == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TextMapperModule, "on_train_batch_end", stop)
        assert train(config, tmp_path / "part").signal == signal.SIGINT
    resumed = replace(config, trainer=replace(config.trainer, resume=str(tmp_path / "part/last.ckpt")))
    for name, value in train(resumed, tmp_path / "part").module.mapper.state_dict().items():
        assert torch.equal(value, through[name]), name


def test_a_run_writes_the_network_and_another_begins_with_it(config, tmp_path):
    result = train(config, tmp_path / "run")
    file = tmp_path / "run/text_mapper.safetensors"
    mapper, notes = TextMapper.from_weights(file)
    assert notes["guidance"]["model"] == "face_encoder" and notes["uv_map"]
    assert set(result.metrics) >= {"texture", "expression", "validation/texture"}
    module = seeded(replace(config, init_from=str(file)))
    for name, value in module.mapper.state_dict().items():
        assert torch.equal(value, mapper.state_dict()[name])


def test_a_generator_without_looks_needs_images(config, tmp_path):
    (tmp_path / "data/looks.safetensors").unlink()
    with pytest.raises(ValueError, match="rendered: expected 1 or more with a generator without looks"):
        build(config)
    assert build(replace(config, rendered=1)).answers.w_plus.any() == torch.tensor(False)


def test_what_is_asked_for_is_said_and_nothing_contradicts_it():
    known, seen = values(), set()
    for number in range(400):
        change = sample_change(random.Random(number), {})
        names = [name for name, _ in change.values]
        assert len(set(names)) == len(names) and set(change.values) <= set(known)
        assert bool(change.wanted) == bool(change.values) and bool(change.unwanted) == bool(change.removed)
        assert change.wanted or change.unwanted
        assert not (change.removed and change.removed[0] in names)
        assert (change.expression == "neutral") == (change.strength == 0)
        seen.update(change.values)
    assert len(seen) > 0.8 * len(known)


def test_answers_replace_what_a_face_has(config):
    module = seeded(config)
    answers = module.answers
    change = sample_change(random.Random(0), {})._replace(
        wanted="a clown", values=(("look", "clown"),), unwanted="", removed=None, worn=("look", "zombie"),
        expression="neutral", strength=0.0,
    )  # fmt: skip
    clean = change._replace(worn=None)
    both = [answers.lesson([each], [5], 0) for each in (change, clean)]
    after = [lesson.codes.w_plus + lesson.offsets.w_plus for lesson in both]
    torch.testing.assert_close(*after)
    assert not torch.allclose(both[0].codes.w_plus, both[1].codes.w_plus)
    already = answers.lesson([change._replace(worn=("look", "clown"))], [5], 0)
    assert not already.offsets.w_plus.any()
    taken = change._replace(wanted="", values=(), unwanted="a zombie", removed=("look", "zombie"))
    gone = answers.lesson([taken], [5], 0)
    torch.testing.assert_close(gone.codes.w_plus + gone.offsets.w_plus, both[1].codes.w_plus)
