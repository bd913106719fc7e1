"""Looks of things that are made: statues, dolls, cartoons, a robot."""

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour, blur, grey
from clipface.synthetic.face.curves import bump, step
from clipface.synthetic.face.makeup import blush, eye_liner, eye_shadow, foundation, paint_lipstick
from clipface.synthetic.looks.monster import veins


def _one_material(canvas: Canvas, context: PaintContext, colour: Tensor, keep: float) -> None:
    """Replace every colour by one material; a part of the old brightness stays as carving."""
    tone = grey(canvas.colour).clamp_min(0.02)
    mean = tone.mean((2, 3), True).clamp_min(0.05)
    if context.lit:  # a photograph: its details are the carving, and its light is weak
        size = max(1, tone.shape[-1] // 48)
        broad = blur(blur(tone, size), size)
        shade = (tone / broad).clamp(0.5, 1.3) ** (0.25 + 2.5 * keep) * (broad / mean).clamp(0.5, 1.4) ** 0.25
        shade = shade * (0.35 + 0.72 * context.at.surface.ambient)
    else:
        shade = 1 + keep * ((tone / mean).clamp(0.2, 1.8) - 1)
    canvas.colour = (colour * shade).clamp(0, 1)


def _blank_eyes(canvas: Canvas, context: PaintContext) -> None:
    """A statue's eyes: the iris only carved."""
    at = context.at
    carved = bump(at.iris_angle - 0.5, 0.05) + step(0.2, 0.14, at.iris_angle)
    canvas.colour = canvas.colour * (1 - 0.3 * carved * at.eyeball)
    canvas.height = canvas.height * (1 - at.eyeball) - 0.4 * carved * at.eyeball


def statue(canvas: Canvas, context: PaintContext) -> None:
    """White or grey marble with veins, and stains where water runs."""
    batch = len(canvas.colour)
    stone = context.colours(
        [(0.92, 0.91, 0.89), (0.86, 0.85, 0.83), (0.91, 0.88, 0.81), (0.74, 0.73, 0.71)], batch, 0.02
    )
    _one_material(canvas, context, stone, 0.13)
    field = context.noise("broad", batch) + 0.35 * context.noise("wide", batch) + 0.12 * context.noise("spot", batch)
    vein = torch.exp(-((field / 0.07) ** 2)) + 0.35 * torch.exp(-((field / 0.4) ** 2))
    canvas.tint((0.66, 0.66, 0.69), vein * context.random(batch, 0.2, 0.7))
    dirt = step(0.2, 1.6, context.fractal("broad wide blotch grain", batch, 0.8))
    canvas.tint((0.82, 0.80, 0.75), dirt * context.random(batch, 0.1, 0.7))
    canvas.tint((0.62, 0.60, 0.56), (1 - context.at.surface.ambient) * 0.7)
    canvas.colour = (canvas.colour * (1 + 0.03 * context.noise("pore", batch))).clamp(0, 1)
    _blank_eyes(canvas, context)
    canvas.gloss = torch.full_like(canvas.gloss, 0.35)


def bronze(canvas: Canvas, context: PaintContext) -> None:
    """Polished gold or dark bronze with green patina in the hollows."""
    at, batch = context.at, len(canvas.colour)
    metal = context.colours(
        [(0.62, 0.42, 0.20), (0.40, 0.26, 0.13), (0.80, 0.58, 0.18), (0.86, 0.66, 0.26), (0.50, 0.33, 0.16)],
        batch,
        0.02,
    )
    _one_material(canvas, context, metal, 0.2)
    hollow = step(0.75, 0.35, at.surface.ambient) + 0.5 * step(0.4, 1.4, context.fractal("wide blotch spot", batch))
    canvas.blend((0.28, 0.50, 0.42), hollow * context.random(batch, -0.3, 0.6).clamp_min(0))
    facing = at.surface.normal[..., 1][None, None]
    bands = 0.5 + 0.5 * torch.sin(facing * 7 + 0.6 * context.noise("broad", batch))  # a mirrored horizon
    canvas.colour = (canvas.colour * (0.68 + 0.55 * bands)).clamp(0, 1)
    _blank_eyes(canvas, context)
    canvas.gloss = torch.full_like(canvas.gloss, 0.6) * (1 + 0.2 * context.noise("grain", batch))


def robot(canvas: Canvas, context: PaintContext) -> None:
    """Steel plates with seams and rivets; the eyes glow."""
    at, batch = context.at, len(canvas.colour)
    eyes = canvas.colour
    steel = context.colours(
        [(0.66, 0.69, 0.74), (0.76, 0.77, 0.79), (0.46, 0.49, 0.54), (0.82, 0.83, 0.85)], batch, 0.02
    )
    _one_material(canvas, context, steel, 0.12)
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    seams = torch.stack([
        (y - at.brow_top - 9 + 0.004 * x**2).abs(),
        (x - at.eye_middle[0] - 24 - 0.1 * (y - at.eye_middle[1])).abs() + 40 * (y > at.brow_top + 9),
        (y - at.nose_base[1] + 2 - 0.25 * (x - 12)).abs() + 40 * (x < 14),
        (x - at.corner[0] - 3).abs() + 40 * (y > at.nose_base[1] - 8),
        x + 40 * (y < at.brow_top + 9), (y - at.chin[1] - 16).abs() + 40 * (x > at.corner[0] + 3)])  # fmt: skip
    nearest = seams.amin(dim=0)
    seam = bump(nearest, 0.65) * at.skin
    canvas.tint((0.12, 0.12, 0.14), seam)
    canvas.height = canvas.height * 0.4 - 1.2 * seam
    along = (x + y) / 11
    rivets = bump(nearest - 4, 0.9) * bump((along - along.round()) * 11, 0.9) * at.skin
    canvas.height = canvas.height + 1.5 * rivets
    canvas.tint((0.62, 0.62, 0.64), rivets)
    bands = 0.5 + 0.5 * torch.sin(at.surface.normal[..., 1][None, None] * 8 + 0.3 * context.noise("broad", batch))
    canvas.colour = canvas.colour * (0.72 + 0.45 * bands)
    scratches = torch.exp(-((context.noise("scalp", batch) / 0.05) ** 2)) * step(
        0.5, 1.5, context.noise("blotch", batch)
    )
    canvas.blend((0.85, 0.87, 0.90), scratches * 0.4 * at.skin)
    rust = context.patches("broad wide blotch spot grain", batch, 0.9, 1.8, 0.85)
    canvas.blend((0.42, 0.20, 0.08), rust * context.random(batch, -0.4, 0.8).clamp_min(0))
    glow = bump(torch.minimum(at.upper_lid, at.lower_lid), 5) * at.front
    light = (eyes * at.eyeball).amax((2, 3), True)
    canvas.blend(
        torch.where(at.iris_angle < 0.5, (eyes * 1.4).clamp(0, 1), as_colour((0.05, 0.05, 0.06), eyes)), at.eyeball
    )
    canvas.blend(light, glow * 0.12)
    canvas.gloss = torch.full_like(canvas.gloss, 0.5) * (1 - at.eyeball)


def _smooth(
    canvas: Canvas, context: PaintContext, colours: list[tuple[float, float, float]], strength: float, own: float = 0.0
) -> None:
    """An even, poreless skin of the given colour, or for a share `own` of the face's own colour."""
    colour = context.colours(colours, len(canvas.colour), 0.015)
    if context.lit:
        area = context.at.face * context.at.front
        mean = (canvas.colour * area).sum((2, 3), True) / area.sum()
        tone = mean.mean(1, keepdim=True)
        vivid = (tone + 1.15 * (mean - tone)) * 1.12
        colour = torch.lerp(colour, vivid.clamp(0, 1), own)
    foundation(canvas, context, colour, strength, 0.0, 0.35)
    canvas.height = canvas.height * 0.3


def doll(canvas: Canvas, context: PaintContext) -> None:
    """Porcelain with a rosebud mouth."""
    at, batch = context.at, len(canvas.colour)
    _smooth(canvas, context, [(0.95, 0.86, 0.81), (0.96, 0.85, 0.78), (0.72, 0.50, 0.38)], 0.96, 0.25)
    red = context.colours([(0.78, 0.12, 0.16), (0.86, 0.30, 0.36)], batch)
    x, tall = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None] - at.mouth_middle[1]
    upper = ((x - 5.0) / 6.8) ** 2 + ((tall - 1.5) / 5.5) ** 2  # two arches above, one bow below
    lower = (x / 9.0) ** 2 + ((tall + 2.0) / 6.5) ** 2
    bud = step(1.12, 0.9, torch.minimum(upper, lower)) * step(-3, -1, at.lip_edge) * at.skin
    pale = step(-1, 0.5, at.lip_edge) * at.skin * (1 - bud)
    canvas.blend(context.colours([(0.93, 0.80, 0.75)], batch), pale * 0.6)
    canvas.blend(red * (0.8 + 0.25 * at.surface.ambient), bud * 0.92)
    canvas.tint((0.4, 0.2, 0.22), bump(at.mouth_line, 0.9) * bud)
    canvas.blend((0.55, 0.35, 0.30), eye_shadow(context, 8) * 0.35)
    canvas.gloss = 0.35 + 0 * canvas.gloss


