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
    """Green skin with some warts, purple shadow, black lips."""
    at, batch = context.at, len(canvas.colour)
    green = context.colours([(0.40, 0.54, 0.26), (0.35, 0.55, 0.28), (0.52, 0.62, 0.30)], batch)
    foundation(canvas, context, green, 0.92, 0.04, 1.1)
    canvas.tint((0.72, 0.84, 0.55), context.patches("wide blotch spot", batch, 0, 1.6) * 0.6)
    _warts(canvas, context, (0.66, 0.62, 0.42), 2.5)
    hollow_cheeks(canvas, context, (0.50, 0.55, 0.42), context.random(batch, 0.7, 1.0))
    canvas.tint((0.55, 0.50, 0.40), bump(at.nasolabial_distance, 2.2) * at.nasolabial_fade * 0.8)
    canvas.tint((0.42, 0.28, 0.46), sockets(context, 15, 10) * context.random(batch, 0.7, 1.0))
    canvas.blend((0.26, 0.09, 0.36), eye_shadow(context, 12, 8) * context.random(batch, 0.6, 0.9))
    canvas.blend((0.03, 0.02, 0.03), eye_liner(context, 1.3, 9))
    lips = context.colours([(0.10, 0.04, 0.12), (0.24, 0.05, 0.26), (0.40, 0.03, 0.06)], batch, 0.01)
    paint_lipstick(canvas, context, lips, 0.95, 0.5)
    canvas.tint((0.75, 0.66, 0.35), at.teeth)


def witcher(canvas: Canvas, context: PaintContext) -> None:
    """Pale skin, dark veins around the eyes, a scar through one of them."""
    at, batch = context.at, len(canvas.colour)
    pale = context.colours([(0.78, 0.72, 0.69), (0.80, 0.75, 0.73)], batch, 0.02)
    foundation(canvas, context, pale, 0.6, 0.03, 1.0)
    canvas.tint((0.56, 0.48, 0.52), sockets(context, 14, 9) * 0.75)
    around = sockets(context, 17, 14) * context.random(batch, 0.7, 1.0)
    canvas.tint((0.22, 0.17, 0.24), veins(context, batch, "blotch", 0.09) * around)
    side = torch.where(context.random(batch) < 0.5, -1.0, 1.0)
    middle = torch.cat([side * (at.eye_middle[0] + 3), 0 * side + at.eye_middle[1] - 2], dim=1)
    paint_scar(canvas, context, middle, 30.0)


def stoned(canvas: Canvas, context: PaintContext) -> None:
    """Swollen red lids, greyish skin, sweat, flushed cheeks."""
    at, batch = context.at, len(canvas.colour)
    canvas.tint((0.95, 0.95, 0.90), at.skin)
    rims = bump(at.upper_lid, 2.6) + bump(at.lower_lid, 3.0)
    canvas.tint((0.92, 0.55, 0.54), rims.clamp(0, 1) * at.front * context.random(batch, 0.7, 1.0))
    under = step(-0.5, 2.5, at.below_eye) * step(18, 9, at.lower_lid) * at.front
    canvas.tint((0.74, 0.58, 0.64), bump(at.below_eye - 7, 4) * under * context.random(batch, 0.7, 1.0))
    canvas.tint((0.62, 0.50, 0.54), bump(at.below_eye - 10.5, 1.2) * under * 0.7)
    lid = bump(at.above_eye - 3, 2.5) * step(10, 6, at.upper_lid) * at.front
    canvas.tint((0.80, 0.62, 0.64), lid * 0.8)
    canvas.height = canvas.height + 0.5 * bump(at.below_eye - 6, 2.5) * under
    blush(canvas, context, (0.96, 0.60, 0.58), context.random(batch, 0.4, 0.8))
    canvas.gloss = canvas.gloss + 0.22 * at.front * (1 + 0.5 * context.noise("spot", batch))


def demon(canvas: Canvas, context: PaintContext) -> None:
    """Deep red skin with glowing-dark veins, ridges that rise from the brows, black sockets and lips."""
    at, batch = context.at, len(canvas.colour)
    red = context.colours([(0.58, 0.08, 0.06), (0.66, 0.07, 0.06), (0.72, 0.16, 0.08)], batch)
    foundation(canvas, context, red, 0.95, 0.04, 1.2)
    canvas.tint((0.55, 0.38, 0.40), context.patches("wide blotch spot", batch, 0.2, 1.8, 0.8) * 0.6)
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    outer = step(10, 40, x) + step(at.brow_top + 14, at.brow_top + 40, y) + at.neck
    lines = veins(context, batch, "wide", 0.10) * outer.clamp(0, 1) * at.skin
    canvas.tint((0.20, 0.08, 0.10), lines * context.random(batch, 0.7, 0.9))
    canvas.height = canvas.height - 0.5 * lines
    bend = x - 17 - 0.10 * (y - at.brow_top) - 0.006 * (y - at.brow_top) ** 2
    rise = step(at.brow_top - 2, at.brow_top + 6, y) * step(at.brow_top + 46, at.brow_top + 26, y)
    horn = bump(bend, 4.5 - 0.05 * (y - at.brow_top).clamp(0, 40)) * rise * at.front
    rings = 0.75 + 0.25 * torch.sin((y - at.brow_top) * 1.5)
    canvas.tint((0.28, 0.16, 0.16), step(0.25, 0.7, horn) * rings * 0.9)
    canvas.height = canvas.height + 2.2 * horn * rings
    ridge = bump(x, 1.6) * step(at.nose_tip[1] + 12, at.nose_tip[1] + 22, y) * at.front
    canvas.tint((0.35, 0.2, 0.2), ridge * step(at.brow_top + 30, at.brow_top + 6, y) * 0.8)
    canvas.tint((0.45, 0.25, 0.25), sockets(context, 19, 13) * 0.7)
    canvas.tint((0.07, 0.03, 0.04), sockets(context, 12, 7) * context.random(batch, 0.85, 1.0))
    hollow_cheeks(canvas, context, (0.40, 0.25, 0.28), context.random(batch, 0.8, 1.0))
    paint_lipstick(canvas, context, context.colours([(0.06, 0.02, 0.03), (0.20, 0.02, 0.04)], batch), 0.95, 0.6)
    canvas.tint((0.80, 0.66, 0.45), at.teeth)


