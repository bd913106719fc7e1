"""The texture scripts, on tiny files: what the command line calls."""

import argparse

import pytest
import torch
from commands import script
from PIL import Image
from tiny_anchored import write_textures
from tiny_gan import tiny_batch

from clipface import assets, weights
from clipface.texture import distillation
from clipface.texture.generator import TextureGenerator

ANCHORED_ONLY = {"generate", "anchor_loss"}  # methods of one recipe's module


@pytest.fixture
def files(tiny_files, monkeypatch):
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(tiny_files))
    return tiny_files


def test_sampled_codes_are_those_of_their_seeds(files, tmp_path):
    sample = script("sample_textures")
    sample.main(["--seeds", "3-4,9", "--psi", "0.5", "--out", str(tmp_path), "--device", "cpu"])
    generator = TextureGenerator.from_weights(files / "generator.safetensors")
    codes, config = weights.load(tmp_path / "codes.safetensors")
    z = torch.randn(1, generator.config["z_dim"], generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(codes["train"][1], generator.mapping(z, 0.5)[0], atol=1e-5, rtol=1e-5)
    assert len(codes["train"]) == 2 and len(codes["validation"]) == 1 and config["seeds"] == [3, 4, 9]
    assert Image.open(tmp_path / "0009.png").size == (32, 32)
    assert Image.open(tmp_path / "0009_views.png").width > 4 * 32
    assert Image.open(tmp_path / "heads.png").width > 8 * 224


def test_seeds_are_numbers_and_ranges():
    parse = script("sample_textures").parse_seeds
    assert parse("0-2,7") == [0, 1, 2, 7]
    for wrong in ("", "a", "3-", "5-3"):
        with pytest.raises(argparse.ArgumentTypeError, match="expected"):
            parse(wrong)


def test_codes_are_kept_off_a_direction_and_stay_elsewhere():
    torch.manual_seed(0)
    mapping = TextureGenerator(8, 32, 32, 2, 64, 16).eval().requires_grad_(False).mapping
    codes = mapping(torch.randn(500, 32))[:, 0]
    bad = codes[:, 0] > codes[:, 0].quantile(0.8)
    direction, limit = distillation.direction_between(codes, bad)
    assert direction.norm() == pytest.approx(1) and direction.argmax() == 0
    student = distillation.distill(mapping, direction, limit, steps=400, seed=0)
    after = student(torch.randn(500, 32))[:, 0] @ direction
    before = mapping(torch.randn(500, 32))[:, 0] @ direction
    assert after.quantile(0.95) - limit < 0.6 * (before.quantile(0.95) - limit)
    z = torch.randn(500, 32)
    error = (student(z)[:, 0] - distillation.stopped(mapping(z)[:, 0], direction, limit)).square().mean()
    assert error < 0.1 * mapping(z)[:, 0].var()
    with pytest.raises(ValueError, match="most"):
        distillation.direction_between(codes, torch.zeros(500, dtype=torch.bool))


def test_evaluation_prints_a_row_for_each_kind_of_texture(files, tmp_path, capsys, monkeypatch):
    class Pixels(torch.nn.Module):
        num_features, title = 12, "pixels"

        def forward(self, images):
            return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)

    evaluate = script("evaluate_textures")
    monkeypatch.setattr("clipface.metrics.load_features", lambda network, path: Pixels())
    for i in range(5):
        Image.effect_noise((16, 16), 60).convert("RGB").save(tmp_path / f"{i}.png")
    monkeypatch.setattr(
        "trainer.texture_gan.data.open_faces", lambda config, head, renderer: lambda start: faces(head, renderer)
    )
    arguments = ["--count", "8", "--size", "32", "--directions", "3", "--device", "cpu"]
    evaluate.main([*arguments, "--textures", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert "pixels" in lines[1] and [line.split("  ")[-1].split()[0] for line in lines[3:]] == [
        "generator", "mean", "linear", "baked",
    ]  # fmt: skip


def faces(head, renderer):
    return (tiny_batch(head, renderer, number) for number in range(2))


def test_the_benchmark_prints_its_tables(files, capsys, monkeypatch):
    benchmark = script("benchmarks/texture_gan")
    sizes = (
        "generator.resolution=16 generator.channel_base=64 generator.channel_max=4 generator.z_dim=8 generator.w_dim=8"
    )
    sizes += " discriminator.channel_base=64 discriminator.channel_max=4 patch.size=8 patch.stride=4 patch.count=1"
    sizes += " patch.channel_base=32 patch.channel_max=4 image_size=16 batch_size=2 trainer.precision=32-true"

    def open_faces(run, head, renderer):
        def batches(start):
            while True:
                batch = tiny_batch(head, renderer, start, run.batch_size)
                yield batch._replace(image=batch.image[..., ::2, ::2], mask=batch.mask[..., ::2, ::2])
                start += 1

        return batches

    monkeypatch.setattr("trainer.texture_gan.train.open_faces", open_faces)
    benchmark.main([*sizes.split(), "--batches", "2", "--warm-up", "1", "--phases"])
    lines = capsys.readouterr().out.splitlines()
    assert "samples/s" in lines[3] and lines[4] == "skipped batches: 0"
    assert {line.split()[0] for line in lines[6:]} == {*benchmark.PHASES, *benchmark.DETAILS} - ANCHORED_ONLY


def test_the_benchmark_times_the_anchored_recipe(files, capsys, tmp_path):
    benchmark, folder = script("benchmarks/texture_gan"), write_textures(tmp_path / "textures")
    sizes = (
        "generator.resolution=32 generator.channel_base=64 generator.channel_max=4 generator.z_dim=8 generator.w_dim=8"
        " discriminator.channel_base=64 discriminator.channel_max=4 patch.size=8 patch.stride=4 patch.count=1"
        " patch.channel_base=32 patch.channel_max=4 anchored.coefficients=6 anchored.anchor_size=8 anchored.compared=16"
        " anchored.stages=[{resolution:16,batch_size:8},{resolution:32,batch_size:4}] anchored.painted.count=0"
    )
    recipe = ["experiment=anchored", f"dataset.textures={folder}"]
    benchmark.main([*recipe, *sizes.split(), "--batches", "2", "--warm-up", "1", "--phases"])
    text = capsys.readouterr().out
    assert "recipe anchored, texture 32" in text and "batch 4" in text and "samples/s" in text
    assert {"g_main", "d_main", "d_r1", "anchor_loss"} <= {line.split()[0] for line in text.splitlines()}


def test_an_average_lies_between_two_generators(files, tmp_path):
    first = TextureGenerator.from_weights(files / "generator.safetensors")
    second = TextureGenerator(**first.config)
    second.save(tmp_path / "second.safetensors", half=False)
    arguments = ["--first", str(files / "generator.safetensors"), "--second", str(tmp_path / "second.safetensors")]
    output = tmp_path / "average.safetensors"
    script("recipes/average_weights").main([*arguments, "--share", "0.25", "--output", str(output)])
    averaged = TextureGenerator.from_weights(output)
    for own, one, other in zip(*(g.parameters() for g in (averaged, first, second)), strict=True):
        torch.testing.assert_close(own, 0.75 * one + 0.25 * other, atol=2e-3, rtol=2e-3)  # float16
    with pytest.raises(ValueError, match="share"):
        script("recipes/average_weights").main([*arguments, "--share", "2", "--output", str(output)])
    TextureGenerator(first.config["resolution"] * 2).save(tmp_path / "second.safetensors")
    with pytest.raises(ValueError, match="second"):
        script("recipes/average_weights").main([*arguments, "--output", str(output)])