def doll_cheeks(canvas: Canvas, context: PaintContext) -> None:
    """Round red cheeks and painted lashes."""
    at, batch = context.at, len(canvas.colour)
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    away = ((x - at.cheek[0] - 7) ** 2 + (y - at.cheek[1] + 5) ** 2).sqrt() / context.random(batch, 12, 15)
    cheek = step(1.3, 0.1, away) * at.front * context.random(batch, 0.5, 0.75)
    canvas.blend(context.colours([(0.88, 0.34, 0.34), (0.94, 0.45, 0.48)], batch), cheek)
    _long_lashes(canvas, context)


def _long_lashes(canvas: Canvas, context: PaintContext) -> None:
    at = context.at

    def lashes(along: Tensor, width: float, length: float, distance: Tensor, beyond: Tensor) -> Tensor:
        spikes = bump(((along * 8) % 1.0 - 0.5) * 6, width)
        return spikes * step(length, 1.0, distance) * step(0.0, 0.8, beyond)

    fan = lashes(at.upper_lid_along, 0.9, 6.0, at.upper_lid, at.above_eye)
    down = lashes(at.lower_lid_along, 0.8, 4.5, at.lower_lid, at.below_eye)
    lash = torch.maximum(fan * step(0.25, 0.45, at.upper_lid_along), 0.7 * down * step(0.3, 0.5, at.lower_lid_along))
    canvas.blend((0.07, 0.05, 0.05), torch.maximum(lash * 0.85, eye_liner(context, 1.1, 5)) * at.skin)


