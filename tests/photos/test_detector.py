"""Faces found in images; painted faces stand for photographs."""

import sys

import numpy as np
import pytest
import torch

from clipface.photos.detection import FaceDetector


@pytest.fixture(scope="module")
def detector():
    pytest.importorskip("onnxruntime")
    return FaceDetector()


@pytest.fixture(scope="module")
def faces(painted):
    return painted(2)


def corners(batch, head, index):
    """Outer corners of the right and left eye in pixels, from the head itself."""
    vertices = head(batch.shape, batch.expression, batch.pose, batch.neck_pose, batch.eye_pose)
    points = (
        torch.einsum("bij,blj->bli", batch.camera[:, :3, :3], head.landmarks(vertices)) + batch.camera[:, None, :3, 3]
    )
    return ((points[index, [36, 45], :2] + 1) * 160).numpy()


def test_landmarks_lie_where_the_head_has_them(detector, faces):
    images, batch, head = faces
    for index, image in enumerate(images):
        (points,) = detector.faces(image)
        assert points.shape == (478, 3) and points.dtype == np.float32
        expected = corners(batch, head, index)
        between = np.linalg.norm(expected[1] - expected[0])
        assert np.linalg.norm(points[[33, 263], :2] - expected, axis=1).max() < 0.15 * between
        assert points[1, 2] < points[[33, 263, 234, 454], 2].min()  # the nose's tip is nearest


def test_several_faces_come_largest_first_wherever_they_are(detector, faces):
    images = faces[0]
    wide = np.full((700, 1400, 3), 150, np.uint8)
    wide[50:370, 1000:1320] = images[0]
    small = images[1][::2, ::2]
    wide[400:560, 100:260] = small
    first, second = detector.faces(wide)
    assert 1000 < first[:, 0].mean() < 1320 and 100 < second[:, 0].mean() < 260
    (alone,) = detector.faces(images[0])
    assert np.abs(first[:, :2] - (1000, 50) - alone[:, :2]).mean() < 3


def test_a_large_picture_gives_the_same_points(detector, faces):
    (points,) = detector.faces(faces[0][0])
    (large,) = detector.faces(faces[0][0].repeat(5, 0).repeat(5, 1))
    assert np.abs(large / 5 - points)[:, :2].mean() < 2


def test_a_small_face_in_a_panorama_is_found(detector, faces):
    wide = np.full((1200, 6000, 3), 140, np.uint8)
    wide[700:1020, 4300:4620] = faces[0][0]
    (points,) = detector.faces(wide)
    (alone,) = detector.faces(faces[0][0])
    assert np.abs(points[:, :2] - (4300, 700) - alone[:, :2]).mean() < 3


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_pictures_have_one_face_and_only_upright_ones_are_upright(detector, faces, turns):
    image = np.ascontiguousarray(np.rot90(faces[0][0], turns))
    assert len(detector.faces(image)) == 1
    assert detector.upright(image) or turns
    assert not detector.upright(image) or turns != 2


def test_no_face_and_tiny_pictures(detector):
    random = np.random.default_rng(0)
    assert detector.faces(random.integers(0, 255, (200, 300, 3), np.uint8)) == []
    assert detector.faces(np.zeros((1, 1, 3), np.uint8)) == []


def test_person_stands_out_from_the_background(detector, faces):
    image, mask = faces[0][0], faces[1].mask[0, 0].numpy() > 0.5
    person = detector.person(image)
    assert person.shape == (320, 320) and person.dtype == np.float32 and 0 <= person.min() and person.max() <= 1
    assert person[mask].mean() > 0.8 and person[:40, :40].mean() < 0.2


@pytest.mark.parametrize("image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)])
def test_what_is_no_picture_is_refused(detector, image):
    with pytest.raises(ValueError, match=r"image: expected \(H, W, 3\) uint8 RGB"):
        detector.faces(image)


def test_missing_onnxruntime_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r'pip install -e ".\[fit\]"'):
        FaceDetector()
