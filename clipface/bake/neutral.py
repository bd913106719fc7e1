"""Skin under neutral light: lamps and cameras tint photographs, and a texture would keep the tint."""

import torch
from torch import Tensor

from clipface.shapes import expect

DARK = 8 / 255  # added before logarithms of colours
# Logarithm of red over green and of green over blue of skin in sRGB: at a mean logarithm of MIDDLE, and how they change
# with it. Through the patches "light skin" (194, 150, 130) and "dark skin" (115, 82, 68) of the ColorChecker (McCamy,
# Marcus, Davidson, 1976), a little redder, as faces are.
MIDDLE, RED_GREEN, GREEN_BLUE = -0.44, (0.27, -0.12), (0.15, -0.063)
REACH = 0.09  # how far skins differ from that; a lamp's tint is what lies beyond
FAINTEST = 0.4  # share of the usual saturation, under which a colour is no skin's


def neutral_gains(colour: Tensor) -> Tensor:
    """Factors that bring a tinted skin near to the colours that skins have; its brightness stays.

    Args:
        colour: [B, 3, 1, 1] in 0..1, a face's mean colour.

    Returns:
        [B, 3, 1, 1], about 1 for skins that are not tinted.
    """
    expect("colour", colour, ("B", 3, 1, 1))
    ratios, usual = _ratios(colour)
    return _gains(usual + REACH * torch.tanh((ratios - usual) / REACH) - ratios)


def fuller_gains(colour: Tensor, least: float) -> Tensor:
    """Factors that bring a pale skin, as some cameras show it, nearer to usual colours; brightness and hue stay.

    Args:
        colour: [B, 3, 1, 1] in 0..1, a face's mean colour.
        least: of the usual saturation, which all skins get.

    Returns:
        [B, 3, 1, 1], 1 for skins that have as much, and for what is no skin.
    """
    expect("colour", colour, ("B", 3, 1, 1))
    ratios, usual = _ratios(colour)
    own = ratios.sum(1, keepdim=True) / usual.sum(1, keepdim=True)
    return _gains(ratios * ((least / own.clamp_min(FAINTEST)).clamp_min(1) - 1) * (own > FAINTEST))


def _ratios(colour: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms [B, 2, 1, 1] of red over green and green over blue, and the usual ones at this brightness."""
    red, green, blue = torch.log(colour + DARK).unbind(1)
    brightness = (red + green + blue) / 3 - MIDDLE
    usual = torch.stack([RED_GREEN[0] + RED_GREEN[1] * brightness, GREEN_BLUE[0] + GREEN_BLUE[1] * brightness], 1)
    return torch.stack([red - green, green - blue], 1), usual


def _gains(change: Tensor) -> Tensor:
    """Factors that add this [B, 2, 1, 1] to the logarithms, at the same mean one."""
    first, second = change.unbind(1)
    return torch.stack([(2 * first + second) / 3, (second - first) / 3, -(first + 2 * second) / 3], 1).exp()
