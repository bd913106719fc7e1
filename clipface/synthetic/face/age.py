"""What years and feelings leave on a skin: wrinkles, creases of an expression, freckles, tired eyes, a scar."""

from collections.abc import Sequence

import torch
from torch import Tensor

from clipface.synthetic.attributes import Attributes
from clipface.synthetic.canvas import Canvas, PaintContext
from clipface.synthetic.face.curves import bump, step

# (forehead lines, frown lines, crow's feet, nasolabial fold, bunny lines on the nose, under-eye) of each expression
_CREASES = {"smiling": (0, 0, 0.5, 0.75, 0, 0.3), "laughing": (0, 0, 0.9, 1.0, 0.2, 0.6), "angry": (0.1, 1.0, 0.1,
    0.35, 0.5, 0.2),
            "sad": (0.5, 0.45, 0, 0.25, 0, 0.3), "surprised": (0.9, 0, 0, 0, 0, 0), "disgusted": (0.1, 0.6, 0.3, 0.9,
                1.0, 0.4),
            "afraid": (0.8, 0.4, 0, 0.1, 0, 0), "smirking": (0.1, 0, 0.2, 0.4, 0, 0.1)}  # fmt: skip


_YEARS = {"young": 0.0, "adult": 0.28, "old": 1.1}


def _groove(canvas: Canvas, line: Tensor, strength: Tensor, tone: float = 0.5) -> None:
    """A fold: darker and redder in its depth, and lit as relief."""
    line = (line * strength).clamp(0, 1.5)
    canvas.tint((1 - 0.6 * tone, 1 - 0.74 * tone, 1 - 0.76 * tone), line)
    canvas.height = canvas.height - 0.55 * line


def paint_age(canvas: Canvas, faces: Sequence[Attributes], context: PaintContext) -> None:
    """Wrinkles by age, `wrinkles` and expression; older skin is sallower, spottier and looser."""
    at, batch = context.at, len(faces)
    base = [_YEARS[face.age] + 0.85 * face.wrinkles * (face.age != "old") for face in faces]
    years = torch.tensor(base, device=context.device).view(-1, 1, 1, 1) * context.random(batch, 0.75, 1.1)
    table = torch.tensor(
        [_CREASES.get(face.expression, (0.0,) * 6) for face in faces], device=context.device, dtype=torch.float32
    )
    forehead, frown, crow, fold, bunny, under = (
        (table[:, i, None, None, None] * (0.45 + 0.35 * years)) for i in range(6)
    )
    wander = context.noise("wide", batch)
    _groove(canvas, _forehead(context, wander), 0.85 * years * context.random(batch, 0.5, 1.1) + forehead)
    _groove(canvas, _frown(context, wander), 0.5 * years * context.random(batch, 0.2, 1.1) + frown)
    _groove(canvas, _crows_feet(context, wander), 0.5 * years + 0.75 * crow)
    _groove(
        canvas, bump(at.nasolabial_distance + 0.7 * wander, 1.7) * at.nasolabial_fade, 0.5 * years + 0.1 + fold, 0.42
    )
    soft = bump(at.nasolabial_height + 3, 5) * bump(at.nasolabial_distance, 6) * at.nasolabial_fade
    canvas.tint((0.72, 0.6, 0.58), soft * (0.16 * years + 0.4 * fold))
    _groove(canvas, bump(at.marionette_distance + 0.5 * wander, 1.4) * at.front, 0.55 * years)
    _groove(canvas, _under_eye(context, wander), 0.5 * years + under)
    bands = torch.sin(at.position[..., 1] * 2.0 + 0.05 * at.position[..., 0].abs())[None, None].clamp_min(0) ** 2
    _groove(canvas, bands * at.blob(5, at.landmarks[28, 1], 5, 8, True), bunny * 0.7)
    lines = (context.noise("lips", batch).clamp_min(0.2) - 0.2) * step(-9, -1, at.lip_edge) * step(1, -1, at.lip_edge)
    _groove(canvas, lines * at.front, 0.25 * years * (years > 0.5))
    _old_skin(canvas, years, context)