def annabelle(canvas: Canvas, context: PaintContext) -> None:
    """Old, dirty porcelain with dark sockets."""
    at, batch = context.at, len(canvas.colour)
    _smooth(canvas, context, [(0.86, 0.78, 0.70), (0.84, 0.78, 0.70)], 0.95)
    canvas.tint((0.40, 0.27, 0.25), at.blob(at.eye_middle[0], at.eye_middle[1], 14, 10, True) * 0.85)
    dirt = context.patches("wide blotch spot grain", batch, 0.5, 2.2, 0.85) + 0.8 * (1 - at.surface.ambient)
    canvas.tint((0.62, 0.52, 0.42), dirt.clamp(0, 1) * 0.65)
    paint_lipstick(canvas, context, context.colours([(0.50, 0.06, 0.07)], batch), 0.85, 0.4)
    canvas.gloss = 0.3 + 0 * canvas.gloss


def annabelle_cracks(canvas: Canvas, context: PaintContext) -> None:
    """Round cheeks and a few cracks in the glaze."""
    at, batch = context.at, len(canvas.colour)
    doll_cheeks(canvas, context)
    some = step(0.1, 0.9, context.noise("broad", batch) + 0.6 * at.blob(26, at.brow_top + 20, 16, 20))
    cracks = (veins(context, batch, "wide", 0.045) + 0.7 * veins(context, batch, "blotch", 0.05)) * some * at.skin
    canvas.tint((0.15, 0.10, 0.09), cracks.clamp(0, 1))
    canvas.height = canvas.height - 0.6 * cracks


