"""scripts/animate.py and scripts/evaluate_animation.py, on tiny parts."""

import csv
from pathlib import Path

import pytest
import torch
from commands import script
from PIL import Image

from clipface.edit.avatar import FRONT_SCALE
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.sampling import sample_faces
from clipface.edit.video_mapper import VideoMapper
from clipface.export.video import read_frames
from clipface.guidance import load_encoder
from clipface.render import view
from clipface.settings import HeadConfig, RendererConfig, named_guidance

FRAMES = 6
NOTES = {
    "prompt": {"name": "zombie", "target": "a photo of a zombie", "source": "a photo of a face"},
    "head": {"name": "open", "path": None},
    "generator": None,
    "psi": 0.7,
}


@pytest.fixture
def sequence(tmp_path) -> Path:
    path = tmp_path / "nod.yaml"
    times = ((0, "neutral"), (0.3, "{slot_1: 1.0}"), (0.5, "neutral"))
    keyframes = [f"  - {{time: {time}, expression: {expression}}}" for time, expression in times]
    path.write_text("\n".join(["rate: 10", "keyframes:", *keyframes]))
    return path


@pytest.fixture(params=[VideoMapper, FaceMapper])
def run(request, tiny_files, monkeypatch, tmp_path, sequence) -> Path:
    """A folder as a trainer of either kind leaves it behind."""
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    avatar = load_avatar(None, HeadConfig(), RendererConfig())
    torch.manual_seed(0)
    mapper = request.param(avatar.generator.levels, avatar.generator.config["w_dim"], avatar.head.n_expression)
    for parameter in mapper.parameters():
        torch.nn.init.normal_(parameter, std=60)
    moving = {"sequence": str(sequence), "rate": None} if request.param is VideoMapper else {}
    mapper.save(tmp_path / "run/mapper.safetensors", **NOTES, **moving, **avatar.origin)
    return tmp_path / "run"


def test_a_run_animates_faces_and_writes_all_that_is_asked_for(run, sequence, tmp_path, capsys):
    output = tmp_path / "animated"
    words = f"--mapper {run} --sequence {sequence} --latents 0:2 --size 32 --window 4 --output {output}"
    script("animate").main([*words.split(), "--textures", "--glb", "--camera", "sway"])
    for name in ("0000", "0001"):
        assert len(list(read_frames(output / f"{name}.mp4"))) == FRAMES
        assert Image.open(output / f"{name}.png").width > 3 * 32
        assert len(list((output / name).glob("*.png"))) == FRAMES
        assert (output / f"{name}.glb").stat().st_size > 1000
    assert not list(output.glob("*.partial"))
    printed = capsys.readouterr().out
    assert "2 faces x 6 frames" in printed and "frames/s" in printed and "textures" in printed


def test_a_sequence_must_be_known_and_may_come_from_the_run(run, tmp_path):
    words = f"--mapper {run} --latents 0:1 --size 32 --output {tmp_path / 'animated'}".split()
    if "sequence" in (run / "mapper.json").read_text():
        script("animate").main(words)
        assert (tmp_path / "animated/0000.mp4").is_file()
    else:
        with pytest.raises(ValueError, match="sequence: expected one, got none"):
            script("animate").main(words)


def test_faces_move_without_an_edit(tiny_files, monkeypatch, sequence, tmp_path):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    script("animate").main(f"--sequence {sequence} --latents 3:4 --size 32 --output {tmp_path / 'plain'}".split())
    frames = list(read_frames(tmp_path / "plain/0000.mp4"))
    assert len(frames) == FRAMES and (frames[0] - frames[3]).abs().mean() > 1e-3


def test_every_frame_is_scored(run, sequence, tmp_path):
    output = tmp_path / "scores"
    words = f"--mappers {run} --sequence {sequence} --faces 2 --encoder face --size 32 --output {output}"
    (row,) = script("evaluate_animation").main(words.split())
    assert row[:3] == ["zombie", "nod", "6"]
    assert "rank correlation" in (output / "scores.md").read_text()
    rows = list(csv.DictReader((output / "zombie_nod.csv").open()))
    assert len(rows) == FRAMES and float(rows[3]["importance"]) == 1 and float(rows[3]["second"]) == 0.3
    assert all(-1 <= float(each["after"]) <= 1 for each in rows)


def test_frames_are_scored_as_near_as_videos_show_them(run, sequence, tmp_path):
    words = f"--mappers {run} --sequence {sequence} --faces 1 --seed 5 --encoder face --size 32 --output {tmp_path}"
    script("evaluate_animation").main(words.split())
    (neutral, *_) = csv.DictReader((tmp_path / "zombie_nod.csv").open())
    avatar, encoder = load_avatar(None, HeadConfig(), RendererConfig()), load_encoder(named_guidance("face"))
    face = sample_faces(avatar, range(1), NOTES["psi"], "evaluation", 5).codes
    found = {}
    for scale in (1.0, FRONT_SCALE):
        camera = view(torch.zeros(1), torch.zeros(1), scale)
        with torch.no_grad():
            image = encoder.encode_image(avatar.views(avatar.texture(face.w_plus), face, camera, 32))
            found[scale] = (image @ encoder.encode_text([NOTES["prompt"]["target"]]).T).item()
    assert float(neutral["before"]) == pytest.approx(found[FRONT_SCALE], abs=1e-4)
    assert found[1.0] != pytest.approx(found[FRONT_SCALE], abs=1e-3)
