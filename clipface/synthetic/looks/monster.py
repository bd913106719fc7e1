"""Looks of living, undead and otherworldly creatures, as layers over any skin."""

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.curves import bump, step
from clipface.synthetic.face.hair import strands
from clipface.synthetic.face.makeup import foundation, paint_lipstick


def veins(context: PaintContext, batch: int, name: str, width: float) -> Tensor:
    """Thin branching lines [B, 1, R, R]: where a smooth field crosses zero."""
    field = context.noise(name, batch) + 0.35 * context.noise("spot", batch)
    return torch.exp(-((field / width) ** 2))


def sockets(context: PaintContext, wide: float, high: float) -> Tensor:
    """Dark hollow around each eye [1, 1, R, R]."""
    at = context.at
    return at.blob(at.eye_middle[0], at.eye_middle[1] + 1, wide, high, mirrored=True) ** 0.7


def drips(context: PaintContext, batch: int, start: Tensor, share: float, longest: float) -> Tensor:
    """Runs of blood below a place: `start` [1, 1, R, R] is the depth below it in millimetres."""
    length = (context.noise("drip", batch) - share).clamp_min(0) * longest
    return step(-0.5, 0.5, start) * step(0.0, 1.5, length - start) * context.at.front


def bleeding(canvas: Canvas, context: PaintContext, mask: Tensor) -> None:
    """Wet blood, dark where it is thick."""
    colour = as_colour((0.42, 0.01, 0.02), canvas.colour) * (0.8 + 0.25 * context.noise("spot", len(canvas.colour)))
    canvas.blend(colour.clamp(0, 1), mask * 0.93)
    canvas.gloss = torch.lerp(canvas.gloss, torch.ones_like(canvas.gloss), mask)
    canvas.height = canvas.height + 0.3 * mask


def hollow_cheeks(canvas: Canvas, context: PaintContext, colour: tuple, strength: Tensor) -> None:
    """Sunken cheeks and temples."""
    at = context.at
    hollow = at.blob(at.cheek[0] + 11, at.cheek[1] - 22, 10, 13, True) + 0.8 * at.blob(
        at.cheek[0] + 26, at.brow_top + 6, 9, 14, True
    )
    canvas.tint(colour, hollow * strength)


def zombie(canvas: Canvas, context: PaintContext) -> None:
    """Grey-green rotting skin with bruises, veins, sunken eyes and open wounds."""
    at, batch = context.at, len(canvas.colour)
    rot = context.colours([(0.66, 0.71, 0.54), (0.60, 0.65, 0.55), (0.74, 0.73, 0.60), (0.57, 0.64, 0.52)], batch)
    foundation(canvas, context, rot, 0.86, 0.12)
    canvas.tint((0.70, 0.57, 0.66), context.patches("broad wide blotch spot", batch, 0.2, 1.5, 0.8) * 0.9)
    canvas.tint((0.78, 0.80, 0.50), context.patches("broad blotch spot grain", batch, 0.4, 1.7, 0.8) * 0.8)
    canvas.tint((0.45, 0.52, 0.50), veins(context, batch, "wide", 0.10) * at.skin * 0.55)
    canvas.tint((0.26, 0.20, 0.23), sockets(context, 16, 12) * context.random(batch, 0.75, 1.0))
    hollow_cheeks(canvas, context, (0.45, 0.42, 0.42), context.random(batch, 0.5, 1.0))
    field = context.fractal("wide blotch spot grain", batch, 0.75) + 0.5 * (1 - at.front)
    wound = step(1.4, 1.6, field) * at.skin * (1 - bump(at.upper_lid, 6))
    ring = step(1.1, 1.4, field) * at.skin
    canvas.tint((0.52, 0.25, 0.26), ring * 0.8)
    flesh = as_colour((0.36, 0.05, 0.05), wound) * (0.75 + 0.4 * context.noise("grain", batch))
    canvas.blend(flesh.clamp(0, 1), wound)
    canvas.height = canvas.height - 1.4 * wound + 0.5 * ring + 0.14 * context.noise("grain", batch) * at.skin
    canvas.gloss = torch.lerp(canvas.gloss * 0.6, torch.full_like(wound, 0.9), wound)
    paint_lipstick(canvas, context, context.colours([(0.28, 0.20, 0.22), (0.20, 0.12, 0.13)], batch), 0.8, 0.2)
    canvas.tint((0.72, 0.60, 0.30), at.teeth)


