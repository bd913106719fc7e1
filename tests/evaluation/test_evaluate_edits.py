"""Evaluation and baselines on tiny parts: what the command lines call is what is tested."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from commands import script
from PIL import Image

from clipface import weights
from clipface.edit.sampling import sample_faces
from clipface.evaluation.edits import report
from clipface.evaluation.edits.baselines import FreeFaces, optimise
from clipface.evaluation.edits.edited import read_sources
from clipface.evaluation.edits.protocol import Protocol, encoders_of, read_protocol
from clipface.head import load_head
from clipface.texture.linear import TextureModel
from trainer.common.config import TrainerConfig
from trainer.mapper.config import MapperConfig, PromptConfig
from trainer.mapper.train import build, train

SIZE = 16


class Pixels(torch.nn.Module):
    """Stands for a network of features: its own are many, and their covariances slow."""

    num_features, title = 12, "pixels"

    def forward(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


@pytest.fixture(scope="module")
def config() -> MapperConfig:
    return MapperConfig(
        batch_size=2,
        views=1,
        image_size=32,
        validation=2,
        prompt=PromptConfig("zombie", "a photo of a zombie"),
        trainer=TrainerConfig(steps=1, log_every=1),
    )


@pytest.fixture(scope="module")
def runs(config, tiny_files, tmp_path_factory) -> Path:
    """Two trained mappers, and a linear texture model of the tiny head."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLIPFACE_DATA", str(tiny_files))
        for name in ("zombie", "clown"):
            train(replace(config, prompt=PromptConfig(name, f"a photo of a {name}")), folder / name)
        head = load_head()
    torch.manual_seed(0)
    model = TextureModel(torch.rand(3, SIZE, SIZE), torch.rand(2, 3, SIZE**2) / 5, torch.arange(SIZE**2))
    model.save(folder / "linear.safetensors", head, torch.rand(3, SIZE, SIZE), "of nothing")
    return folder


@pytest.fixture(autouse=True)
def data(tiny_files, monkeypatch) -> None:
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    monkeypatch.setattr(report, "load_features", lambda network: Pixels())


def objective_of(config: MapperConfig):
    return script("measure/baselines").objective_of(config, "cpu")


def tiny_codes(objective, count: int = 3):
    return sample_faces(objective.avatar, range(count), 0.7, "evaluation", 1)


def test_mappers_and_baselines_stand_side_by_side(runs, tmp_path, capsys):
    common = ["--faces", "3", "--seed", "5"]
    words = ["--steps", "2", "--together", "2", "--texture-model", str(runs / "linear.safetensors")]
    words += ["--mappers", str(runs / "zombie"), "--output", str(tmp_path / "direct")]
    script("measure/baselines").main([*common, *words])
    assert capsys.readouterr().out.count("s a face") == 3
    direct = sorted((tmp_path / "direct").glob("*.safetensors"))
    assert [path.stem for path in direct] == ["zombie_linear", "zombie_texels", "zombie_w_plus"]
    mappers = [f"full={runs / 'zombie'}", str(runs / "clown"), *map(str, direct)]
    output = tmp_path / "scores"
    script("evaluate").main(
        ["--mappers", *mappers, *common, "--size", "64", "--output", str(output), "--shown", "2", "--against", "old"]
    )
    for name in ("faces", "turned", "geometry"):
        assert Image.open(output / f"{name}.png").width > 6 * 64
    found = json.loads((output / "scores.json").read_text())
    rows = {row["name"]: row for row in found["edits"]}
    assert list(rows) == ["full", "clown", "zombie linear", "zombie texels", "zombie w_plus"]
    assert found["prompts"][:2] == ["a photo of a zombie", "a photo of a clown"] and "old" in found["prompts"][2]
    assert set(found["retrieval"]) == {"look", "change"}
    for matrix in found["retrieval"].values():
        torch.testing.assert_close(torch.tensor(matrix).sum(1), torch.ones(5))
    assert rows["full"]["seconds a prompt"] > 0 and rows["zombie texels"]["seconds a prompt"] is None
    assert all(-1 <= row["score"] <= 1 and row["kid"] is not None for row in rows.values())
    assert [row["name"] for row in csv.DictReader((output / "scores.csv").open())] == list(rows)
    text, printed = (output / "scores.md").read_text(), capsys.readouterr().out
    assert "| full |" in text and "own prompt nearest" in text and "zombie texels" in printed
    with pytest.raises(ValueError, match="3 of seed 5"):
        script("evaluate").main(["--mappers", str(direct[0]), "--faces", "3", "--seed", "6", "--output", str(output)])


def test_an_edit_that_changes_nothing_scores_as_the_original(config, runs, tmp_path):
    build(config).mapper.save(
        tmp_path / "idle.safetensors",
        **{
            key: value
            for key, value in json.loads((runs / "zombie/mapper.json").read_text()).items()
            if key != "mapper"
        },
    )
    protocol = Protocol(image_size=32, faces=4, yaws=[-20.0, 20.0])
    sources = read_sources([str(tmp_path / "idle.safetensors")])
    (row,) = report.evaluate(sources, protocol, 3, tmp_path / "out", shown=1)
    assert row["before"] == pytest.approx(row["score"], abs=1e-6) and row["directional"] == 0
    assert row["mm face"] == 0 and row["share corners up"] == 0


