"""The square around a face: where FFHQ's is, unaliased, and complete beyond the photograph's border."""

import numpy as np
import pytest
import torch
from PIL import Image

from clipface.photos.examine import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, SIZE, crop, crop_matrix
from clipface.photos.textures import SHARP, sharp_crops


def landmarks(right, left, mouth):
    points = np.zeros((478, 3))
    for part, place in ((RIGHT_EYE, right), (LEFT_EYE, left), (MOUTH_CORNERS, mouth)):
        points[list(part), :2] = place
    return points


def through(matrix, place):
    return (matrix @ np.array([*place, 1.0]))[:2]


def test_eyes_and_mouth_land_where_ffhq_puts_them():
    # With eyes 100 apart and the mouth 100 below, FFHQ's square is 400 wide with its middle 10 below the eyes.
    matrix = crop_matrix(landmarks((450, 300), (550, 300), (500, 400)), 512)
    np.testing.assert_allclose(through(matrix, (500, 310)), (256, 256), atol=1e-9)
    np.testing.assert_allclose(through(matrix, (300, 110)), (0, 0), atol=1e-9)
    np.testing.assert_allclose(through(matrix, (700, 510)), (512, 512), atol=1e-9)


def test_a_long_face_makes_the_square_larger():
    matrix = crop_matrix(landmarks((450, 300), (550, 300), (500, 450)), 512)
    np.testing.assert_allclose(through(matrix, (500 - 270, 315)), (0, 256), atol=1e-9)


@pytest.mark.parametrize("angle", [-90, -30, 20, 180])
def test_a_leaning_face_is_turned_upright(angle):
    a = np.radians(angle)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    places = [turn @ place + (700, 800) for place in ((-50, 0), (50, 0), (0, 100))]
    matrix = crop_matrix(landmarks(*places), 512)
    right, left, mouth = (through(matrix, place) for place in places)
    assert abs(right[1] - left[1]) < 1e-6 and left[0] > right[0] and mouth[1] > left[1]
    np.testing.assert_allclose(matrix[:2, :2] @ matrix[:2, :2].T, np.eye(2) * 1.28**2, atol=1e-9)


def ramp(width, height):
    """An image whose red tells x and whose green tells y."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return Image.fromarray(np.stack([x / width, y / height, 0 * x], 2).__mul__(255).round().astype(np.uint8))


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.6, 7.3])
@pytest.mark.parametrize("angle", [0, 25])
def test_pixels_come_from_where_the_matrix_says(scale, angle):
    a = np.radians(angle)
    to_photograph = np.array(
        [[scale * np.cos(a), -scale * np.sin(a), 400], [scale * np.sin(a), scale * np.cos(a), 300], [0, 0, 1]]
    )
    cut = crop(ramp(1200, 1000), np.linalg.inv(to_photograph), 64)
    assert cut.image.shape == (64, 64, 3) and cut.image.dtype == np.uint8
    x, y = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
    place = np.einsum("ij,jhw->ihw", to_photograph, np.stack([x, y, np.ones_like(x)]))
    expected = np.stack([place[0] / 1200, place[1] / 1000], 2) * 255
    near = cut.inside & (np.abs(place[0] - 600) < 590) & (np.abs(place[1] - 500) < 490)
    assert near.mean() > 0.5
    assert np.abs(cut.image[..., :2] - expected)[near].max() < 1.6


def test_fine_stripes_shrink_to_grey():
    stripes = np.zeros((1024, 1024, 3), np.uint8)
    stripes[:, ::2] = 255
    cut = crop(Image.fromarray(stripes), np.diag([64 / 1024, 64 / 1024, 1.0]), 64)
    assert np.abs(cut.image.astype(int) - 127.5).max() < 3


def test_beyond_the_photograph_its_border_goes_on_and_is_marked():
    image = np.full((100, 100, 3), 90, np.uint8)
    image[:, 0] = (200, 10, 10)
    to_photograph = np.array([[1, 0, -30.0], [0, 1, 20], [0, 0, 1]])
    cut = crop(Image.fromarray(image), np.linalg.inv(to_photograph), 64)
    assert not cut.inside[:, :30].any() and cut.inside[:, 30:].all()
    assert np.abs(cut.image[:, :28].astype(int) - (200, 10, 10)).max() < 12
    assert (cut.image[:, 34:] == 90).all()


def test_a_square_beside_the_photograph_is_refused():
    with pytest.raises(ValueError, match="meets the photograph"):
        crop(ramp(50, 50), np.array([[1, 0, 500.0], [0, 1, 0], [0, 0, 1]]), 64)


def test_a_sharp_crop_is_the_crop_with_more_pixels(tmp_path):
    random = np.random.default_rng(1)
    photograph = Image.fromarray(random.integers(0, 255, (30, 40, 3), dtype=np.uint8)).resize((1200, 900))
    photograph.save(tmp_path / "face.png")
    turn = np.array([[0.9, 0.1, -300.0], [-0.1, 0.9, -100.0], [0, 0, 1.0]])
    usual = torch.tensor(crop(photograph, turn, SIZE).image).float()
    sharp = sharp_crops([tmp_path / "face.png"], [turn])[0].float()
    assert sharp.shape == (SHARP, SHARP, 3)
    smaller = torch.nn.functional.avg_pool2d(sharp.permute(2, 0, 1), SHARP // SIZE).permute(1, 2, 0)
    assert (smaller - usual).abs().mean() < 1.0