def zombie_blood(canvas: Canvas, context: PaintContext) -> None:
    """Blood around the mouth and running down the chin, for most zombies."""
    at, batch = context.at, len(canvas.colour)
    some = context.chance(batch, 0.7)
    smear = step(-7, 1, at.lip_edge + 3.0 * context.fractal("blotch spot grain", batch, 0.8) - 2) * at.front
    below = at.mouth_middle[1] - at.position[..., 1][None, None]
    run = drips(context, batch, below - 4, 0.1, 26) * step(
        at.corner[0] + 4, at.corner[0] - 2, at.position[..., 0].abs()[None, None]
    )
    bleeding(canvas, context, torch.maximum(smear * 0.9, run) * some)


def ghost(canvas: Canvas, context: PaintContext) -> None:
    """White as a sheet, hollow dark eyes, fading lips, faint cracks."""
    at, batch = context.at, len(canvas.colour)
    white = context.colours([(0.93, 0.95, 0.98), (0.86, 0.90, 0.95), (0.95, 0.95, 0.94)], batch, 0.015)
    foundation(canvas, context, white, 0.96, 0.04)
    canvas.tint((0.72, 0.80, 0.90), context.patches("broad wide blotch", batch, 0.0, 1.5) * 0.7)
    canvas.tint((0.10, 0.11, 0.15), sockets(context, 14, 11) * context.random(batch, 0.75, 1.0))
    hollow_cheeks(canvas, context, (0.50, 0.55, 0.64), context.random(batch, 0.5, 1.0))
    canvas.tint((0.55, 0.62, 0.74), veins(context, batch, "wide", 0.07) * at.skin * context.random(batch, 0.2, 0.7))
    paint_lipstick(canvas, context, context.colours([(0.50, 0.54, 0.62), (0.22, 0.24, 0.30)], batch), 0.85, 0.1)


def vampire(canvas: Canvas, context: PaintContext) -> None:
    """Pale, with violet-red sockets, hollow cheeks and dark red lips."""
    at, batch = context.at, len(canvas.colour)
    foundation(canvas, context, context.colours([(0.92, 0.88, 0.87), (0.87, 0.85, 0.87)], batch, 0.02), 0.82, 0.05)
    canvas.tint((0.48, 0.22, 0.30), sockets(context, 14, 9) * context.random(batch, 0.6, 1.0))
    hollow_cheeks(canvas, context, (0.55, 0.50, 0.57), context.random(batch, 0.6, 1.0))
    canvas.tint(
        (0.58, 0.58, 0.74),
        veins(context, batch, "wide", 0.06) * at.blob(at.cheek[0] + 25, at.brow_top, 16, 26, True) * 0.8,
    )
    paint_lipstick(canvas, context, context.colours([(0.45, 0.02, 0.04), (0.58, 0.03, 0.05)], batch), 0.95, 0.8)


def vampire_blood(canvas: Canvas, context: PaintContext) -> None:
    """Blood running from the mouth."""
    at, batch = context.at, len(canvas.colour)
    x, y = at.position[..., 0][None, None], at.position[..., 1][None, None]
    below = at.corner[1] - y
    off = x.abs() - at.corner[0] + 5 + 0.6 * context.noise("blotch", batch)
    side = torch.where(
        context.random(batch) < 0.5, 1.0, torch.sign(x) * torch.where(context.random(batch) < 0.5, -1.0, 1.0)
    )
    run = (
        bump(off, 1.3) * step(-1, 1, below) * step(0, 3, context.random(batch, 14, 30) - below) * (side > 0) * at.front
    )
    lips = step(1, 2.5, at.lip_edge + context.noise("spot", batch)) * (1 - at.upper_lip)
    bleeding(canvas, context, torch.maximum(run, 0.7 * lips * at.skin))


def werewolf(canvas: Canvas, context: PaintContext) -> None:
    """Darkened hide, black nose and lips; the fur comes on top."""
    at, batch = context.at, len(canvas.colour)
    hide = context.colours([(0.36, 0.26, 0.19), (0.30, 0.27, 0.25), (0.44, 0.32, 0.22)], batch)
    foundation(canvas, context, hide, 0.8, 0.1)
    canvas.tint((0.3, 0.25, 0.25), sockets(context, 13, 9) * 0.8)
    nose = at.blob(0, at.nose_tip[1] - 3, 11, 8).clamp(0, 1) ** 0.5
    canvas.blend((0.07, 0.06, 0.06), step(0.45, 0.75, nose))
    canvas.gloss = canvas.gloss + step(0.5, 0.8, nose) * 0.6
    paint_lipstick(canvas, context, context.colours([(0.08, 0.06, 0.06)], batch), 0.95, 0.4)


