"""Eyeballs, lids and lashes."""

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.curves import bump, step

IRIS = {"blue": (0.25, 0.44, 0.66), "green": (0.29, 0.46, 0.22), "grey": (0.46, 0.51, 0.54), "hazel": (0.47, 0.33,
    0.13),
        "brown": (0.30, 0.16, 0.075), "black": (0.09, 0.06, 0.05)}  # fmt: skip
_OWN_PUPIL = (0.5, 0.38)  # iris radii between which the structure's own pupil is filled, for another to be painted
_DARKEST = 0.04


def paint_eyes(
    canvas: Canvas,
    context: PaintContext,
    iris: Tensor,
    white: Tensor,
    pupil: Tensor,
    red: Tensor,
    slit: Tensor,
    iris_strength: Tensor,
    white_strength: Tensor,
) -> None:
    """Paint both eyeballs.

    Args:
        canvas: painted on in place.
        context: maps, noise and randomness.
        iris: [B, 3, 1, 1] colour of the iris; white: [B, 3, 1, 1] of the sclera.
        pupil: [B, 1, 1, 1] radius of the pupil in iris radii.
        red: [B, 1, 1, 1] strength of the veins, about 0..1.
        slit: [B, 1, 1, 1], 1 for a cat's upright pupil.
        iris_strength, white_strength: [B, 1, 1, 1], 0 where a face keeps its own iris, or all around it.
    """
    at, eyes, batch = context.at, context.eyes, len(iris)
    radius, turn = eyes.radius, eyes.turn
    filled = torch.lerp(eyes.fibres, 0.8 + 0.12 * context.noise("iris", batch), step(*_OWN_PUPIL, radius))
    cat = ((radius * turn.cos() * 3.4) ** 2 + (radius * turn.sin() * 0.75) ** 2).sqrt()
    hole = torch.lerp(radius - pupil, cat - 0.62, slit)
    disc = step(1.07, 0.96, radius)
    fibres = filled.clamp(0.25, 1.9) * (_DARKEST + (1 - _DARKEST) * step(-0.05, 0.07, hole))
    fibres = fibres * (1 - 0.5 * step(0.78, 0.98, radius))  # the limbal ring
    veins = torch.exp(-4 * context.noise("eye_veins", batch).abs()) * step(1.2, 2.2, radius)
    blood = red * (0.25 + veins) * as_colour((0.08, 0.75, 0.7), iris) * step(0.9, 2.4, radius)
    ball = torch.lerp(white * eyes.white * torch.exp(-blood), iris * fibres, disc) * eyes.shade
    ball = (ball + (0.93 - ball) * eyes.catch).clamp(0, 1)
    canvas.blend(ball, at.eyeball * torch.lerp(white_strength, iris_strength, disc))
    canvas.gloss = canvas.gloss * (1 - at.eyeball)


def paint_lids(canvas: Canvas, context: PaintContext, lashes: Tensor) -> None:
    """Lid crease, wet rim, tear duct and lash line.

    Args:
        lashes: [B, 1, 1, 1] strength of the lashes, 0..1 or a little more.
    """
    at, batch = context.at, len(lashes)
    fold = at.above_eye - 3.2 - 0.9 * torch.sin(at.upper_lid_along * 3.14)
    crease = bump(fold, 0.75) * step(0.0, 0.2, at.upper_lid_along) * step(11, 7, at.upper_lid) * at.skin
    canvas.tint((0.50, 0.36, 0.33), crease * context.random(batch, 0.5, 0.9))
    canvas.tint((0.86, 0.76, 0.73), step(0, 3, at.above_eye) * step(11, 6, at.upper_lid) * at.front * 0.6)
    canvas.height = canvas.height - 0.2 * crease
    below = bump(at.below_eye - 6.5 - 2 * torch.sin(at.lower_lid_along * 3), 1.5) * step(16, 9, at.lower_lid) * at.front
    canvas.tint((0.80, 0.68, 0.68), below * context.random(batch, 0.15, 0.7))
    rolled = at.skin * (1 - at.front)
    canvas.blend((0.78, 0.47, 0.43), bump(at.lower_lid, 1.2) * rolled * 0.8)  # the wet rim
    duct = bump(at.lower_lid_along, 0.12) * bump(at.lower_lid, 2.0) * at.skin
    canvas.blend((0.74, 0.38, 0.35), duct * 0.8)
    comb = 0.85 + 0.25 * context.noise("lashes", batch)
    upper = bump(at.upper_lid, 1.15) * step(0.03, 0.3, at.upper_lid_along)
    lower = (
        bump(at.below_eye - 0.7, 0.6) * step(5, 2, at.lower_lid) * step(0.15, 0.6, at.lower_lid_along) * at.front * comb
    )
    canvas.blend((0.07, 0.045, 0.04), (upper * comb * 0.97 * lashes + lower * 0.45 * lashes) * at.skin)