def _old_skin(canvas: Canvas, years: Tensor, context: PaintContext) -> None:
    at, batch = context.at, len(years)
    crepe = torch.exp(-((context.noise("spot", batch) / 0.35) ** 2)) * 0.6 + torch.exp(
        -((context.noise("grain", batch) / 0.4) ** 2)
    )
    where = (
        at.neck + at.blob(at.cheek[0] + 12, at.cheek[1] - 14, 18, 26, True) + at.blob(0, at.brow_top + 20, 40, 18) * 0.5
    )
    _groove(canvas, crepe * where.clamp(0, 1), 0.2 * (years - 0.6).clamp_min(0), 0.4)
    _sag(canvas, years, context)
    liver = step(1.5, 2.2, context.noise("spot", batch)) * step(-0.2, 1, context.noise("broad", batch)) * at.skin
    canvas.tint((0.70, 0.56, 0.46), liver * (years - 0.7).clamp(0, 1) * 0.8)
    sallow = (years - 0.3).clamp(0, 1) * 0.5 * at.skin
    canvas.tint((0.98, 0.97, 0.93), sallow)
    pale_lips = step(0, 2, at.lip_edge) * at.skin * (years - 0.4).clamp(0, 1)
    canvas.blend(canvas.colour * 0.55 + canvas.colour.mean(1, keepdim=True) * 0.45, pale_lips * 0.3)
    canvas.gloss = canvas.gloss * (1 - 0.25 * years.clamp(0, 1) * at.skin)


def _sag(canvas: Canvas, years: Tensor, context: PaintContext) -> None:
    """Shade of looser skin: bags, hooded lids, hollow temples and cheeks, jowls."""
    at = context.at
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    bag = bump(at.below_eye - 11 - 2.5 * torch.sin(at.lower_lid_along * 3), 2.0) * step(22, 12, at.lower_lid)
    bag = bag + 0.5 * bump(at.below_eye - 4, 2.5) * step(15, 8, at.lower_lid)
    lid = bump(at.above_eye - 5.5, 2.0) * step(14, 8, at.upper_lid) * step(0.15, 0.8, at.upper_lid_along)
    hollow = at.blob(at.cheek[0] + 27, at.brow_top + 8, 8, 13, True) + at.blob(
        at.cheek[0] + 8, at.cheek[1] - 19, 9, 10, True
    )
    jowl = at.blob(at.corner[0] + 10, at.chin[1] + 9, 6, 9, True) + bump(at.marionette_distance, 3) * 0.5
    beneath = at.blob(0, at.corner[1] - 12, 14, 3) * step(at.corner[0] + 4, 0, x) + 0 * y
    shade = (bag * at.front + lid * at.front + 0.6 * hollow + 0.8 * jowl * at.front + 0.4 * beneath).clamp(0, 1)
    canvas.tint((0.74, 0.66, 0.65), shade * (years - 0.3).clamp(0, 1) * 0.65)


def _forehead(context: PaintContext, wander: Tensor) -> Tensor:
    """Four lines across the forehead, each broken here and there, with finer ones between."""
    at = context.at
    x, y = at.position[..., 0][None, None], at.position[..., 1][None, None]
    height = y - at.brow_top - 9 + 0.0035 * x**2 + 0.7 * wander + 1.1 * torch.cos(x / 11)
    lines = torch.zeros_like(height)
    for row, (place, reach, depth) in enumerate(((0.0, 26, 0.75), (6.5, 36, 1.0), (13.5, 38, 1.0), (20.5, 30, 0.7))):
        broken = (0.8 + 0.35 * wander.roll(31 * (row + 1), 3)).clamp(0.25, 1)
        lines = torch.maximum(lines, depth * broken * bump(height - place, 0.75) * step(reach, reach * 0.5, x.abs()))
        lines = torch.maximum(lines, 0.3 * broken * bump(height - place - 3.1, 0.5) * step(reach, 8, x.abs()))
    return lines * at.front


def _frown(context: PaintContext, wander: Tensor) -> Tensor:
    at = context.at
    x, y = at.position[..., 0][None, None], at.position[..., 1][None, None]
    inner = at.brow_points[0]
    upright = bump(x.abs() - 5.5 - 0.12 * (y - inner[1]) + 0.7 * wander, 1.2) * bump(y - inner[1] - 2, 7)
    across = bump(y - at.landmarks[27, 1] - 1 + 0.02 * x**2 + 0.5 * wander, 1.2) * step(13, 6, x.abs())
    return (upright + 0.7 * across) * at.front


def _crows_feet(context: PaintContext, wander: Tensor) -> Tensor:
    at = context.at
    corner = at.eye_outline[3]
    x, y = at.position[..., 0].abs()[None, None] - corner[0] + 3, at.position[..., 1][None, None] - corner[1]
    radius = (x**2 + y**2).sqrt()
    angle = torch.atan2(y + 1.2 * wander, (x + 4).clamp_min(0.1)) + 0.012 * radius + 0.1 * wander
    rays = torch.cos(angle * 14).clamp_min(0) ** 4 * step(0.75, 0.45, angle.abs()) * (0.7 + 0.3 * wander).clamp(0.1, 1)
    return rays * step(4, 10, radius) * step(23, 9, radius + 3 * wander) * (x > 0) * at.skin