def fur(canvas: Canvas, context: PaintContext) -> None:
    """Fur everywhere but around eyes, on nose and lips."""
    at, batch = context.at, len(canvas.colour)
    coat = context.colours([(0.32, 0.22, 0.15), (0.42, 0.39, 0.36), (0.20, 0.18, 0.16), (0.50, 0.37, 0.25)], batch)
    bare = (sockets(context, 12, 8) + at.blob(0, at.nose_tip[1] + 4, 10, 14) * 1.3 + step(-4, 0, at.lip_edge)).clamp(
        0, 1
    )
    middle = at.blob(0, at.cheek[1] + 6, 26, 30)
    density = (0.95 - 0.35 * middle * context.random(batch, 0.2, 1.2) - bare).clamp(0, 1) * at.skin
    strand = 0.7 * context.noise("beard", batch) + 0.7 * context.noise("scalp", batch)
    light = 1 + 0.45 * at.blob(0, at.chin[1] + 14, 20, 14) + 0.25 * context.noise("wide", batch)
    strands(canvas, (coat * light).clamp(0, 1), density, strand, 0.5)


def avatar(canvas: Canvas, context: PaintContext) -> None:
    """Blue skin with darker tiger-like bands and a rosy, broad nose."""
    at, batch = context.at, len(canvas.colour)
    blue = context.colours([(0.24, 0.50, 0.78), (0.20, 0.42, 0.72), (0.32, 0.60, 0.80)], batch)
    foundation(canvas, context, blue, 0.95, 0.06)
    x, y = at.position[..., 0][None, None], at.position[..., 1][None, None]
    warp = 3.5 * context.noise("broad", batch) + 1.5 * context.noise("wide", batch)
    bands = step(0.25, 0.9, torch.sin((y + 0.35 * x.abs() + warp) * 0.46))
    where = (step(12, 34, x.abs()) + step(at.brow_top + 6, at.brow_top + 20, y)).clamp(0, 1) * at.skin
    canvas.tint((0.50, 0.58, 0.72), bands * where * context.random(batch, 0.6, 1.0))
    canvas.tint((1.25, 0.85, 0.95), at.blob(0, at.nose_tip[1] + 2, 10, 8) * 0.5)
    canvas.tint((0.45, 0.48, 0.66), sockets(context, 14, 9) * 0.55)
    paint_lipstick(canvas, context, context.colours([(0.22, 0.24, 0.50), (0.36, 0.28, 0.52)], batch), 0.85, 0.6)


def avatar_dots(canvas: Canvas, context: PaintContext) -> None:
    """Glowing specks along brows, nose and cheekbones."""
    at, batch = context.at, len(canvas.colour)
    where = at.blob(at.cheek[0] + 4, at.cheek[1] + 4, 20, 7, True) + bump(at.brow_distance - 6, 3) * at.front
    where = where + at.blob(0, at.brow_top + 20, 9, 24) + at.blob(0, at.landmarks[28, 1], 5, 12)
    dots = step(1.15, 1.6, context.noise("grain", batch)) * where.clamp(0, 1)
    canvas.blend((0.78, 0.98, 1.0), dots)
    canvas.gloss = canvas.gloss + 0.5 * dots


def white_walker(canvas: Canvas, context: PaintContext) -> None:
    """Frozen, cracked, bluish-white skin with frost and deep-set eyes."""
    at, batch = context.at, len(canvas.colour)
    ice = context.colours([(0.70, 0.80, 0.86), (0.62, 0.72, 0.80), (0.76, 0.84, 0.88)], batch, 0.02)
    foundation(canvas, context, ice, 0.93, 0.08)
    cracks = 0.7 * veins(context, batch, "blotch", 0.09) + veins(context, batch, "wide", 0.07)
    canvas.tint((0.42, 0.54, 0.66), cracks * at.skin * 0.8)
    canvas.height = canvas.height - 0.4 * cracks * at.skin
    canvas.tint((0.30, 0.38, 0.50), sockets(context, 15, 11) * 0.95)
    hollow_cheeks(canvas, context, (0.46, 0.55, 0.66), context.random(batch, 0.7, 1.0))
    frost = context.patches("blotch spot grain pore", batch, 0.5, 1.6, 0.9)
    canvas.blend((0.95, 0.98, 1.0), frost * 0.7)
    paint_lipstick(canvas, context, context.colours([(0.44, 0.54, 0.64), (0.30, 0.38, 0.48)], batch), 0.85, 0.3)
