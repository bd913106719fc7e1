"""scripts/export.py and scripts/make_heads.py, on tiny parts."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from commands import script
from gltf_player import Rig, in_file
from PIL import Image
from validator import issues

from clipface import weights
from clipface.edit.files import read_latents
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import FaceMapper, Offsets
from clipface.evaluation import heads
from clipface.head.mesh import read_obj
from clipface.settings import HeadConfig, RendererConfig
from trainer.mapper.module import MapperModule

TRAIN = ["experiment=smoke", "image_size=32", "validation=2", "trainer.steps=2"]


@pytest.fixture
def avatar(tiny_files, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    return load_avatar(None, HeadConfig(), RendererConfig())


@pytest.fixture
def mappers(avatar, tmp_path) -> list[str]:
    """Two mappers' runs that change texture and expression."""
    torch.manual_seed(0)
    for name in ("zombie", "old"):
        mapper = FaceMapper(avatar.generator.levels, avatar.generator.config["w_dim"], avatar.head.n_expression)
        for parameter in mapper.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        notes = {"prompt": {"name": name, "target": f"a {name} face"}, "head": {"name": "open", "path": None}}
        mapper.save(tmp_path / name / "mapper.safetensors", generator=None, psi=0.7, **notes, **avatar.origin)
    return [str(tmp_path / "zombie"), str(tmp_path / "old")]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_one_face_in_three_formats(avatar, mappers, tmp_path, capsys):
    output = [tmp_path / f"face.{kind}" for kind in ("glb", "obj", "ply")]
    common = ["--seed", "3", "--mapper", *mappers, "--strength", "0.5", "1", "--output"]
    script("export").main([*common, *map(str, output)])
    rig = Rig(output[0])
    assert rig.names == [*(f"slot_{slot}" for slot in range(6)), "edit"] and rig.mesh.weights == [0] * 6 + [1]
    still = np.tile(np.eye(4), (5, 1, 1))
    for joint in range(5):
        still[joint, :3, 3] = rig.document.nodes[joint].translation
    edited = rig.bend("POSITION", rig.mesh.weights, still)[rig.corners]
    wanted = read_obj(output[1])
    np.testing.assert_allclose(edited, wanted.vertices[in_file(avatar.head)], atol=1e-6)
    np.testing.assert_allclose(trimesh.load(output[2], process=False).vertices, wanted.vertices, atol=1e-6)
    before = rig.bend("POSITION", [0] * 7, still)[rig.corners]
    assert np.abs(edited - before).max() > 1e-5  # ten times the tolerance above
    assert capsys.readouterr().out.count("MB") == 3
    assert issues(output[0]) == []


def test_a_face_as_it_is_has_no_edit_and_codes_may_come_from_a_file(avatar, tmp_path):
    codes = tmp_path / "codes.npz"
    w_plus = np.random.default_rng(0).normal(size=(2, avatar.generator.levels, 16)).astype(np.float32)
    np.savez(codes, w_plus=w_plus, shape=np.ones((2, 3), np.float32), **avatar.origin)
    arguments = ["--latents", str(codes), "--output", str(tmp_path / "a.glb"), "--expressions", "slot_2"]
    script("export").main([*arguments, "--face", "1"])
    assert Rig(tmp_path / "a.glb").names == ["slot_2"]
    with pytest.raises(ValueError, match="face: expected 0 to 1, got 2"):
        script("export").main([*arguments, "--face", "2"])


@pytest.mark.parametrize("wrong", [["--output", "a.fbx"], ["--output", "a.glb", "--seed", "1", "--latents", "x.npz"]])
def test_wrong_options_are_told_before_anything_is_loaded(wrong, capsys):
    with pytest.raises(SystemExit):
        script("export").main(wrong)
    assert "--" in capsys.readouterr().err.splitlines()[-1]


def test_heads_differ_and_the_manifest_says_how(avatar, mappers, tmp_path):
    folder = tmp_path / "heads"
    arguments = ["--mapper", *mappers, "--size", "16", "--output", str(folder)]
    script("make_heads").main(["--count", "4", "--seed", "7", *arguments])
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert [line["seed"] for line in lines] == [7, 8, 9, 10]
    assert [line["prompt"] for line in lines] == ["a zombie face", "a old face"] * 2
    assert len({line["strength"] for line in lines}) == 4 and all(0.5 <= line["strength"] <= 1 for line in lines)
    assert len({(folder / line["file"]).read_bytes() for line in lines}) == 4
    assert Image.open(folder / lines[0]["preview"]).size == (32, 16)
    codes = folder / lines[2]["codes"]
    read = read_latents(codes, avatar)  # as scripts/edit.py does
    with np.load(codes) as arrays:
        moved = FaceMapper.from_weights(f"{mappers[0]}/mapper.safetensors")[0].eval()
        wanted = read.moved(moved.offsets(read), lines[2]["strength"])
        for name in Offsets._fields:
            np.testing.assert_allclose(arrays[f"edited_{name}"], getattr(wanted, name).detach(), atol=1e-5)


