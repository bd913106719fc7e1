"""Faces → the colour of their skin, as CIELAB and dermatology measure it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface.shapes import expect

# Between the lower lid, the wing of the nose, the corner of the mouth and the jaw: above most beards.
_CHEEKS = ((3, 31, 41, 48), (13, 35, 46, 54))
_EYES = (36, 45)
_RADIUS, _POINTS = 0.1, 9  # of a patch, in distances between the eyes' corners; samples along its side
# Source: IEC 61966-2-1, sRGB to XYZ over the white of D65.
_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_WHITE = (0.9505, 1.0, 1.0890)


def cheek_colour(images: Tensor, landmarks: Tensor) -> Tensor:
    """Colours of the cheeks.

    Args:
        images: [B, 3, H, W] in 0..1.
        landmarks: [B, 68, 2] in pixels, x to the right and y down.

    Returns:
        [B, 3] in 0..1, of each channel the median over both cheeks.
    """
    batch = expect("images", images, ("B", 3, "H", "W"))["B"]
    expect("landmarks", landmarks, (batch, 68, 2))
    size = images.new_tensor([images.shape[-1], images.shape[-2]])
    apart = (landmarks[:, _EYES[0]] - landmarks[:, _EYES[1]]).norm(dim=1)
    line = torch.linspace(-_RADIUS, _RADIUS, _POINTS).to(images)
    patch = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).flatten(0, 1)  # [P, 2]
    centres = torch.stack([landmarks[:, list(points)].mean(1) for points in _CHEEKS], 1).to(images)
    places = centres[:, :, None] + apart.to(images)[:, None, None, None] * patch
    found = F.grid_sample(images, (2 * places + 1) / size - 1, padding_mode="border", align_corners=False)
    return found.flatten(2).median(2).values


def lightness_and_tone(colours: Tensor) -> tuple[Tensor, Tensor]:
    """Lightness L* in 0..100, and individual typology angle in degrees, of sRGB colours [B, 3] in 0..1.

    Source: the angle is arctan((L* - 50) / b*) (Chardon et al., 1991): over 55° very light, under -30° dark skin.
    """
    expect("colours", colours, ("B", 3))
    linear = torch.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    ratio = linear @ colours.new_tensor(_XYZ).T / colours.new_tensor(_WHITE)
    # CIE 15: the cube root, with a straight line near black.
    root = torch.where(ratio > (6 / 29) ** 3, ratio.clamp_min(1e-9) ** (1 / 3), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    lightness, blue_yellow = 116 * root[:, 1] - 16, 200 * (root[:, 1] - root[:, 2])
    return lightness, torch.rad2deg(torch.atan2(lightness - 50, blue_yellow))
