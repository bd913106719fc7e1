"""Which faces are dropped, and that the reason is the right one."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from clipface.photos.filter import FilterRule, eyewear_lines, head_turn, reason_in_crop, reason_in_photograph, sharpness

EYES = {
    33: (-60, 0),
    133: (-30, 0),
    159: (-45, -8),
    145: (-45, 8),
    263: (60, 0),
    362: (30, 0),
    386: (45, -8),
    374: (45, 8),
}


def face(yaw=0.0, pitch=0.0, roll=0.0, scale=1.0, centre=(256, 256)):
    """Landmarks of an oval that leans as MediaPipe's do, turned (degrees) about its middle."""
    angle = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    points = np.stack([80 * np.sin(angle), -110 * np.cos(angle), np.zeros(478)], 1)
    for index, place in EYES.items():
        points[index] = (*place, 0)
    points[10], points[152], points[168] = (0, -110, 0), (0, 110, 0), (0, 0, 0)
    lean, a, b, c = np.radians([-2.8, yaw, pitch, roll])
    for x, y, angle in ((1, 2, -lean), (0, 2, a), (1, 2, -b), (0, 1, c)):
        turned = points.copy()
        turned[:, x] = np.cos(angle) * points[:, x] - np.sin(angle) * points[:, y]
        turned[:, y] = np.sin(angle) * points[:, x] + np.cos(angle) * points[:, y]
        points = turned
    return (points * scale + (*centre, 0)).astype(np.float32)


@pytest.mark.parametrize("turn", [(0, 0, 0), (25, 0, 0), (-25, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 30)])
def test_turns_are_measured_one_by_one(turn):
    np.testing.assert_allclose(head_turn(face(*turn)), turn, atol=0.6)


RULE = FilterRule(least_face=100, most_yaw=30, most_pitch=20, most_roll=40, second_face=0.5)


@pytest.mark.parametrize(
    ("faces", "reason"),
    [
        ([], "no face"),
        ([face(scale=0.4)], "too small: the face has 88"),
        ([face(), face(scale=0.6)], "several faces: 2, the second 60%"),
        ([face(yaw=35)], "too turned: yaw of 35"),
        ([face(pitch=-25)], "too turned: pitch of -25"),
        ([face(roll=50)], "too turned: roll of 50"),
        ([face(25, 15, 30), face(scale=0.4)], None),
    ],
)
def test_a_photograph_is_dropped_for_its_reason(faces, reason):
    found = reason_in_photograph(faces, RULE)
    assert found is None if reason is None else found.startswith(reason)
    off = FilterRule(least_face=0, most_yaw=180, most_pitch=180, most_roll=180, second_face=0)
    assert not faces or reason_in_photograph(faces, off) is None


@pytest.fixture(scope="module")
def skin():
    """Something like skin under soft light: detail of every size, no lines."""
    random = np.random.default_rng(0)
    layers = [gaussian_filter(random.normal(size=(512, 512)), s) * s * a for s, a in ((0.7, 6), (4, 40), (20, 60))]
    return (110 + sum(layers)).clip(20, 235).astype(np.uint8)[..., None].repeat(3, 2)


def test_blur_is_seen_whatever_contrast_and_brightness(skin):
    sharp = sharpness(skin, face())
    dim = (skin * 0.5 + 20).round().astype(np.uint8)
    assert abs(sharpness(dim, face()) / sharp - 1) < 0.2
    blurred = gaussian_filter(skin, (4, 4, 0))
    assert reason_in_crop(skin, face(), FilterRule()) is None
    assert reason_in_crop(blurred, face(), FilterRule()).startswith("blurred")
    assert reason_in_crop(blurred, face(), FilterRule(least_sharpness=0)) is None


def spectacles(skin, colour, width, bridge=True):
    image = Image.fromarray(skin)
    draw = ImageDraw.Draw(image)
    for x in (-45, 45):
        draw.ellipse((256 + x - 31, 256 - 26, 256 + x + 31, 256 + 36), outline=colour, width=width)
    if bridge:
        draw.line((244, 256, 268, 256), fill=colour, width=width)
    return np.asarray(image)


def test_spectacles_are_seen_and_bare_faces_are_not_taken_for_them(skin):
    for colour, width in (((20, 20, 25), 5), ((240, 240, 240), 5), ((40, 20, 10), 9)):
        assert reason_in_crop(spectacles(skin, colour, width), face(), FilterRule()).startswith("eyewear"), colour
    assert reason_in_crop(spectacles(skin, (20, 20, 25), 5, bridge=False), face(), FilterRule()) is None
    assert reason_in_crop(spectacles(skin, (20, 20, 25), 5), face(), FilterRule(eyewear_rim=0)) is None


def test_spectacles_are_measured_alike_at_other_sizes(skin):
    worn = spectacles(skin, (20, 20, 25), 5)
    small = np.asarray(Image.fromarray(worn).resize((256, 256), Image.Resampling.BOX))
    one, other = eyewear_lines(worn, face()), eyewear_lines(small, face(scale=0.5, centre=(128, 128)))
    np.testing.assert_allclose(one, other, rtol=0.25)