def test_an_interrupted_folder_goes_on_and_is_the_same(avatar, mappers, tmp_path, monkeypatch):
    def arguments(name: str, count: int) -> list[str]:
        return ["--count", str(count), "--mapper", *mappers, "--size", "16", "--output", str(tmp_path / name)]

    script("make_heads").main(arguments("whole", 4))
    module, real = script("make_heads"), heads.make_head

    def dies(number, *rest):
        if number == 2:
            raise KeyboardInterrupt
        return real(number, *rest)

    monkeypatch.setattr(heads, "make_head", dies)
    with pytest.raises(KeyboardInterrupt):
        module.main(arguments("parts", 4))
    monkeypatch.setattr(heads, "make_head", real)
    manifest = tmp_path / "parts/manifest.jsonl"
    manifest.write_text(manifest.read_text() + '{"number": 2, "fi')  # killed while it wrote
    (tmp_path / "parts/00000.png").unlink()
    module.main(arguments("parts", 3))
    module.main(arguments("parts", 4))  # more of the same
    assert sorted(json.loads(line)["number"] for line in manifest.read_text().splitlines()) == [0, 1, 2, 3]
    whole, parts = contents(tmp_path / "whole"), contents(tmp_path / "parts")
    whole.pop("manifest.jsonl"), parts.pop("manifest.jsonl")
    assert whole == parts
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("*.glb")}
    module.main(arguments("parts", 4))
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_changed_settings_are_refused(avatar, mappers, tmp_path):
    common = ["--count", "1", "--size", "16", "--output", str(tmp_path / "heads")]
    script("make_heads").main([*common, "--mapper", mappers[0]])
    for message, changed in {
        "strength: expected .0.5, 1.0., with which": ["--mapper", mappers[0], "--strength", "0", "1"],
        "mapper: expected .*zombie.*, got .*old": ["--mapper", mappers[1]],
        "seed: expected 0, with which": ["--mapper", mappers[0], "--seed", "1"],
    }.items():
        with pytest.raises(ValueError, match=message):
            script("make_heads").main([*common, *changed])
    with pytest.raises(SystemExit):
        script("make_heads").main([*common, "--strength", "1", "0"])


def test_prompts_are_trained_once(avatar, tmp_path, capsys):
    folder = tmp_path / "heads"
    arguments = ["--count", "2", "--size", "16", "--output", str(folder), "--train", *TRAIN]
    prompts = ["--prompt", "zombie", "a face of an old person"]
    script("make_heads").main([*arguments, *prompts])
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert [line["prompt"] for line in lines] == ["a photo of a zombie", "a face of an old person"]
    trained = folder / "mappers/a_face_of_an_old_person/mapper.safetensors"
    written = trained.stat().st_mtime_ns
    script("make_heads").main([*arguments[2:], "--count", "3", *prompts])
    assert trained.stat().st_mtime_ns == written and len(list(folder.glob("*.glb"))) == 3


def test_a_mapper_that_was_told_to_stop_is_not_kept(avatar, tmp_path, monkeypatch, capsys):
    """As the finished one; its training goes on where it stopped, and ends as if never interrupted."""

    def words(name: str) -> list[str]:
        more = ["--prompt", "zombie", "--train", *TRAIN[:-1], "trainer.steps=3"]
        return ["--count", "1", "--size", "16", "--output", str(tmp_path / name), *more]

    def weights_of(name: str) -> bytes:
        return (tmp_path / name / "mappers/zombie/mapper.safetensors").read_bytes()

    script("make_heads").main(words("whole"))
    step, steps = MapperModule.training_step, []

    def stopped(module, batch, batch_idx):
        steps.append(batch_idx)
        if len(steps) == 1:
            signal.raise_signal(signal.SIGTERM)
        return step(module, batch, batch_idx)

    monkeypatch.setattr(MapperModule, "training_step", stopped)
    with pytest.raises(SystemExit) as ended:
        script("make_heads").main(words("parts"))
    assert ended.value.code == 128 + signal.SIGTERM and "goes on from here" in capsys.readouterr().out
    assert (tmp_path / "parts/mappers/zombie/last.ckpt").is_file() and not list((tmp_path / "parts").glob("*.glb"))
    script("make_heads").main(words("parts"))
    assert steps == [0, 1, 2] and weights_of("parts") == weights_of("whole")
    assert (tmp_path / "parts/00000.glb").read_bytes() == (tmp_path / "whole/00000.glb").read_bytes()


def test_heads_take_looks(avatar, tiny_files, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    shutil.copytree(tiny_files, folder)
    offsets = torch.randn(1, avatar.generator.levels, avatar.generator.config["w_dim"])
    notes = {"options": [["creature", "zombie"]], **avatar.origin}
    weights.save(folder / "looks.safetensors", {"offsets": offsets}, notes)
    monkeypatch.setenv("CLIPFACE_DATA", str(folder))
    output = tmp_path / "heads"
    words = ["--count", "2", "--mapper", "look:zombie", "--size", "16", "--output", str(output)]
    script("make_heads").main(words)
    script("make_heads").main(words)
    lines = [json.loads(line) for line in (output / "manifest.jsonl").read_text().splitlines()]
    assert [line["prompt"] for line in lines] == ["look:zombie"] * 2
    with np.load(output / "00001.npz") as arrays:
        moved = arrays["edited_w_plus"] - arrays["w_plus"]
        np.testing.assert_allclose(moved, lines[1]["strength"] * offsets.numpy(), atol=1e-4)
