"""Textures of the former UV map, carried over to today's by the command that users type."""

import numpy as np
import pytest
from PIL import Image

from clipface.head.uv_stretch import ROWS, STRIP, stretch
from clipface.texture.convert import convert_texture
from scripts.convert_texture import main

SIZE = 64
LEAST_GAIN = 1.9  # texels of the face's middle, against the former map


def _sampled(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Nearest texels at UV coordinates [N, 2]."""
    side = len(texture)
    column, row = (uv * [side, -side] + [0, side]).astype(int).clip(0, side - 1).T
    return texture[row, column]


def test_a_point_of_the_head_keeps_its_colour():
    v, u = np.mgrid[1 : 0 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    uv = np.random.default_rng(0).uniform([0.05, 0.17], [0.95, 0.95], (2000, 2))
    converted = convert_texture(np.stack([u, v], 2), 4 * SIZE)
    assert np.abs(_sampled(converted, stretch(uv)) - uv).max() < 0.03


def test_the_face_gains_texels_and_the_strip_stays():
    face = np.array([[0.5, 0.56], [0.501, 0.561]])
    assert np.prod(np.diff(stretch(face), axis=0) / 1e-3) > LEAST_GAIN
    strip = np.random.default_rng(1).uniform([0, 0], [1, STRIP], (100, 2)).astype(np.float32)
    assert np.array_equal(stretch(strip), strip)
    assert np.abs(ROWS.unstretch(ROWS.stretch(np.linspace(STRIP, 1, 50))) - np.linspace(STRIP, 1, 50)).max() < 1e-6


def test_the_command_converts_a_file_and_a_folder(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 256, (SIZE, SIZE, 4), np.uint8)
    old = tmp_path / "old"
    (old / "inner").mkdir(parents=True)
    Image.fromarray(pixels).save(old / "a.png")
    Image.fromarray(pixels[..., :3]).save(old / "inner" / "b.jpg")
    assert main([str(old / "a.png"), str(tmp_path / "one.png"), "--size", "32"]) == 0
    assert Image.open(tmp_path / "one.png").size == (32, 32) and Image.open(tmp_path / "one.png").mode == "RGBA"
    assert main([str(old), str(tmp_path / "new")]) == 0
    expected = convert_texture(pixels).round().clip(0, 255)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "new" / "a.png")), expected)
    assert Image.open(tmp_path / "new" / "inner" / "b.jpg").size == (SIZE, SIZE)


def test_files_are_written_as_what_their_names_say(tmp_path, capsys):
    old = tmp_path / "old"
    old.mkdir()
    for name in ("a.tif", "b.png"):
        Image.new("RGB", (SIZE, SIZE)).save(old / name)
    (old / "._b.png").write_bytes(b"\0\5\26\7 macOS")
    Image.new("RGB", (2 * SIZE, SIZE)).save(old / "b_views.png")
    assert main([str(old), str(tmp_path / "new")]) == 0
    assert "1 images are not square" in capsys.readouterr().err
    assert {path.name: Image.open(path).format for path in (tmp_path / "new").iterdir()} == {
        "a.png": "PNG", "b.png": "PNG",
    }  # fmt: skip
    assert main([str(old), str(tmp_path / "one.png")]) == 1 and main([str(old / "b.png"), str(tmp_path / "b.bmp")]) == 1
    said = capsys.readouterr().err
    assert "expected a folder for several textures" in said and "expected a file .png .jpg .jpeg" in said
    (tmp_path / "empty").mkdir()
    assert main([str(old), str(tmp_path / "empty"), str(tmp_path / "more")]) == 1


@pytest.mark.parametrize(("size", "words"), [((8, 6), "square"), (None, "no image")])
def test_what_is_no_texture_is_refused_with_a_word(tmp_path, capsys, size, words):
    old = tmp_path / "old.png"
    Image.new("RGB", size).save(old) if size else old.write_bytes(b"\x89PNG")
    assert main([str(old), str(tmp_path / "new.png")]) == 1
    assert words in capsys.readouterr().err and not (tmp_path / "new.png").exists()


def test_a_texture_does_not_overwrite_itself(tmp_path, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main([str(tmp_path), str(tmp_path)]) == 1
    assert "another folder" in capsys.readouterr().err
