"""The anchored recipe, from a folder of tiny textures through `train` to its results."""

from dataclasses import replace
from pathlib import Path

import launcher
import pytest
import torch
from interrupts import start
from small_trainings import ANCHORED
from tiny_anchored import tiny_anchored, write_textures

from clipface import weights
from clipface.settings import HeadConfig
from clipface.synthetic.looks.registry import OPTIONS
from clipface.texture.generator import TextureGenerator
from clipface.texture.linear import LinearTextures
from trainer.common.config import TrainerConfig
from trainer.texture_gan.anchored.config import AnchoredConfig, PaintedConfig, StageConfig
from trainer.texture_gan.anchored.module import AnchoredTextureGAN
from trainer.texture_gan.config import AttributeOffsetsConfig, MetricsConfig, PenaltyConfig, StatisticsConfig
from trainer.texture_gan.results import both_discriminators
from trainer.texture_gan.train import build, train

PROCESSES = 2


@pytest.fixture(scope="module")
def textures(tmp_path_factory):
    return write_textures(tmp_path_factory.mktemp("anchored") / "textures")


def test_the_command_writes_networks_looks_linear_model_and_sheets(textures, tmp_path):
    process = start(
        "texture_gan", f"dataset.textures={textures}", f"hydra.run.dir={tmp_path / 'run'}",
        *ANCHORED,
        "trainer.steps=4", "trainer.precision=32-true", "trainer.threads=1", "snapshot_every=2", "checkpoint_every=0",
    )  # fmt: skip
    output = process.finish()
    assert process.returncode == 0, output
    assert "8 textures" in output and "of the variance" in output
    folder = tmp_path / "run"
    names = sorted(path.name for path in (folder / "images").iterdir())
    assert names == ["0000002.png", "0000004.png"]
    generator = TextureGenerator.from_weights(folder / "generator.safetensors")
    assert generator.config["normalise_z"] is False and generator(torch.zeros(1, 10)).shape == (1, 3, 32, 32)
    looks, described = weights.load(folder / "looks.safetensors")
    assert looks["offsets"].shape == (len(OPTIONS), generator.levels, 16) and looks["offsets"].abs().max() > 0
    assert [tuple(option) for option in described["options"]] == list(OPTIONS)
    linear = LinearTextures.from_weights(folder / "linear_textures.safetensors")
    assert linear.coefficients(generator(torch.zeros(1, 10))).shape == (1, 6)
    discriminators, _ = weights.load(folder / "discriminators.safetensors")
    assert {name.split(".")[0] for name in discriminators} == {"whole", "patch"}


def coarse(module: AnchoredTextureGAN) -> float:
    """Mean difference of reconstructions from some textures."""
    data = module.data
    data.start()
    targets = data.textures[torch.arange(3, 8)]
    z = torch.zeros(5, data.z_dim)
    z[:, : data.linear.count] = data.linear.coefficients(targets)
    with torch.no_grad():
        return (module.generator(z) - targets).abs().mean().item()


def test_textures_are_reconstructed_ever_better(tiny_files, textures, tmp_path):
    config = tiny_anchored(tiny_files, textures, steps=60, checkpoint_every=0)
    config.anchored.stages = config.anchored.stages[1:]
    before = coarse(build(config))
    result = train(config, tmp_path)
    assert coarse(result.module) < 0.7 * before
    assert all(torch.tensor(value).isfinite() for value in result.metrics.values())


def hidden_rows(data) -> torch.Tensor:
    """Of the texture that never comes, and of those that are for mixtures only, mirror images included."""
    return (data.textures.full_weight == 0).nonzero().flatten()


def test_a_texture_for_mixtures_only_is_never_shown_and_never_a_target(tiny_files, textures):
    data = build(tiny_anchored(tiny_files, textures)).data
    data.start()
    torch.manual_seed(0)
    count = data.textures.sample(4000).bincount(minlength=16)
    hidden = hidden_rows(data)
    assert len(hidden) == 6 and (count[hidden] == 0).all()
    assert count.max() > 2 * count[count > 0].min()  # of weight 3 and 1
    hidden = data.textures[hidden]
    for _ in range(40):
        shown = torch.cat((data.samples(8).targets, data.reals(8)))
        assert (shown[:, None] - hidden).abs().flatten(2).max(2).values.min() > 0.02


def test_each_option_is_painted_over_textures_that_may_be_shown_and_alike_in_a_resumed_run(tiny_files, textures):
    config = tiny_anchored(tiny_files, textures, head=HeadConfig())  # painting needs a whole face
    config.anchored.painted.count = 2
    data, again = build(config).data, build(config).data
    data.start()
    assert data.painted.options.bincount().tolist() == [2] * len(OPTIONS)
    assert (data.textures.full_weight[data.painted.bases] > 0).all()
    data.resize(32)
    again.resize(32)
    assert torch.equal(data.painted.textures, again.painted.textures)
    changed = (data.painted[torch.arange(2)] - data.textures[data.painted.bases[:2]]).abs()
    assert changed.mean() > 0.05  # zombies
    samples = data.samples(24)
    learns, wears = samples.option[:12] < len(OPTIONS), samples.option[12:] < len(OPTIONS)
    assert learns.sum() == 4 and learns[-4:].all() and not wears.all()


def test_nobody_is_mixed_with_herself_and_all_with_weight_are_mixed(tiny_files, textures):
    data = build(tiny_anchored(tiny_files, textures)).data.textures
    torch.manual_seed(0)
    first, second = data.sample_pairs(6000)
    assert (first % 8 != second % 8).all()
    she = ((data.weight > 0) & (data.full_weight == 0)).nonzero().flatten()
    assert len(she) == 4 and not (torch.isin(first, she) & torch.isin(second, she)).any()
    for rows in (first, second):
        assert torch.equal(rows.bincount(minlength=16) > 0, data.weight > 0)


