"""Faces and hands are where MediaPipe finds them, of whose networks the shipped ones are converted."""

from pathlib import Path

import numpy as np
import pytest

from clipface.photos.detection import FaceDetector

pytest.importorskip("onnxruntime")
REFERENCE = Path(__file__).parents[1] / "golden/faces.npz"
HALF_A_PIXEL = 0.5
STEP = 4  # pixels between those of the outline that are kept


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as file:
        return dict(file)


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


def test_landmarks_with_their_depth_lie_within_half_a_pixel(detector, reference):
    found = detector.faces(reference["image"])
    assert len(found) == len(reference["faces"]) == 2  # the second is small and turned
    difference = np.abs(np.array(found) - reference["faces"])
    assert difference.max() < HALF_A_PIXEL and difference.mean() < 0.1


def test_the_eyes_and_lips_were_looked_at_again(detector, reference):
    # The pupils are only found there; the mesh alone leaves the lips and lids up to two pixels elsewhere.
    for found, expected in zip(detector.faces(reference["image"]), reference["faces"], strict=True):
        iris = found[468:473]
        assert np.ptp(iris[1:, 0]) > 3 and np.abs(iris - expected[468:473]).max() < HALF_A_PIXEL
        assert np.ptp(iris[:, 2]) == 0  # one depth, that of the eye's rim


def test_boxes_and_the_outline_are_the_same(detector, reference):
    image = reference["image"]
    assert np.abs(np.array(detector.boxes(image)) - reference["boxes"]).max() < HALF_A_PIXEL
    outline = detector.person(image)[::STEP, ::STEP]
    assert np.abs(outline - reference["person"].astype(np.float32)).mean() < 1e-3


def test_a_hand_has_its_joints(detector, reference):
    (hand,) = detector.hands(reference["image"])
    assert hand.shape == (21, 2) and hand.dtype == np.float32
    assert np.abs(hand - reference["hands"][0]).max() < HALF_A_PIXEL


def test_a_hand_upside_down_turns_its_joints(detector, reference):
    turned = np.ascontiguousarray(reference["image"][::-1, ::-1])
    (hand,) = detector.hands(turned)
    size = np.array(turned.shape[1::-1])
    palm = np.linalg.norm(reference["hands"][0][9] - reference["hands"][0][0])
    assert np.linalg.norm(size - hand - reference["hands"][0], axis=1).max() < 0.3 * palm


@pytest.mark.parametrize("shape", [(40, 900), (900, 40), (257, 256), (2, 3)])
def test_long_and_tiny_images_have_an_outline_of_their_shape(detector, shape):
    outline = detector.person(np.full((*shape, 3), 120, np.uint8))
    assert outline.shape == shape and outline.dtype == np.float32 and 0 <= outline.min() and outline.max() <= 1
