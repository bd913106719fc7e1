"""The colour of skin: known colours, and where the cheeks are."""

import pytest
import torch

from clipface.metrics.skin import cheek_colour, lightness_and_tone


def test_lightness_and_typology_angle_are_those_of_known_colours():
    colours = torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0], [119 / 255] * 3])
    lightness, tone = lightness_and_tone(colours)
    # CIELAB of sRGB's white, black, red (53.24, 80.09, 67.20), and of the grey in the middle.
    assert lightness.tolist() == pytest.approx([100, 0, 53.24, 50.03], abs=0.05)
    assert tone[2].item() == pytest.approx(2.76, abs=0.05)


def test_darker_skin_has_a_smaller_angle():
    skins = torch.tensor([[0.93, 0.80, 0.72], [0.78, 0.58, 0.46], [0.50, 0.34, 0.25], [0.28, 0.19, 0.14]])
    lightness, tone = lightness_and_tone(skins)
    assert (lightness.diff() < -10).all() and (tone.diff() < -10).all() and tone[0] > 41 and tone[-1] < -30


def test_cheeks_are_looked_at_and_nothing_else():
    landmarks = torch.zeros(1, 68, 2)
    landmarks[0, [36, 45]] = torch.tensor([[20.0, 20.0], [60.0, 20.0]])  # 40 pixels apart: patches of 9
    landmarks[0, [3, 31, 41, 48]] = torch.tensor([20.0, 40.0])
    landmarks[0, [13, 35, 46, 54]] = torch.tensor([60.0, 40.0])
    image = torch.zeros(1, 3, 80, 80)
    skin = torch.tensor([0.8, 0.6, 0.5])
    for across in (20, 60):
        image[0, :, 35:46, across - 5 : across + 6] = skin[:, None, None]
    torch.testing.assert_close(cheek_colour(image, landmarks), skin[None])
    image[0, :, 38:42, 18:22] = 1  # a highlight on one of them
    torch.testing.assert_close(cheek_colour(image, landmarks), skin[None])