@pytest.mark.parametrize("killed", [1, 2, 4])  # in the first stage, in the first batch of the second, and later
def test_a_killed_run_goes_on_exactly(tiny_files, textures, tmp_path, monkeypatch, killed):
    straight = train(tiny_anchored(tiny_files, textures), tmp_path / "straight").module
    assert straight.stage == 1 and straight.generator.config["resolution"] == 32
    whole = AnchoredTextureGAN.d_main

    def die(module, *arguments):
        if module.batches == killed:
            raise InterruptedError
        return whole(module, *arguments)

    with monkeypatch.context() as patched, pytest.raises(InterruptedError):
        patched.setattr(AnchoredTextureGAN, "d_main", die)
        train(tiny_anchored(tiny_files, textures), tmp_path / "cut")
    config = tiny_anchored(tiny_files, textures)
    config.trainer = replace(config.trainer, resume=str(tmp_path / "cut" / "last.ckpt"))
    resumed = train(config, tmp_path / "cut").module
    assert resumed.batches == straight.batches == 6 and resumed.images == straight.images
    given = resumed.state_dict()
    for name, value in straight.state_dict().items():
        assert torch.equal(given[name], value), name


def test_minutes_end_a_run_in_its_last_stage_with_cool_rates(tiny_files, textures, tmp_path):
    config = tiny_anchored(tiny_files, textures, checkpoint_every=0)
    config.trainer = TrainerConfig(steps=100_000, minutes=0.05, log_every=1, threads=1)
    module = train(config, tmp_path).module
    assert module.stage == 1 and 0 < module.batches < 100_000
    assert module.plan.factor(module.batches) < 0.3
    assert module.plan.done(module.batches) >= 1


def work(process: int, files: str, textures: str, folder: str) -> None:
    """One of the two processes."""
    torch.set_num_threads(1)
    result = train(tiny_anchored(Path(files), Path(textures), devices=PROCESSES), Path(folder) / "run")
    found = {"networks": result.module.state_dict(), "numbers": torch.rand(4), "known": result.module.data.known}
    torch.save(found, Path(folder) / f"{process}.pt")


def test_two_processes_agree(tiny_files, textures, tmp_path):
    launcher.pair(__file__, "work", tiny_files, textures, tmp_path)
    first, second = (torch.load(tmp_path / f"{process}.pt", weights_only=True) for process in range(PROCESSES))
    for name, value in first["networks"].items():
        assert torch.equal(value, second["networks"][name]), name
    assert torch.equal(first["known"], second["known"]) and not torch.equal(first["numbers"], second["numbers"])
    assert first["networks"]["finite.skipped"] == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("nobody,1,0", "faces.csv: expected files of .* got 'nobody'"),
        ("face_3,-1,0", "faces.csv: expected a weight of 0 or more, got '-1'"),
        ("face_3,much,0", "faces.csv: expected a weight of 0 or more, got 'much'"),
        ("face_3,1,yes", "faces.csv: expected a mixed_only of 0 or 1, got 'yes'"),
    ],
)
def test_a_bad_row_is_named(tiny_files, tmp_path, row, message):
    textures = write_textures(tmp_path / "textures")
    with open(textures / "faces.csv", "a") as file:
        file.write(row + "\n")
    with pytest.raises(ValueError, match=message):
        build(tiny_anchored(tiny_files, textures))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metrics", MetricsConfig(every=100)),
        ("statistics", StatisticsConfig(weight=1.0)),
        ("attribute_offsets", AttributeOffsetsConfig(weight=3.0)),
        ("penalty", PenaltyConfig(path_every=4)),
    ],
)
def test_what_the_recipe_does_not_read_is_refused(tiny_files, textures, name, value):
    with pytest.raises(ValueError, match=rf"{name}.*: expected 0, since the anchored recipe does not read it, got"):
        tiny_anchored(tiny_files, textures, **{name: value})


def test_stages_must_fit_the_generator(tiny_files, textures):
    with pytest.raises(ValueError, match="generator.resolution: expected 32"):
        config = tiny_anchored(tiny_files, textures)
        replace(config, generator=replace(config.generator, resolution=64))


def test_a_run_goes_on_from_anothers_networks(textures, tmp_path, tiny_files):
    train(tiny_anchored(tiny_files, textures, steps=4), tmp_path / "first")
    last = AnchoredConfig([StageConfig(32, 8, 1.0)], 6, 8, 16, painted=PaintedConfig(count=0))
    config = tiny_anchored(tiny_files, textures, steps=1, anchored=last, init_from=str(tmp_path / "first"))
    module = build(config)
    for name in ("generator", "discriminators"):
        tensors, _ = weights.load(tmp_path / "first" / f"{name}.safetensors")
        own = module.average if name == "generator" else both_discriminators(module)
        assert all(torch.equal(own.state_dict()[key], tensor.float()) for key, tensor in tensors.items())
    assert torch.equal(module.generator.synthesis.const, module.average.synthesis.const)
    before = LinearTextures.from_weights(tmp_path / "first" / "linear_textures.safetensors")
    assert torch.equal(module.linear.directions, before.directions)


def test_a_run_does_not_begin_with_a_generator_of_another_size(textures, tmp_path, tiny_files):
    train(tiny_anchored(tiny_files, textures, steps=2), tmp_path / "first")
    config = tiny_anchored(tiny_files, textures, steps=1, init_from=str(tmp_path / "first"))
    with pytest.raises(ValueError, match="init_from: expected resolution 16, got 32"):
        build(config)
