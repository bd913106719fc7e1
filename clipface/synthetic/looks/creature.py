"""Looks of fairy-tale figures: witch, witcher, demon, orc, alien, and a person who took too much."""

import torch

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.age import paint_scar
from clipface.synthetic.face.curves import bump, step
from clipface.synthetic.face.makeup import blush, eye_liner, eye_shadow, foundation, paint_lipstick
from clipface.synthetic.looks.monster import hollow_cheeks, sockets, veins


def _warts(canvas: Canvas, context: PaintContext, colour: tuple, rarity: float) -> None:
    at, batch = context.at, len(canvas.colour)
    field = context.noise("spot", batch)
    warts = step(rarity, rarity + 0.6, field) * at.skin * step(0, 2, -at.lip_edge)
    canvas.tint(colour, warts)
    canvas.height = canvas.height + 1.6 * warts
    canvas.gloss = canvas.gloss + 0.3 * step(rarity + 0.5, rarity + 0.9, field) * at.skin


def witch(canvas: Canvas, context: PaintContext) -> None:
    """Green, warty skin, purple shadow, black lips."""
    at, batch = context.at, len(canvas.colour)
    green = context.colours([(0.42, 0.60, 0.26), (0.35, 0.55, 0.28), (0.52, 0.62, 0.30)], batch)
    foundation(canvas, context, green, 0.9, 0.08)
    canvas.tint((0.70, 0.82, 0.50), context.patches("wide blotch spot", batch, 0, 1.3) * 0.7)
    _warts(canvas, context, (0.62, 0.60, 0.40), 2.0)
    hollow_cheeks(canvas, context, (0.50, 0.55, 0.42), context.random(batch, 0.5, 1.0))
    canvas.tint((0.38, 0.20, 0.46), sockets(context, 14, 9) * context.random(batch, 0.5, 1.0))
    canvas.blend((0.30, 0.08, 0.40), eye_shadow(context, 13, 8) * context.random(batch, 0.3, 0.9))
    canvas.blend((0.03, 0.02, 0.03), eye_liner(context, 1.3, 9))
    lips = context.colours([(0.05, 0.03, 0.06), (0.24, 0.05, 0.26), (0.40, 0.03, 0.06)], batch, 0.01)
    paint_lipstick(canvas, context, lips, 0.95, 0.6)
    canvas.tint((0.75, 0.66, 0.35), at.teeth)


def witcher(canvas: Canvas, context: PaintContext) -> None:
    """Pale skin, dark veins around the eyes, a scar through one of them."""
    at, batch = context.at, len(canvas.colour)
    foundation(canvas, context, context.colours([(0.86, 0.78, 0.74), (0.80, 0.75, 0.73)], batch, 0.02), 0.7, 0.1)
    canvas.tint((0.45, 0.38, 0.42), sockets(context, 13, 9) * 0.75)
    canvas.tint(
        (0.22, 0.16, 0.20),
        veins(context, batch, "blotch", 0.16) * sockets(context, 15, 13) * context.random(batch, 0.5, 1.0),
    )
    side = torch.where(context.random(batch) < 0.5, -1.0, 1.0)
    middle = torch.cat([side * (at.eye_middle[0] + 3), 0 * side + at.eye_middle[1] - 2], dim=1)
    paint_scar(canvas, context, middle, 26.0)


def stoned(canvas: Canvas, context: PaintContext) -> None:
    """Swollen red lids, greyish skin, sweat, flushed cheeks."""
    at, batch = context.at, len(canvas.colour)
    canvas.tint((0.92, 0.92, 0.84), at.skin)
    rims = bump(at.upper_lid, 4.0) + bump(at.lower_lid, 4.5)
    canvas.tint((0.86, 0.42, 0.42), rims.clamp(0, 1) * at.front * context.random(batch, 0.7, 1.0))
    bags = bump(at.below_eye - 7, 4) * step(17, 9, at.lower_lid) * at.front
    canvas.tint((0.60, 0.44, 0.52), bags * context.random(batch, 0.7, 1.0))
    canvas.height = canvas.height + 0.8 * bump(at.below_eye - 5, 2.5) * step(17, 9, at.lower_lid) * at.front
    blush(canvas, context, (0.96, 0.60, 0.58), context.random(batch, 0.2, 0.8))
    canvas.gloss = canvas.gloss + 0.25 * at.front * (1 + 0.5 * context.noise("spot", batch))


