"""Eyeballs, lids and lashes."""

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.curves import bump, step

IRIS = {"blue": (0.36, 0.55, 0.74), "green": (0.40, 0.52, 0.33), "grey": (0.52, 0.57, 0.60), "hazel": (0.52, 0.39,
    0.20),
        "brown": (0.33, 0.20, 0.11), "black": (0.14, 0.09, 0.07)}  # fmt: skip
IRIS_ANGLE = 0.50  # radians from the axis of the eye to the rim of the iris: 5.9 of 12.3 mm


def _iris(colour: Tensor, radius: Tensor, fibres: Tensor) -> Tensor:
    """Radial fibres, a warm inner ring, a dark rim; radius in iris radii."""
    ring = colour * (0.85 + 0.28 * fibres) * (0.75 + 0.55 * step(1.0, 0.35, radius))
    ring = ring * (1 - 0.62 * step(0.72, 1.0, radius))
    warm = as_colour((0.12, 0.08, 0.02), colour) * step(0.65, 0.35, radius) * colour.amax(1, keepdim=True)
    return (ring + warm).clamp(0, 1)


def paint_eyes(
    canvas: Canvas,
    context: PaintContext,
    iris: Tensor,
    white: Tensor,
    pupil: Tensor,
    red: Tensor,
    slit: Tensor | None = None,
    strength: Tensor | float = 1.0,
) -> None:
    """Paint both eyeballs.

    Args:
        canvas: painted on in place.
        context: maps, noise and randomness.
        iris: [B, 3, 1, 1] colour of the iris; white: [B, 3, 1, 1] of the sclera.
        pupil: [B, 1, 1, 1] radius of the pupil in iris radii.
        red: [B, 1, 1, 1] strength of the veins, about 0..1.
        slit: [B, 1, 1, 1], 1 for a cat's upright pupil.
        strength: [B, 1, 1, 1], 0 where a face keeps the eyes that it has.
    """
    at, batch = context.at, len(iris)
    angle, turn = at.iris_angle, at.iris_turn
    radius = angle / IRIS_ANGLE
    veins = torch.exp(-4 * context.noise("eye_veins", batch).abs()) * step(1.2, 2.2, radius)
    ball = white * (1 - 0.35 * step(1.5, 2.6, radius))
    ball = ball * torch.exp(-red * (0.25 + veins) * as_colour((0.08, 0.75, 0.7), iris) * step(0.9, 2.4, radius))
    ball = torch.lerp(ball, _iris(iris, radius, context.noise("iris", batch)), step(1.08, 0.94, radius))
    across = radius * turn.cos()
    if slit is not None:
        cat = ((across * 3.4) ** 2 + (radius * turn.sin() * 0.75) ** 2).sqrt()
        hole = torch.lerp(radius - pupil, cat - 0.62, slit)
    else:
        hole = radius - pupil
    ball = ball * (0.04 + 0.96 * step(-0.06, 0.08, hole))
    shadow = step(-0.1, 0.55, at.eye_ray[..., 1])[None, None]
    ball = ball * (1 - 0.45 * shadow)  # the upper lid's shade
    side = 0.36 * torch.where(context.random(batch) < 0.5, -1.0, 1.0)
    light = bump(((across - side) ** 2 + (radius * turn.sin() - 0.42) ** 2).sqrt(), 0.17)
    ball = ball + (0.95 - ball) * light * context.random(batch, 0.7, 1.0)
    canvas.blend(ball, at.eyeball * strength)
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
