"""Edited people are compared with their photographs, and shown: renders in the place of photographs."""

import importlib.util
import json

import pytest
import torch
from commands import script
from fitted_heads import two_heads
from PIL import Image

from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.edit.loading import load_editor
from clipface.edit.sampling import sample_latents

MISSING = [name for name in ("dlib", "face_recognition_models") if importlib.util.find_spec(name) is None]
SIZE = 512


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two people who are photographed as the renderer shows them."""
    folder = tmp_path_factory.mktemp("own")
    avatar, _, psi, _ = load_editor(psi=1.0, device="cpu")
    codes = sample_latents(avatar, [0, 1], psi)
    fit = two_heads(avatar.head).select([0, 0])._replace(shape=codes.shape)
    with torch.no_grad():
        images = avatar.render(avatar.texture(codes.w_plus), avatar.head(fit.shape), fit.camera, SIZE, None)
        shown = avatar.renderer(avatar.head(fit.shape), None, fit.camera, SIZE).mask
    create_dataset(folder / "set", "open", {})
    writer = ShardWriter(folder / "set", 0, lossless=True)
    for row in range(2):
        crop = (images[row] * 255).round().byte().permute(1, 2, 0).numpy()
        arrays = {name: part[row].numpy() for name, part in fit._asdict().items()} | {"camera": fit.camera[row].numpy()}
        mask = (shown[row, 0] * 255).round().byte().numpy()
        writer.add(Face(f"{row}", crop, mask, arrays, source=f"people/{row}.jpg"))
    writer.close()
    (folder / "list.txt").write_text("people/0.jpg\npeople/1.jpg\n")
    return folder


@pytest.mark.skipif(bool(MISSING), reason=f'needs pip install -e ".[identity]": no {", ".join(MISSING)}')
def test_a_look_takes_a_person_further_from_the_photograph(dataset, tmp_path, capsys):
    words = ["--dataset", str(dataset / "set"), "--list", str(dataset / "list.txt"), "--match", "0", "--device", "cpu"]
    edits = ["--edits", "look:red_lipstick", "look:zombie", "--texture-size", "256", "--output", str(tmp_path)]
    script("measure/own_faces").main([*words, *edits])
    found = json.loads((tmp_path / "own_faces.json").read_text())
    assert found["photographs"] == ["people/0.jpg"] and found["bits kept"] == 1
    distances = [found["distance"][name][0] for name in ("the head, unedited", *edits[1:3])]
    assert distances[0] < 0.3 and distances == sorted(distances)
    assert "1 of 1" in capsys.readouterr().out


def test_sheets_show_heads_and_photographs(dataset, tmp_path):
    pytest.importorskip("onnxruntime")
    words = ["--dataset", str(dataset / "set"), "--edits", "look:clown", "--texture-size", "128", "--device", "cpu"]
    sheets = ["--sheets", "people/1.jpg", "--size", "64", "--output", str(tmp_path)]
    script("measure/own_faces").main([*words, *sheets])
    heads, photographs = (Image.open(tmp_path / f"own_{name}.jpg") for name in ("heads", "photos"))
    assert heads.width - photographs.width == 68  # the head before the edit
    with pytest.raises(ValueError, match=r"expected photographs in .*, got people/2\.jpg"):
        script("measure/own_faces").main([*words, "--sheets", "people/2.jpg", "--output", str(tmp_path)])
