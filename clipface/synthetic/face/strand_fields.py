"""Stretched noise coordinates: hair combed along its growth, creases of the lips, fibres of the iris, strokes."""

import torch
from torch import Tensor

from clipface.synthetic.face.features import Features


def stretched_coordinates(at: Features, iris_angle: float) -> dict[str, Tensor]:
    """Noise family → coordinates [R, R, 3] in cells; a cell is long along a strand and narrow across it.

    Args:
        at: maps of the face.
        iris_angle: radius of the iris seen from the eye's centre, radians.
    """
    x, y, z = at.position.unbind(-1)
    zero = torch.zeros_like(x)
    along, height = at.brow_along[0, 0] * 45, at.brow_height[0, 0]
    slope = 1.1 - 0.9 * along / 45  # radians: brow hairs rise at the inner end and lie level at the outer one
    brow_across = along * slope.sin() - height * slope.cos()
    brow_down = along * slope.cos() + height * slope.sin()
    ear = at.surface.ear_centre / at.scale
    up, forward = y - ear[1] - 20, z - ear[2] - 20
    latitude = torch.atan2(x, (up**2 + forward**2).sqrt()) * 90  # combed back: circles around the axis of the ears
    longitude = torch.atan2(up, forward) * 90
    azimuth = torch.atan2(x, z - ear[2] + 10) * 75
    turn, angle = at.iris_turn[0, 0], at.iris_angle[0, 0]
    radius, around = (x**2 + (y - at.nose_tip[1]) ** 2).sqrt(), torch.atan2(y - at.nose_tip[1], x)
    return {
        "lips": torch.stack([x / 1.7, y / 9, z / 9], -1),
        "lashes": torch.stack([x / 1.3, y / 5, z / 5], -1),
        "brow": torch.stack([brow_across / 1.5, brow_down / 9, x.sign() * 5], -1),
        "scalp": torch.stack([latitude / 1.7, longitude / 30, zero], -1),
        "beard": torch.stack([(azimuth + 1.5 * torch.sin(y / 6)) / 1.6, y / 12, z / 40], -1),
        "drip": torch.stack([x / 2.6, y / 300, z / 300], -1),
        "eye_veins": at.eye_ray * 8,
        "iris": torch.stack([turn.cos() * 4.5, turn.sin() * 4.5, angle / iris_angle * 1.3 + x.sign() * 5], -1),
        "stroke": torch.stack([(radius + 0.3 * y) / 2.8, around.cos() * 5, around.sin() * 5], -1),
    }
