"""scripts/export.py and scripts/make_heads.py, on tiny parts."""

import importlib
import json
import signal
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import trimesh
from gltf_player import Rig
from PIL import Image
from validator import issues

from clipface.edit.files import read_latents
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import FaceMapper
from clipface.head.mesh import read_obj
from clipface.settings import HeadConfig, RendererConfig

SCRIPTS = Path(__file__).parents[2] / "scripts"
TRAIN = ["experiment=smoke", "image_size=32", "validation=2", "trainer.steps=2"]


@pytest.fixture(scope="module")
def scripts() -> dict[str, ModuleType]:
    sys.path.insert(0, str(SCRIPTS))
    try:
        return {name: importlib.import_module(name) for name in ("export", "make_heads")}
    finally:
        sys.path.remove(str(SCRIPTS))


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
        mapper.save(tmp_path / name / "mapper.safetensors", generator=None, psi=0.7, **notes)
    return [str(tmp_path / "zombie"), str(tmp_path / "old")]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_one_face_in_three_formats(scripts, avatar, mappers, tmp_path, capsys):
    output = [tmp_path / f"face.{kind}" for kind in ("glb", "obj", "ply")]
    common = ["--seed", "3", "--mapper", *mappers, "--strength", "0.5", "1", "--output"]
    scripts["export"].main([*common, *map(str, output)])
    rig = Rig(output[0])
    assert rig.names == [*(f"slot_{slot}" for slot in range(6)), "edit"] and rig.mesh.weights == [0] * 6 + [1]
    still = np.tile(np.eye(4), (5, 1, 1))
    for joint in range(5):
        still[joint, :3, 3] = rig.document.nodes[joint].translation
    edited = rig.bend("POSITION", rig.mesh.weights, still)[rig.corners]
    wanted = read_obj(output[1])
    np.testing.assert_allclose(edited, wanted.vertices[wanted.faces], atol=1e-6)
    np.testing.assert_allclose(trimesh.load(output[2], process=False).vertices, wanted.vertices, atol=1e-6)
    before = rig.bend("POSITION", [0] * 7, still)[rig.corners]
    assert np.abs(edited - before).max() > 1e-5  # ten times the tolerance above
    assert capsys.readouterr().out.count("MB") == 3
    assert issues(output[0]) == []


def test_a_face_as_it_is_has_no_edit_and_codes_may_come_from_a_file(scripts, avatar, tmp_path):
    codes = tmp_path / "codes.npz"
    w_plus = np.random.default_rng(0).normal(size=(2, avatar.generator.levels, 16)).astype(np.float32)
    np.savez(codes, w_plus=w_plus, shape=np.ones((2, 3), np.float32))
    arguments = ["--latents", str(codes), "--output", str(tmp_path / "a.glb"), "--expressions", "slot_2"]
    scripts["export"].main([*arguments, "--face", "1"])
    assert Rig(tmp_path / "a.glb").names == ["slot_2"]
    with pytest.raises(ValueError, match="face: 0 to 1 is wanted, 2"):
        scripts["export"].main([*arguments, "--face", "2"])


@pytest.mark.parametrize("wrong", [["--output", "a.fbx"], ["--output", "a.glb", "--seed", "1", "--latents", "x.npz"]])
def test_wrong_options_are_told_before_anything_is_loaded(scripts, wrong, capsys):
    with pytest.raises(SystemExit):
        scripts["export"].main(wrong)
    assert "wanted" in capsys.readouterr().err


def test_heads_differ_and_the_manifest_says_how(scripts, avatar, mappers, tmp_path):
    folder = tmp_path / "heads"
    arguments = ["--mapper", *mappers, "--size", "16", "--output", str(folder)]
    scripts["make_heads"].main(["--count", "4", "--seed", "7", *arguments])
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
        for name in read._fields:
            np.testing.assert_allclose(arrays[f"edited_{name}"], getattr(wanted, name).detach(), atol=1e-5)


def test_an_interrupted_folder_goes_on_and_is_the_same(scripts, avatar, mappers, tmp_path, monkeypatch):
    def arguments(name: str, count: int) -> list[str]:
        return ["--count", str(count), "--mapper", *mappers, "--size", "16", "--output", str(tmp_path / name)]

    scripts["make_heads"].main(arguments("whole", 4))
    module, real = scripts["make_heads"], scripts["make_heads"].make_head

    def dies(number, *rest):
        if number == 2:
            raise KeyboardInterrupt
        return real(number, *rest)

    monkeypatch.setattr(module, "make_head", dies)
    with pytest.raises(KeyboardInterrupt):
        module.main(arguments("parts", 4))
    monkeypatch.setattr(module, "make_head", real)
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


def test_changed_settings_are_refused(scripts, avatar, mappers, tmp_path):
    common = ["--count", "1", "--size", "16", "--output", str(tmp_path / "heads")]
    scripts["make_heads"].main([*common, "--mapper", mappers[0]])
    for message, changed in {
        "strength: .0.5, 1.0., with which": ["--mapper", mappers[0], "--strength", "0", "1"],
        "mapper: .*zombie.* is wanted, .*old": ["--mapper", mappers[1]],
        "seed: 0, with which": ["--mapper", mappers[0], "--seed", "1"],
    }.items():
        with pytest.raises(ValueError, match=message):
            scripts["make_heads"].main([*common, *changed])
    with pytest.raises(SystemExit):
        scripts["make_heads"].main([*common, "--strength", "1", "0"])


def test_prompts_are_trained_once(scripts, avatar, tmp_path, capsys):
    folder = tmp_path / "heads"
    arguments = ["--count", "2", "--size", "16", "--output", str(folder), "--train", *TRAIN]
    prompts = ["--prompt", "zombie", "a face of an old person"]
    scripts["make_heads"].main([*arguments, *prompts])
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert [line["prompt"] for line in lines] == ["a photo of a zombie", "a face of an old person"]
    trained = folder / "mappers/a_face_of_an_old_person/mapper.safetensors"
    written = trained.stat().st_mtime_ns
    scripts["make_heads"].main([*arguments[2:], "--count", "3", *prompts])
    assert trained.stat().st_mtime_ns == written and len(list(folder.glob("*.glb"))) == 3


def test_a_mapper_that_was_told_to_stop_is_not_kept(scripts, avatar, tmp_path, monkeypatch):
    def told(config, folder):
        before = signal.signal(signal.SIGTERM, lambda *_: None)  # as the trainer's own handler
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
        (folder / "mapper.safetensors").write_bytes(b"half")

    monkeypatch.setattr(scripts["make_heads"], "train", told)
    with pytest.raises(KeyboardInterrupt):
        scripts["make_heads"].main(["--count", "1", "--prompt", "zombie", "--output", str(tmp_path / "heads")])
    assert not (tmp_path / "heads/mappers/zombie/mapper.safetensors").exists()
