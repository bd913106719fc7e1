"""A lamp's tint leaves skin; skins' own colours stay."""

import torch

from clipface.bake.neutral import neutral_gains

LIGHT, DARK = (194, 150, 130), (115, 82, 68)  # skin patches of the ColorChecker
LAMP = torch.tensor([1.35, 1.0, 0.55]).view(1, 3, 1, 1)


def colour(*rgb):
    return torch.tensor(rgb).view(1, 3, 1, 1) / 255


def test_skin_under_neutral_light_stays():
    for skin in (colour(*LIGHT), colour(*DARK)):
        assert (neutral_gains(skin) - 1).abs().max() < 0.05


def test_an_orange_lamp_is_taken_out_and_brightness_stays():
    skin = colour(*LIGHT)
    tinted = (skin * LAMP).clamp(0, 1)
    mended = tinted * neutral_gains(tinted)
    off = [(part / part.mean() - skin / skin.mean()).abs().max() for part in (tinted, mended)]
    assert off[1] < 0.6 * off[0]
    assert abs(float((mended + 8 / 255).log().mean() - (tinted + 8 / 255).log().mean())) < 0.02


def test_each_image_has_its_own_gains():
    skins = torch.cat([colour(*LIGHT), (colour(*LIGHT) * LAMP).clamp(0, 1)])
    alone = torch.cat([neutral_gains(skin[None]) for skin in skins])
    assert torch.allclose(neutral_gains(skins), alone)