def _under_eye(context: PaintContext, wander: Tensor) -> Tensor:
    at = context.at
    first = bump(at.below_eye - 6.5 - 2.5 * torch.sin(at.lower_lid_along * 3) + 0.6 * wander, 1.0)
    second = 0.6 * bump(at.below_eye - 12 - 3 * torch.sin(at.lower_lid_along * 3) + 0.8 * wander, 1.2)
    return (first + second) * step(24, 12, at.lower_lid) * at.front


def paint_freckles(canvas: Canvas, context: PaintContext) -> None:
    """Brown specks over nose and cheeks, thinning out."""
    at, batch = context.at, len(canvas.colour)
    area = at.blob(at.cheek[0] - 3, at.cheek[1] + 1, 23, 14, True) + at.blob(0, at.nose_tip[1] + 12, 16, 14)
    area = (area + 0.45 * at.blob(0, at.brow_top + 18, 40, 22)).clamp(0, 1) * context.random(batch, 0.85, 1.0)
    limit = 2.2 - 1.35 * area
    small = step(0, 0.5, context.noise("fine", batch) - limit)
    large = step(0, 0.5, context.noise("pore", batch) - limit - 0.35)
    fade = 0.6 + 0.25 * context.noise("spot", batch)
    where = ((small + large) * fade).clamp(0, 1) * step(0.05, 0.3, area) * step(0.5, 2.5, at.upper_lid)
    canvas.tint((0.80, 0.65, 0.55), where * step(0.5, 2.5, at.lower_lid) * step(0.5, -1.5, at.lip_edge))


def paint_tired(canvas: Canvas, context: PaintContext) -> None:
    """Bluish-brown rings and bags under the eyes, heavy lids, a paler face."""
    at, batch = context.at, len(canvas.colour)
    under = step(-0.5, 2.5, at.below_eye) * at.front
    ring = bump(at.below_eye - 6, 4.5) * step(19, 8, at.lower_lid) * under
    inner = at.blob(at.eye_outline[0, 0] - 1, at.eye_outline[0, 1] - 4, 5, 6, True)
    canvas.tint((0.79, 0.66, 0.71), (ring + 0.6 * inner).clamp(0, 1) * context.random(batch, 0.65, 0.9))
    bag = bump(at.below_eye - 11 - 2 * torch.sin(at.lower_lid_along * 3), 1.1) * step(22, 12, at.lower_lid)
    _groove(canvas, bag * under, context.random(batch, 0.6, 0.9))
    lid = bump(at.above_eye - 2.5, 2.2) * step(9, 5, at.upper_lid) * at.front
    canvas.tint((0.86, 0.76, 0.77), lid * 0.6)
    canvas.blend((0.62, 0.24, 0.24), bump(at.below_eye - 0.6, 0.7) * step(5, 2, at.lower_lid) * at.front * 0.5)


def paint_scar(canvas: Canvas, context: PaintContext, place: Tensor | None = None, longest: float = 24.0) -> None:
    """A slanting scar over cheek or brow of one side.

    Args:
        canvas: painted on in place.
        context: maps, noise and randomness.
        place: [B, 2, 1, 1] centre in millimetres of the frontal view; random if None.
        longest: half length, millimetres.
    """
    at, batch = context.at, len(canvas.colour)
    if place is None:
        side = torch.where(context.random(batch) < 0.5, -1.0, 1.0)
        place = torch.cat(
            [side * (at.cheek[0] + context.random(batch, -8, 8)), at.cheek[1] + context.random(batch, -18, 14)], dim=1
        )
    x = at.position[..., 0][None, None] - place[:, :1]
    y = at.position[..., 1][None, None] - place[:, 1:]
    slant = context.random(batch, -0.2, 0.7)
    off = x - slant * y + 1.1 * context.noise("blotch", batch)
    reach = y.abs() / context.random(batch, longest * 0.7, longest)
    line = step(1.0, 0.75, reach) * at.front
    thin = 1.25 - 0.7 * reach.clamp(0, 1)
    pink = canvas.colour * 0.55 + 0.45 * canvas.colour.new_tensor([0.90, 0.62, 0.58]).view(1, 3, 1, 1)
    canvas.tint((0.62, 0.36, 0.36), bump(off.abs() - 1.7 * thin, 0.8 * thin) * line * 0.85)
    canvas.blend(pink, bump(off, 1.1 * thin) * line)
    canvas.height = canvas.height - 0.6 * bump(off, 1.2 * thin) * line
