"""A lamp's tint leaves skin; skins' own colours stay."""

import torch

from clipface.bake.neutral import fuller_gains, neutral_gains

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


def test_a_pale_skin_gets_colour_and_keeps_brightness_and_hue():
    skin = colour(*LIGHT)
    pale = skin.mean() + 0.6 * (skin - skin.mean())
    mended = pale * fuller_gains(pale, 0.95)
    logs = [(part + 8 / 255).log().flatten() for part in (skin, pale, mended)]
    apart = [part[0] - part[2] for part in logs]  # red over blue
    assert apart[1] < 0.7 * apart[0] and abs(apart[2] / apart[0] - 1) < 0.15
    assert abs(logs[2].mean() - logs[1].mean()) < 0.02
    for other in (skin, torch.full_like(skin, 0.5)):
        assert torch.equal(fuller_gains(other, 0.8), torch.ones_like(skin))
