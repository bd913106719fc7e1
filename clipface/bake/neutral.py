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


def neutral_gains(colour: Tensor) -> Tensor:
    """Factors that bring a tinted skin near to the colours that skins have; its brightness stays.

    Args:
        colour: [B, 3, 1, 1] in 0..1, a face's mean colour.

    Returns:
        [B, 3, 1, 1], about 1 for skins that are not tinted.
    """
    expect("colour", colour, ("B", 3, 1, 1))
    red, green, blue = torch.log(colour + DARK).unbind(1)
    brightness = (red + green + blue) / 3 - MIDDLE
    ratios = torch.stack([red - green, green - blue], 1)
    usual = torch.stack([RED_GREEN[0] + RED_GREEN[1] * brightness, GREEN_BLUE[0] + GREEN_BLUE[1] * brightness], 1)
    change = usual + REACH * torch.tanh((ratios - usual) / REACH) - ratios
    first, second = change.unbind(1)
    return torch.stack([(2 * first + second) / 3, (second - first) / 3, -(first + 2 * second) / 3], 1).exp()