def test_what_cannot_be_measured_is_said(runs, tmp_path, monkeypatch, capsys):
    def missing(*_):
        raise ModuleNotFoundError('the package is missing; install it with `pip install -e ".[identity]"`')

    monkeypatch.setattr(report, "FaceEmbedder", missing)
    sources = read_sources([str(runs / "zombie")])
    report.evaluate(sources, Protocol(["face"], image_size=32, faces=2, yaws=[0.0]), 3, tmp_path, shown=1)
    text = (tmp_path / "scores.md").read_text()
    assert "Identity not measured" in text and "FID and KID not measured: expected at least 4 images" in text
    assert "Not a fair score: zombie was trained with face" in text and "| KID |" not in text
    capsys.readouterr()


def test_sources_are_told_apart(runs):
    with pytest.raises(ValueError, match="expected a name for each, got zombie more than once"):
        read_sources([str(runs / "zombie"), str(runs / "zombie")])
    assert [one.name for one in read_sources([f"a={runs}/zombie", f"{runs}/zombie/mapper.safetensors"])] == [
        "a",
        "zombie",
    ]
    with pytest.raises(ValueError, match="does not say what it was trained for; give --prompt"):
        read_sources([str(runs / "linear.safetensors")])


def test_protocols_are_read_and_checked():
    assert read_protocol("paper").encoders == ["vit_b_16", "vit_l_14"] and read_protocol("paper").image_size == 224
    assert read_protocol(faces=5, image_size=None).faces == 5 and len(read_protocol().yaws) > 1
    for wrong in ({"encoders": ["no"]}, {"network": "vgg"}, {"yaws": []}, {"faces": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            read_protocol(**wrong)
    with pytest.raises(ValueError, match="default, paper"):
        read_protocol("no")
    assert encoders_of({"model": "a", "also": ["scoring"]}) == {"a", "scoring_encoder"}


@pytest.mark.parametrize("method", ["w_plus", "texels", "linear"])
def test_free_faces_start_as_they_are_and_change_each_on_its_own(config, method):
    objective = objective_of(config)
    faces, avatar = tiny_codes(objective), objective.avatar
    original = avatar.texture(faces.codes.w_plus)
    linear = TextureModel(torch.rand(3, 16, 16), torch.rand(2, 3, 256) / 9, torch.arange(256))
    free = FreeFaces(method, faces.codes, original, linear if method == "linear" else None)
    codes, texture = free(avatar.texture)
    torch.testing.assert_close(texture, original)
    assert torch.equal(codes.expression, faces.codes.expression)
    with torch.no_grad():
        free.change[1] += 0.3
    moved = (free(avatar.texture)[1] - original).abs().flatten(1).amax(1)
    assert moved[1] > 1e-3 and moved[0] < 1e-6 and moved[2] < 1e-6


@pytest.mark.parametrize("method", ["w_plus", "texels", "linear"])
def test_optimising_agrees_better_with_the_words(config, method):
    torch.manual_seed(0)
    objective = objective_of(replace(config, max_yaw=5.0, max_pitch=5.0))
    faces = tiny_codes(objective, 2)
    linear = TextureModel(torch.rand(3, 16, 16), torch.rand(32, 3, 256) - 0.5, torch.arange(256))
    found = optimise(objective, faces, method, 20, linear=linear if method == "linear" else None)
    with torch.no_grad():
        before = objective.avatar.views(objective.avatar.texture(faces.codes.w_plus), faces.codes, faces.camera, 32)
        after = objective.avatar.views(found.texture, found.codes, faces.camera, 32)
        assert objective.directional_loss.agreement(after, before).mean() > 0.02
    assert found.seconds_a_face > 0 and torch.equal(found.codes.shape, faces.codes.shape)


def test_a_mapper_of_the_expression_alone_has_no_baseline(config):
    with pytest.raises(ValueError, match=r"model.texture"):
        objective_of(replace(config, model=replace(config.model, texture=False)))
    objective = objective_of(config)
    with pytest.raises(ValueError, match="one of w_plus"):
        FreeFaces("direct", tiny_codes(objective).codes, torch.zeros(3, 3, 8, 8))


def test_a_look_is_compared_with_a_run(runs, tiny_files, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "data"
    shutil.copytree(tiny_files, folder)
    names = ("uv_map", "generator_sha256")
    origin = {name: weights.load_config(runs / "zombie" / "mapper.safetensors")[name] for name in names}
    looks = {"options": [["creature", "zombie"], ["creature", "nameless"]], **origin}
    weights.save(folder / "looks.safetensors", {"offsets": torch.randn(2, 8, 16)}, looks)
    monkeypatch.setenv("CLIPFACE_DATA", str(folder))
    words = ["--faces", "2", "--size", "32", "--output", str(tmp_path / "scores"), "--mappers"]
    script("evaluate").main([*words, f"trained={runs / 'zombie'}", "look:zombie"])
    rows = json.loads((tmp_path / "scores/scores.json").read_text())["edits"]
    assert [row["name"] for row in rows] == ["trained", "zombie"]
    assert rows[0]["prompt"] == rows[1]["prompt"] == "a photo of a zombie"
    with pytest.raises(ValueError, match="or a look that is a prompt in configs/prompt, got look:nameless"):
        script("evaluate").main([*words, "look:nameless"])
    capsys.readouterr()
