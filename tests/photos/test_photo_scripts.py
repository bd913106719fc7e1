"""What is measured and made of photographs and of their data sets: what the command lines call, on small ones."""

from argparse import Namespace

import pytest
from commands import script
from fitted_heads import write_fitted
from PIL import Image

from clipface.texture.linear import load_texture_model
from scripts.recipes.texture_model_build import build


@pytest.fixture(scope="module")
def dataset(open_head, tmp_path_factory):
    """Three fitted heads of smooth skins."""
    return write_fitted(tmp_path_factory.mktemp("textures") / "set", *open_head, 3)


def test_textures_are_baked_for_each_face_of_a_data_set(dataset, tmp_path, capsys):
    words = ["--dataset", str(dataset), "--out", str(tmp_path / "textures"), "--size", "64"]
    assert script("bake_texture").main(words) == 0
    names = sorted(path.name for path in (tmp_path / "textures").iterdir())
    assert names == sorted(f"face{row}{end}.png" for row in range(3) for end in ("", "_preview"))
    assert Image.open(tmp_path / "textures" / "face1.png").size == (64, 64)
    assert capsys.readouterr().out.startswith("Baking ")  # before anything else
    assert script("bake_texture").main(["--photo", str(dataset / "dataset.json"), "--out", "t.png"]) == 1
    assert "dataset.json: unreadable: text" in capsys.readouterr().err


def test_baked_textures_are_measured_and_shown(dataset, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    words = ["--dataset", str(dataset), "--size", "64", "--sheet", str(sheet), "--people", "2"]
    script("measure/textures").main(words)
    said = capsys.readouterr().out
    assert "| photographs | 3 |" in said and "sharpness of the mean, mouth" in said
    width, height = Image.open(sheet).size
    assert width > 12 * 150 and 150 < height < 250  # one row of four faces, under a line of words
    with pytest.raises(ValueError, match="match: expected two faces or more, got 0 of 3"):
        script("measure/textures").main([*words, "--match", "nobody"])


def test_a_texture_model_is_built_from_a_data_set(dataset, open_head, tmp_path, capsys):
    out, exclude = tmp_path / "model.safetensors", tmp_path / "others.txt"
    exclude.write_text("face2\n")
    image, chosen = tmp_path / "model.png", {"match": "face[0-2]", "exclude": exclude, "photos": None}
    build(Namespace(dataset=dataset, out=out, count=2, note="", image=image, device="cpu", **chosen))
    model, base = load_texture_model(open_head[0], out)
    assert model.count == 2 and base.shape == (3, 512, 512) and (tmp_path / "model.png").is_file()
    with pytest.raises(SystemExit):
        script("recipes/build_texture_model").main(["--dataset", str(dataset), "--picture", "model.png"])
    assert "--picture: expected --image" in capsys.readouterr().err


def test_fits_of_photographs_are_compared_and_measured(photos, tmp_path, capsys):
    (photos / "labels.csv").write_text("file,person\na.png,ann\nb.png,ann\n")
    script("sheets/fits").main(["--photos", str(photos), "--count", "2", "--out", str(tmp_path / "fits.png")])
    said = capsys.readouterr().out
    assert "ears out of the person" in said and "| landmarks, colours, outline |" in said
    assert Image.open(tmp_path / "fits.png").width > 20 * 96
    cache = tmp_path / "faces.npz"
    words = ["--photos", str(photos), "--labels", str(photos / "labels.csv"), "--cache", str(cache)]
    script("measure/fits").main(words)
    said = capsys.readouterr().out
    assert "| ., yaw up to 15° |" in said and "closest of 1" in said and cache.is_file()
    script("benchmarks/fit").main(["--cache", str(cache), "--batch", "1", "--rounds", "1"])
    assert "landmarks and photometric, with mask" in capsys.readouterr().out