def demon(canvas: Canvas, context: PaintContext) -> None:
    """Red, ridged skin with black veins, black sockets and lips."""
    at, batch = context.at, len(canvas.colour)
    red = context.colours([(0.76, 0.10, 0.07), (0.66, 0.07, 0.06), (0.82, 0.18, 0.08)], batch)
    foundation(canvas, context, red, 0.93, 0.08)
    canvas.tint((0.55, 0.38, 0.40), context.patches("broad wide blotch spot", batch, 0.2, 1.7, 0.8) * 0.8)
    ridge = veins(context, batch, "wide", 0.13) + 0.5 * veins(context, batch, "blotch", 0.12)
    canvas.tint((0.20, 0.08, 0.10), ridge * at.skin * context.random(batch, 0.5, 0.9))
    canvas.height = canvas.height - 0.8 * ridge * at.skin
    canvas.tint((0.07, 0.03, 0.04), sockets(context, 14, 9) * context.random(batch, 0.8, 1.0))
    hollow_cheeks(canvas, context, (0.30, 0.20, 0.22), context.random(batch, 0.6, 1.0))
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    flame = step(0, 4, 10 - (x - 24 - 0.35 * (y - at.brow_top - 18)).abs() + 2 * context.noise("blotch", batch))
    canvas.tint(
        (0.18, 0.10, 0.10),
        flame * step(at.brow_top + 4, at.brow_top + 14, y) * at.front * context.chance(batch, 0.5) * 0.8,
    )
    paint_lipstick(canvas, context, context.colours([(0.06, 0.02, 0.02), (0.16, 0.02, 0.02)], batch, 0.01), 0.95, 0.7)
    canvas.tint((0.85, 0.75, 0.45), at.teeth)


def orc(canvas: Canvas, context: PaintContext) -> None:
    """Thick, rough green hide."""
    at, batch = context.at, len(canvas.colour)
    green = context.colours([(0.42, 0.58, 0.25), (0.34, 0.52, 0.22), (0.52, 0.63, 0.30), (0.46, 0.54, 0.36)], batch)
    foundation(canvas, context, green, 0.94, 0.1)
    canvas.tint((0.55, 0.66, 0.42), context.patches("broad wide blotch spot grain", batch, -0.2, 1.3, 0.85))
    hide = torch.exp(-((context.noise("spot", batch) / 0.3) ** 2)) * at.skin
    canvas.tint((0.55, 0.58, 0.45), hide * 0.6)
    canvas.height = canvas.height - 0.5 * hide + 0.15 * context.noise("grain", batch) * at.skin
    _warts(canvas, context, (0.72, 0.72, 0.50), 2.1)
    canvas.tint((0.40, 0.38, 0.30), sockets(context, 14, 9) * 0.9)
    paint_lipstick(canvas, context, context.colours([(0.24, 0.26, 0.13), (0.34, 0.28, 0.18)], batch), 0.8, 0.3)
    canvas.tint((0.85, 0.78, 0.48), at.teeth)


def alien(canvas: Canvas, context: PaintContext) -> None:
    """Smooth grey skin around huge black almond eyes."""
    at, batch = context.at, len(canvas.colour)
    tone = context.colours([(0.62, 0.66, 0.64), (0.58, 0.66, 0.55), (0.66, 0.64, 0.70)], batch)
    foundation(canvas, context, tone, 0.97, 0.02)
    canvas.tint((0.74, 0.78, 0.76), context.patches("wide blotch spot", batch, 0.0, 1.5) * 0.8)
    x = at.position[..., 0].abs()[None, None] - at.eye_middle[0] - 3
    y = at.position[..., 1][None, None] - at.eye_middle[1] - 1
    along, across = x * 0.91 + y * 0.42, -x * 0.42 + y * 0.91
    size = context.random(batch, 0.85, 1.15)
    almond = step(1.06, 0.94, ((along / (25 * size)) ** 2 + (across / (13.5 * size)) ** 2).sqrt()) * at.front
    canvas.blend((0.02, 0.02, 0.03), almond)
    glint = bump(((along + 5) / 3.6) ** 2 + ((across - 6) / 2.0) ** 2, 0.9) * at.front
    canvas.blend((0.85, 0.90, 0.95), glint * almond * 0.9)
    canvas.height = canvas.height + 0.8 * almond
    paint_lipstick(canvas, context, tone * as_colour((0.78, 0.74, 0.76), tone), 0.85, 0.2)