def barbie(canvas: Canvas, context: PaintContext) -> None:
    """Tanned pink plastic."""
    _smooth(canvas, context, [(0.93, 0.72, 0.60), (0.95, 0.74, 0.60)], 0.94, 0.75)
    canvas.gloss = 0.35 + 0 * canvas.gloss


def barbie_makeup(canvas: Canvas, context: PaintContext) -> None:
    """Blue shadow, pink cheeks, pink lips, long lashes."""
    batch = len(canvas.colour)
    canvas.blend(
        context.colours([(0.45, 0.68, 0.95), (0.92, 0.55, 0.78), (0.66, 0.55, 0.92)], batch),
        eye_shadow(context, 12, 6) * 0.7,
    )
    blush(canvas, context, (1.0, 0.58, 0.66), context.random(batch, 0.6, 0.9))
    paint_lipstick(canvas, context, context.colours([(0.95, 0.25, 0.55), (0.92, 0.40, 0.62)], batch), 0.95, 1.0)
    _long_lashes(canvas, context)


def princess(canvas: Canvas, context: PaintContext) -> None:
    """The clear, glowing skin of a cartoon heroine."""
    _smooth(
        canvas, context, [(0.95, 0.78, 0.68), (0.93, 0.74, 0.60), (0.62, 0.42, 0.30), (0.98, 0.88, 0.82)], 0.92, 0.85
    )


def princess_makeup(canvas: Canvas, context: PaintContext) -> None:
    """Rosy cheeks, soft shadow, red lips, long lashes."""
    batch = len(canvas.colour)
    canvas.tint((0.80, 0.62, 0.72), eye_shadow(context, 12, 4) * 0.8)
    blush(canvas, context, (1.0, 0.62, 0.60), context.random(batch, 0.7, 1.0))
    paint_lipstick(canvas, context, context.colours([(0.72, 0.18, 0.22), (0.90, 0.36, 0.40)], batch), 0.85, 0.6)
    _long_lashes(canvas, context)


def pixar(canvas: Canvas, context: PaintContext) -> None:
    """Saturated, waxy cartoon skin with glowing ears, nose and cheeks."""
    at, batch = context.at, len(canvas.colour)
    _smooth(canvas, context, [(0.94, 0.72, 0.58), (0.90, 0.62, 0.44), (0.60, 0.38, 0.25), (1.0, 0.82, 0.70)], 0.93, 0.8)
    glow = at.blob(at.cheek[0] + 2, at.cheek[1] - 3, 16, 13, True) + at.blob(0, at.nose_tip[1], 11, 10) + at.ears
    canvas.tint((1.0, 0.66, 0.58), glow.clamp(0, 1) * context.random(batch, 0.4, 0.8))


def pixar_face(canvas: Canvas, context: PaintContext) -> None:
    """Painted lips and sometimes big freckles."""
    at, batch = context.at, len(canvas.colour)
    paint_lipstick(canvas, context, context.colours([(0.84, 0.42, 0.38), (0.78, 0.34, 0.34)], batch), 0.7, 0.5)
    freckles = step(1.5, 2.0, context.noise("spot", batch)) * at.blob(at.cheek[0] - 4, at.cheek[1], 18, 10, True)
    canvas.tint((0.72, 0.48, 0.36), step(0.1, 0.4, freckles) * context.chance(batch, 0.4))
