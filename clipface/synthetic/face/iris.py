"""A real eye's structure over both eyeballs: fibres, limbal ring and white, in any colour.

`data/eye.png` is one eye unrolled about its pupil (`scripts/recipes/unroll_eye.py`): rows are angles from the eye's
axis, columns the turn about it. It was made from MakeHuman's grey eye, which is CC0.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface import assets
from clipface.images import read_photograph
from clipface.synthetic.face.curves import step

IRIS_RIM = 0.47  # radians from the eye's axis to the rim of the iris in a photograph's head: 5.6 of 12.3 mm
REACH = 1.5  # radians, the last row of the unrolled eye
BRIGHTEST = 2.2  # of a fibre, over their mean
LIMBUS = (0.96, 1.07)  # iris radii between which the iris goes over into the white
LID_SHADE, LOW_SHADE = 0.5, 0.12  # how much light the upper and the lower lid take from the ball under them
CATCH_LIGHT = 0.85  # strength of the one reflection, which both eyes have on the same side
PINK = (0.0, 0.16, 0.14)  # of red, green and blue that the corners of the white lose


def axis_angles(rays: Tensor) -> tuple[Tensor, Tensor]:
    """Angle from an eye's axis and turn about it, each [...] in radians, of rays [..., 3] from its centre, unit."""
    return torch.arccos(rays[..., 2].clamp(-1, 1)), torch.atan2(rays[..., 1], rays[..., 0])


class EyeMaps:
    """Maps of both eyeballs, made once for a head and a texture size.

    Args:
        angle, turn: [1, 1, R, R] radians, of a texel from its eye's axis and about it, from the person's left upwards.
        ball: [1, 1, R, R] in 0..1, the eyeballs.

    Attributes:
        radius: [1, 1, R, R] iris radii from the axis; turn, ball: as given.
        fibres: [1, 1, R, R] brightness of the iris over its mean, the pupil's near 0.
        white: [1, 3, R, R] colour of the white over its mean.
        shade: [1, 1, R, R] light that the lids leave; catch: [1, 1, R, R] the reflection.
    """

    def __init__(self, angle: Tensor, turn: Tensor, ball: Tensor) -> None:
        self.turn, self.ball = turn, ball
        self.radius = angle / IRIS_RIM
        picture = _unrolled(angle.device)
        rows = angle[:, 0] / REACH * 2 - 1
        columns = self.turn[:, 0] / math.pi
        places = torch.stack([columns, rows], -1)
        eye = functional.grid_sample(picture, places, padding_mode="border", align_corners=False)
        brightness = eye.mean(1, keepdim=True)
        inside = (self.radius > 0.45) & (self.radius < 0.95) & (self.ball > 0.5)
        outside = (self.radius > 1.4) & (self.radius < 2.2) & (self.ball > 0.5)
        self.fibres = (brightness / _mean(brightness, inside)).clamp(0, BRIGHTEST)
        corner = step(0.45, 0.85, (angle.sin() * self.turn.cos()).abs())
        pink = 1 - corner * angle.new_tensor(PINK).view(1, 3, 1, 1)
        self.white = eye / _mean(brightness, outside) * pink
        height = angle.sin() * self.turn.sin()
        self.shade = 1 - LID_SHADE * step(0.02, 0.42, height) - LOW_SHADE * step(0.1, 0.5, -height)
        across, up = self.radius * self.turn.cos() + 0.34, self.radius * self.turn.sin() - 0.38
        self.catch = CATCH_LIGHT * torch.exp(-(across.square() + up.square()) / 0.022)

    def paint(self, iris: Tensor, white: Tensor) -> Tensor:
        """Eyes [B, 3, R, R] in 0..1 over the whole square; only `ball` of it is meant.

        Args:
            iris: [B, 3, 1, 1] mean colour of the fibres.
            white: [B, 1 or 3, 1, 1] mean colour of the white.
        """
        eye = torch.lerp(iris * self.fibres, white * self.white, step(*LIMBUS, self.radius)) * self.shade
        return (eye + (0.93 - eye) * self.catch).clamp(0, 1)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Mean where a mask holds; of all where it holds nowhere, as on a head whose eyeballs have few texels."""
    return (values[where] if where.any() else values).mean()


def _unrolled(device: torch.device) -> Tensor:
    """[1, 3, rows, columns] in 0..1."""
    image = read_photograph(assets.resolve("eye")).image
    picture = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    return picture.to(device)
