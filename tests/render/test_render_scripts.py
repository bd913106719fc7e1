"""scripts/render.py, scripts/benchmarks/render.py and the soak test, on tiny files: what the command line calls."""

import numpy as np
import pytest
from commands import script
from PIL import Image

from clipface import assets


@pytest.fixture
def files(tiny_files, monkeypatch):
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(tiny_files))
    return tiny_files


def _render(output, *words):
    script("render").main(["--output", str(output), "--device", "cpu", "--size", "32", *words])
    return np.asarray(Image.open(output))


def test_a_face_under_several_lights(files, tmp_path):
    plain = _render(tmp_path / "plain.png", "--face", "3")
    assert plain.shape == (32, 32, 3) and (plain[0, 0] == 255).all() and (plain != 255).any()
    lit = _render(tmp_path / "lit.png", "--face", "3", "--shading", "studio", "--turn", "-60", "0", "60")
    assert lit.shape == (32, 96, 3)
    parts = [lit[:, i : i + 32].astype(int) for i in (0, 32, 64)]
    assert np.abs(parts[0] - parts[2]).max() > 20
    assert np.abs(parts[1] - plain).max() > 5
    words = ("--face", "3", "--shading", "unlit", "studio", "--turn", "0", "60")
    assert np.array_equal(_render(tmp_path / "two.png", *words), np.concatenate([plain, lit[:, 64:]], 1))


def test_a_texture_file_codes_and_clay(files, tmp_path):
    Image.fromarray(np.full((8, 8, 3), (200, 30, 30), np.uint8)).save(tmp_path / "red.png")
    red = _render(tmp_path / "a.png", "--texture", str(tmp_path / "red.png"), "--background", "0", "0", "1")
    assert (red[16, 16] == (200, 30, 30)).all() and (red[0, 0] == (0, 0, 255)).all()
    moved = _render(
        *(tmp_path / "b.png", "--texture", str(tmp_path / "red.png"), "--background", "0", "0", "1"),
        *("--identity", "3", "-3", "--expression", "2", "--jaw", "20", "--distance", "0.5", "--pitch", "10"),
    )
    assert (moved != red).any()
    clay = _render(tmp_path / "c.png", "--texture", "none", "--yaw", "0", "30")
    assert clay.shape == (32, 64, 3) and len(np.unique(clay)) > 20


def test_errors_name_the_argument(files, tmp_path):
    with pytest.raises(ValueError, match="texture: expected an image file, none, or --face"):
        _render(tmp_path / "a.png")
    with pytest.raises(ValueError, match="face: expected --face, --photo or --person with --mapper"):
        _render(tmp_path / "a.png", "--mapper", "run")
    with pytest.raises(ValueError, match="background: expected 1 or 3 numbers, got 2"):
        _render(tmp_path / "a.png", "--texture", "none", "--background", "0", "1")
    with pytest.raises(ValueError, match="turn: .*as many as shadings, 2, or one"):
        _render(tmp_path / "a.png", *"--texture none --shading sh studio --turn 0 1 2".split())


@pytest.mark.parametrize("verbs", [[], ["--verbs", "--no-antialias"]])
def test_the_benchmark_prints_a_row_for_each_size(files, capsys, verbs):
    benchmark = script("benchmarks/render")
    benchmark.main(["--sizes", "8", "16", "--batches", "1", "2", "--texture", "8", "--seconds", "0.01", *verbs])
    rows = capsys.readouterr().out.splitlines()[1:]  # after what the command will do
    assert len(rows) == 6
    assert [row.split()[:3] for row in rows[2:]] == [["warp", s, b] for s in ("8", "16") for b in ("1", "2")]
    middle, quartiles = rows[2].split()[3:5]
    low, high = quartiles.strip("()").split("-")
    assert float(low) <= float(middle) <= float(high)


def test_the_benchmark_draws_silhouettes(files, tmp_path):
    script("benchmarks/render").main(["--silhouettes", str(tmp_path / "ways.png")])
    assert Image.open(tmp_path / "ways.png").width > 4 * 48 * 6


def test_the_soak_test_runs():
    assert script("measure/soak").main(["--scenes", "12", "--minutes", "1"]) == 12