def orc(canvas: Canvas, context: PaintContext) -> None:
    """Leathery green hide with warts, heavy brows, two tusks over the upper lip, a scar."""
    at, batch = context.at, len(canvas.colour)
    green = context.colours([(0.34, 0.42, 0.22), (0.36, 0.44, 0.20), (0.42, 0.46, 0.30)], batch)
    foundation(canvas, context, green, 0.94, 0.05, 1.2)
    canvas.tint((0.62, 0.70, 0.50), context.patches("wide blotch spot grain", batch, -0.2, 1.6, 0.85) * 0.8)
    hide = torch.exp(-((context.noise("grain", batch) / 0.3) ** 2)) * at.skin
    canvas.tint((0.66, 0.68, 0.56), hide * 0.55)
    canvas.height = canvas.height - 0.22 * hide
    _warts(canvas, context, (0.72, 0.72, 0.50), 2.6)
    canvas.tint((0.50, 0.46, 0.40), bump(at.brow_distance + 1, 4.5) * at.front * 0.7)
    canvas.tint((0.34, 0.32, 0.26), sockets(context, 14, 9) * 0.9)
    canvas.tint((0.55, 0.52, 0.42), bump(at.nasolabial_distance, 2.5) * at.nasolabial_fade * 0.9)
    hollow_cheeks(canvas, context, (0.55, 0.55, 0.45), context.random(batch, 0.7, 1.0))
    lips = context.colours([(0.20, 0.20, 0.12), (0.34, 0.28, 0.18)], batch)
    paint_lipstick(canvas, context, lips, 0.85, 0.3)
    _tusks(canvas, context)
    canvas.tint((0.85, 0.78, 0.48), at.teeth)


def _tusks(canvas: Canvas, context: PaintContext) -> None:
    at = context.at
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    up = (y - at.mouth_middle[1] + 5) / 19  # 0 at the root, 1 at the tip
    off = x - at.corner[0] * 0.62 - 4.0 * up.clamp(0, 1) ** 2
    width = 3.6 * (1 - up.clamp(0, 1) ** 1.6)
    tusk = step(0.5, -0.3, off.abs() - width) * step(-0.02, 0.06, up) * step(1.0, 0.97, up) * at.front
    shade = 1.05 - 0.45 * (off / width.clamp_min(0.4)).clamp(-1, 1) ** 2 - 0.35 * step(0.35, 0.0, up)
    canvas.tint(
        (0.40, 0.36, 0.30), bump((off.abs() - width).clamp_min(0), 1.6) * step(-0.1, 0.05, up) * step(1.1, 0.9, up)
    )
    canvas.blend(as_colour((0.86, 0.80, 0.62), canvas.colour) * shade, tusk)
    canvas.gloss = torch.lerp(canvas.gloss, torch.full_like(canvas.gloss, 0.5), tusk)


def alien(canvas: Canvas, context: PaintContext) -> None:
    """Smooth grey skin."""
    at, batch = context.at, len(canvas.colour)
    tone = context.colours([(0.62, 0.66, 0.64), (0.58, 0.66, 0.55), (0.66, 0.64, 0.70)], batch)
    foundation(canvas, context, tone, 0.97, 0.02, 0.35)
    speckled = context.patches("spot grain", batch, 0.6, 2.0) * (1 - 0.7 * at.blob(0, at.nose_tip[1], 30, 40))
    canvas.tint((0.72, 0.77, 0.74), speckled * 0.7)
    paint_lipstick(canvas, context, tone * as_colour((0.78, 0.74, 0.76), tone), 0.85, 0.2)


def alien_eyes(canvas: Canvas, context: PaintContext) -> None:
    """The almonds, over lids and eyeballs."""
    at, batch = context.at, len(canvas.colour)
    seen = (at.front + at.eyeball).clamp(0, 1)
    x = at.position[..., 0].abs()[None, None] - at.eye_middle[0] - 3
    y = at.position[..., 1][None, None] - at.eye_middle[1] - 1
    along, across = x * 0.91 + y * 0.42, -x * 0.42 + y * 0.91
    size = context.random(batch, 0.85, 1.15)
    almond = step(1.06, 0.94, ((along / (25 * size)) ** 2 + (across / (13.5 * size)) ** 2).sqrt()) * seen
    canvas.blend((0.02, 0.02, 0.03), almond)
    glint = bump(((along + 5) / 3.6) ** 2 + ((across - 6) / 2.0) ** 2, 0.9) * seen
    canvas.blend((0.85, 0.90, 0.95), glint * almond * 0.9)
    canvas.height = canvas.height + 0.8 * almond
