"""The authors' photographs: vertices in clip space, their alpha masks, a list of kept names."""

import numpy as np
import pytest
import torch
from commands import script
from PIL import Image

from clipface.data import MaskedFaces
from clipface.photos import prepare
from clipface.photos.examine import SIZE, Cutout
from clipface.photos.heads import read_vertices
from clipface.photos.masks import crop_mask, read_mask
from clipface.photos.sources import Source, listed
from clipface.render import Renderer
from clipface.render.camera import project
from scripts.recipes.originals_build.sizes import SMALL


def test_vertices_in_clip_space_are_divided_by_w(tmp_path):
    places = torch.rand(7, 3) - 0.5
    w = torch.rand(7, 1) + 0.5
    torch.save(torch.cat([places * w, w], 1), tmp_path / "a.pt")
    np.testing.assert_allclose(read_vertices(tmp_path / "a.pt", 7), places.numpy(), atol=1e-6)
    torch.save(torch.zeros(7, 4), tmp_path / "b.pt")
    with pytest.raises(ValueError, match="finite x and y"):
        read_vertices(tmp_path / "b.pt", 7)


def test_masks_are_cut_as_their_faces_were(tmp_path):
    alpha = np.zeros((60, 80), np.uint8)
    alpha[20:40, 30:50] = 255
    Image.fromarray(np.dstack([np.full((60, 80, 3), 90, np.uint8), alpha])).save(tmp_path / "a.png")
    shift = np.array([[1, 0, -20], [0, 1, -10], [0, 0, 1.0]])
    image, inside = np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), bool)
    cutout = Cutout(image, inside, np.zeros((478, 3)), inside.astype(np.uint8), shift, (80, 60))
    cut = crop_mask(read_mask(tmp_path / "a.png"), cutout)
    assert (cut[12:28, 12:28] == 255).all() and (cut[:8] == 0).all() and (cut[:, :8] == 0).all()
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="expected an image with the face's mask"):
        read_mask(tmp_path / "b.png")


def test_a_list_of_names_chooses(tmp_path):
    sources = [Source(file, 1, 1) for file in ("a/00001.png", "a/00002.png", "b/00003.png")]
    (tmp_path / "names.txt").write_text("00001\nb/00003.png\n\n")
    kept, unknown = listed(sources, tmp_path / "names.txt")
    assert [source.file for source in kept] == ["a/00001.png", "b/00003.png"] and unknown == []
    (tmp_path / "names.txt").write_text("other")
    with pytest.raises(ValueError, match="such as 00001, got none"):
        listed(sources, tmp_path / "names.txt")


def test_what_is_said_of_files_is_true(full_flame, tmp_path, capsys):
    for folder in ("photos", "fits"):
        (tmp_path / folder).mkdir()
    for name in "ab":
        Image.new("RGB", (64, 64)).save(tmp_path / "photos" / f"{name}.png")
        torch.save(torch.ones(SMALL.vertices, 4), tmp_path / "fits" / f"{name}.pt")
    (tmp_path / "fits" / "._a.pt").write_bytes(b"\0\5\26\7 macOS")
    (tmp_path / "names.txt").write_text("a\nc\n")
    given = ["--head", "flame", "--photos", str(tmp_path / "photos"), "--fits", str(tmp_path / "fits"), "--masks", "no"]
    given += ["--list", str(tmp_path / "names.txt"), "--out", str(tmp_path / "set")]
    assert script("prepare_photos").main(given) == 1
    said = capsys.readouterr()
    assert "error: masks: no is no folder; give a folder of .png" in said.err
    assert "1 names in" in said.out and "are of no photograph, such as c" in said.out
    assert "belong to no photograph" not in said.out  # b.png is there, and only left out
    assert script("prepare_photos").main(given[:-4] + given[-2:]) == 1  # without the list
    assert "belong to no photograph" not in capsys.readouterr().out


def test_the_command_makes_a_data_set_of_them_or_says_that_it_is_empty(monkeypatch, painted, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    one = painted(1)
    for folder in ("photos", "fits", "masks"):
        (tmp_path / folder).mkdir()
    Image.fromarray(one.images[0]).save(tmp_path / "photos" / "face.png")
    Image.fromarray(one.images[0]).save(tmp_path / "photos" / "other.png")
    mask = np.zeros(one.images[0].shape[:2], np.uint8)
    mask[: len(mask) // 2] = 255  # none that would be found
    Image.fromarray(mask).save(tmp_path / "masks" / "face.png")
    (tmp_path / "names.txt").write_text("face\n")
    batch = one.batch
    vertices = one.head(batch.shape, batch.expression, batch.pose, batch.neck_pose, batch.eye_pose)
    torch.save(2 * project(vertices, batch.camera)[0], tmp_path / "fits" / "face.pt")
    renderer = Renderer(one.head.faces, one.head.uv, one.head.uv_faces)
    monkeypatch.setattr(prepare, "load_head_and_renderer", lambda *_: (one.head, renderer))
    command = script("prepare_photos")
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    given = ["--head", "flame", "--workers", "0", "--photos", str(tmp_path / "photos"), "--out", str(tmp_path / "set")]
    given += [word for name in ("fits", "masks") for word in (f"--{name}", str(tmp_path / name))]
    assert command.main([*given, "--list", str(tmp_path / "names.txt")]) == 0
    assert f"head=flame dataset.path={tmp_path / 'set'}" in capsys.readouterr().out
    faces = MaskedFaces(tmp_path / "set", 64)
    assert faces.sources == ["face.png"]
    matrix = faces.parameters(0)["matrix"]
    edge = round(float(matrix[1, 2] + matrix[1, 1] * len(mask) / 2) / SIZE * 64)  # where the mask ends, in the crop
    rows = faces[0].mask.float().reshape(64, 64).mean(1)
    assert 8 < edge < 56 and rows[edge - 5 : edge - 1].min() > 0.5 and rows[edge + 2 :].max() < 0.1
    Image.fromarray(255 - mask).save(tmp_path / "masks" / "face.png")
    assert command.main([*given, "--list", str(tmp_path / "names.txt")]) == 0
    changed = MaskedFaces(tmp_path / "set", 64)[0].mask.float().reshape(64, 64).mean(1)
    assert changed[: edge - 5].max() < 0.1 and changed[edge + 2 :].max() > 0.5, "a changed mask is noticed"
    (tmp_path / "names.txt").write_text("other\n")
    given[given.index(str(tmp_path / "set"))] = str(tmp_path / "empty")
    assert command.main([*given, "--list", str(tmp_path / "names.txt")]) == 1
    assert "holds no face" in capsys.readouterr().err
