"""Looks of living, undead and otherworldly creatures, as layers over any skin."""

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.curves import bump, step
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
    canvas.gloss = torch.lerp(canvas.gloss, torch.full_like(canvas.gloss, 0.6), mask)
    canvas.height = canvas.height + 0.2 * mask


def hollow_cheeks(canvas: Canvas, context: PaintContext, colour: tuple, strength: Tensor) -> None:
    """Sunken cheeks and temples."""
    at = context.at
    hollow = at.blob(at.cheek[0] + 11, at.cheek[1] - 22, 10, 13, True) + 0.8 * at.blob(
        at.cheek[0] + 26, at.brow_top + 6, 9, 14, True
    )
    canvas.tint(colour, hollow * strength)


def _wounds(context: PaintContext, batch: int, spread: float) -> Tensor:
    """Depth [B, 1, R, R] of three torn wounds, on the forehead, a cheek and the jaw: above 0 within."""
    at = context.at
    x, y = at.position[..., 0][None, None], at.position[..., 1][None, None]
    torn = context.fractal("blotch spot grain pore", batch, 0.8)
    places = (
        (-24.0, at.brow_top + 20, 13.0, 5.0, 0.5),
        (at.cheek[0] + 9, at.cheek[1] - 14, 7.0, 15.0, 0.35),
        (-at.corner[0] - 14, at.chin[1] + 14, 10.0, 6.0, -0.5),
    )
    depth = torch.full_like(torn, -9.0)
    for cx, cy, wide, high, slant in places:
        off, tall = x - cx, y - cy - slant * (x - cx)
        away = ((off / (wide * spread)) ** 2 + (tall / (high * spread)) ** 2).sqrt()
        depth = torch.maximum(depth, 1 - away + 0.22 * torn)
    return torch.where(at.front > 0.3, depth, torch.full_like(depth, -9.0))


def zombie(canvas: Canvas, context: PaintContext) -> None:
    """Grey-green mottled skin with veins, sunken eyes, hollow cheeks and three torn wounds."""
    at, batch = context.at, len(canvas.colour)
    rot = context.colours([(0.56, 0.62, 0.46), (0.60, 0.65, 0.55), (0.66, 0.66, 0.52), (0.52, 0.60, 0.48)], batch)
    foundation(canvas, context, rot, 0.9, 0.05, 1.1)
    canvas.tint((0.70, 0.58, 0.66), context.patches("wide blotch spot", batch, 0.1, 1.6, 0.8) * 0.75)
    canvas.tint((0.76, 0.80, 0.52), context.patches("wide blotch spot grain", batch, 0.2, 1.8, 0.8) * 0.7)
    near = (at.blob(at.cheek[0] + 22, at.brow_top + 8, 18, 26, True) + sockets(context, 22, 20) + at.neck).clamp(0, 1)
    lines = (veins(context, batch, "wide", 0.05) + 0.7 * veins(context, batch, "blotch", 0.05)).clamp(0, 1)
    canvas.tint((0.36, 0.34, 0.42), lines * (0.25 + 0.75 * near) * at.skin * 0.75)
    canvas.tint((0.52, 0.26, 0.28), sockets(context, 19, 14) * 0.75)
    canvas.tint((0.34, 0.26, 0.30), sockets(context, 14, 9) * 0.9)
    hollow_cheeks(canvas, context, (0.42, 0.40, 0.42), context.random(batch, 0.7, 1.0))
    canvas.tint((0.6, 0.55, 0.5), bump(at.nasolabial_distance, 3.0) * at.nasolabial_fade * 0.8)
    depth = _wounds(context, batch, 1.0)
    canvas.tint((0.55, 0.30, 0.32), step(-0.7, -0.05, depth) * 0.8)
    flesh = as_colour((0.34, 0.04, 0.04), depth) * (0.8 + 0.35 * context.noise("grain", batch))
    wound = step(-0.04, 0.06, depth)
    canvas.blend(flesh.clamp(0, 1), wound)
    canvas.tint((0.35, 0.3, 0.3), step(0.3, 0.8, depth))
    canvas.height = canvas.height - 1.2 * wound + 0.5 * bump(depth + 0.1, 0.1)
    canvas.gloss = torch.lerp(canvas.gloss * 0.5, torch.full_like(wound, 0.6), wound)
    paint_lipstick(canvas, context, context.colours([(0.26, 0.19, 0.20), (0.20, 0.12, 0.13)], batch), 0.85, 0.1)
    canvas.tint((0.72, 0.60, 0.30), at.teeth)


def zombie_blood(canvas: Canvas, context: PaintContext) -> None:
    """Dried blood about the mouth and a few runs down the chin, for most zombies."""
    at, batch = context.at, len(canvas.colour)
    some = context.chance(batch, 0.7)
    rough = context.fractal("blotch spot grain", batch, 0.8)
    smear = step(-5, 2, at.lip_edge + 3.0 * rough - 3) * at.front
    below = at.mouth_middle[1] - at.position[..., 1][None, None]
    run = drips(context, batch, below - 4, 0.6, 15) * step(
        at.corner[0] + 2, at.corner[0] - 4, at.position[..., 0].abs()[None, None]
    )
    bleeding(canvas, context, torch.maximum(smear * 0.45 * step(-0.4, 0.9, rough), run * 0.9) * some)


def ghost(canvas: Canvas, context: PaintContext) -> None:
    """White as a sheet, hollow dark eyes, fading lips."""
    at, batch = context.at, len(canvas.colour)
    white = context.colours([(0.88, 0.91, 0.95), (0.86, 0.90, 0.95), (0.95, 0.95, 0.94)], batch, 0.015)
    foundation(canvas, context, white, 0.95, 0.03, 0.8)
    canvas.tint((0.76, 0.83, 0.92), context.patches("broad wide blotch", batch, 0.0, 2.2) * 0.5)
    canvas.tint((0.42, 0.46, 0.56), sockets(context, 19, 15) * 0.6)
    canvas.tint((0.08, 0.09, 0.13), sockets(context, 13, 9) * context.random(batch, 0.8, 1.0))
    hollow_cheeks(canvas, context, (0.70, 0.75, 0.82), context.random(batch, 0.7, 1.0))
    near = sockets(context, 24, 22) + at.neck
    canvas.tint((0.55, 0.62, 0.74), veins(context, batch, "wide", 0.05) * near.clamp(0, 1) * at.skin * 0.6)
    paint_lipstick(canvas, context, context.colours([(0.34, 0.37, 0.45), (0.50, 0.54, 0.62)], batch), 0.8, 0.1)


def vampire(canvas: Canvas, context: PaintContext) -> None:
    """Pale, with violet-red sockets, hollow cheeks and dark red lips."""
    at, batch = context.at, len(canvas.colour)
    pale = context.colours([(0.86, 0.81, 0.80), (0.87, 0.85, 0.87)], batch, 0.02)
    foundation(canvas, context, pale, 0.8, 0.03, 0.9)
    canvas.tint((0.66, 0.44, 0.50), sockets(context, 18, 13) * 0.6)
    canvas.tint((0.36, 0.13, 0.20), sockets(context, 12, 7) * context.random(batch, 0.75, 1.0))
    hollow_cheeks(canvas, context, (0.78, 0.72, 0.76), context.random(batch, 0.7, 1.0))
    temples = at.blob(at.cheek[0] + 25, at.brow_top, 16, 26, True) + 0.7 * sockets(context, 22, 18)
    canvas.tint((0.58, 0.56, 0.74), veins(context, batch, "wide", 0.05) * temples.clamp(0, 1) * 0.75)
    paint_lipstick(canvas, context, context.colours([(0.42, 0.02, 0.04), (0.58, 0.03, 0.05)], batch), 0.95, 0.8)


def vampire_blood(canvas: Canvas, context: PaintContext) -> None:
    """Blood running from both corners of the mouth."""
    at, batch = context.at, len(canvas.colour)
    x, y = at.position[..., 0][None, None], at.position[..., 1][None, None]
    below = at.corner[1] - y
    wander = context.noise("even", batch)
    length = context.random(batch, 16, 32) + 7 * torch.sign(x) * torch.sign(wander.mean() + 1e-3)
    off = x.abs() - at.corner[0] + 4 + 0.7 * context.noise("blotch", batch)
    drop = bump(below - length + 1.5, 1.4)
    run = step(1.5 + 0.0, 0.9, off.abs() / (1.0 + 0.5 * drop)) * step(-1, 1, below) * step(0, 2, length - below)
    bleeding(canvas, context, run * at.front)


def werewolf(canvas: Canvas, context: PaintContext) -> None:
    """Darkened hide, black nose and lips; the fur comes on top."""
    batch = len(canvas.colour)
    hide = context.colours([(0.27, 0.19, 0.14), (0.30, 0.27, 0.25), (0.44, 0.32, 0.22)], batch)
    foundation(canvas, context, hide, 0.93, 0.03, 1.2)


def fur(canvas: Canvas, context: PaintContext) -> None:
    """Fur that flows from the nose outwards: dark mask and brows, pale muzzle and cheek tufts, bare nose and lips."""
    at, batch = context.at, len(canvas.colour)
    coats = [(0.37, 0.25, 0.16), (0.42, 0.39, 0.36), (0.24, 0.21, 0.18), (0.50, 0.37, 0.25)]
    coat, form = context.colours(coats, batch), 0.5 + 0.6 * at.surface.ambient
    muzzle = at.blob(at.corner[0] * 0.5, at.nose_base[1] - 9, 13, 9, True) + 0.8 * at.blob(0, at.chin[1] + 8, 15, 10)
    cheeks = at.blob(at.cheek[0] + 18, at.cheek[1] - 12, 14, 15, True)
    mask = sockets(context, 17, 11) + 0.8 * bump(at.brow_distance, 6) * at.front
    mask = mask + 0.7 * at.blob(0, at.nose_tip[1] + 16, 8, 18) + 0.6 * at.blob(0, at.brow_top + 26, 11, 26)
    fine, tuft = context.noise("fur", batch), context.noise("tuft", batch)
    light = 1 + 0.75 * muzzle.clamp(0, 1) + 0.7 * cheeks - 0.62 * (mask + 0.25 * tuft * mask).clamp(0, 1)
    light = light * (1 + 0.26 * fine + 0.13 * tuft + 0.08 * context.noise("broad", batch))
    bare = step(1.2, 0.5, ((at.position[..., 0] / 10) ** 2 + ((at.position[..., 1] - at.nose_tip[1] + 2) / 8) ** 2))
    bare = torch.maximum(bare[None, None] * at.front, step(-2.0, -0.5, at.lip_edge))
    lids = step(3.2, 1.6, torch.minimum(at.upper_lid, at.lower_lid))
    cover = (0.96 - step(0.55, 0.95, torch.maximum(bare, lids))).clamp(0, 1) * (0.9 + 0.1 * fine.clamp(-1, 1))
    canvas.blend((coat * light.clamp(0.12, 2.2) * form).clamp(0, 1), cover * at.skin)
    canvas.height = canvas.height + cover * (0.10 * fine + 0.16 * tuft) * at.skin
    canvas.blend((0.05, 0.045, 0.045), bare * step(at.nose_base[1] - 6, at.nose_base[1] - 2, at.position[..., 1]))
    canvas.gloss = canvas.gloss + 0.35 * bare * (0.8 + 0.3 * context.noise("grain", batch))
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    split = bump(x, 0.9) * (y > at.mouth_middle[1]) * (y < at.nose_base[1] + 2) * at.front
    canvas.blend((0.04, 0.035, 0.035), split)
    paint_lipstick(canvas, context, context.colours([(0.09, 0.06, 0.06)], batch), 0.95, 0.35)
    canvas.blend((0.03, 0.02, 0.02), lids * at.skin * 0.85)


def avatar(canvas: Canvas, context: PaintContext) -> None:
    """Blue skin with darker bands, alike on both sides, and a rosy, broad nose."""
    at, batch = context.at, len(canvas.colour)
    blue = context.colours([(0.20, 0.44, 0.72), (0.20, 0.42, 0.72), (0.32, 0.60, 0.80)], batch)
    foundation(canvas, context, blue, 0.95, 0.03, 0.9)
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    warp = 3.0 * context.noise("even", batch) + 0.8 * context.noise("spot", batch)
    bands = step(0.3, 0.85, torch.sin((y + 0.45 * x + warp) * 0.5 - 0.9 * (y > at.brow_top)))
    where = (step(16, 36, x) + step(at.brow_top + 6, at.brow_top + 18, y) * step(7, 14, x)).clamp(0, 1) * at.skin
    canvas.tint((0.42, 0.52, 0.70), bands * where * context.random(batch, 0.75, 1.0))
    centre = bump(x, 2.2) * step(at.nose_tip[1] + 8, at.brow_top + 10, y) * at.front
    canvas.tint((0.55, 0.62, 0.78), centre * 0.8)
    canvas.tint((1.35, 0.88, 0.95), at.blob(0, at.nose_tip[1], 9, 6) * 0.6)
    canvas.tint((0.40, 0.45, 0.66), sockets(context, 13, 8) * 0.6)
    paint_lipstick(canvas, context, context.colours([(0.26, 0.25, 0.50), (0.36, 0.28, 0.52)], batch), 0.8, 0.6)


def avatar_dots(canvas: Canvas, context: PaintContext) -> None:
    """Small glowing specks along brows, nose and cheekbones, alike on both sides."""
    at, batch = context.at, len(canvas.colour)
    where = at.blob(at.cheek[0] + 6, at.cheek[1] + 5, 17, 5, True) + bump(at.brow_distance - 6, 2.5) * at.front
    where = where + at.blob(9, at.brow_top + 22, 6, 16, True) + at.blob(5, at.landmarks[28, 1], 3, 12, True)
    dots = step(1.5, 1.9, context.noise("dots", batch) + 0.5 * where.clamp(0, 1)) * step(0.15, 0.5, where)
    canvas.blend((0.80, 0.97, 1.0), dots * 0.95)


def white_walker(canvas: Canvas, context: PaintContext) -> None:
    """Frozen, cracked, bluish-white skin with frost and deep-set eyes."""
    at, batch = context.at, len(canvas.colour)
    ice = context.colours([(0.70, 0.80, 0.86), (0.62, 0.72, 0.80), (0.76, 0.84, 0.88)], batch, 0.02)
    foundation(canvas, context, ice, 0.93, 0.04, 1.1)
    cracks = veins(context, batch, "wide", 0.06)
    canvas.tint((0.48, 0.60, 0.72), cracks * at.skin * 0.7)
    canvas.height = canvas.height - 0.4 * cracks * at.skin
    canvas.tint((0.30, 0.38, 0.50), sockets(context, 15, 11) * 0.95)
    hollow_cheeks(canvas, context, (0.46, 0.55, 0.66), context.random(batch, 0.7, 1.0))
    frost = context.patches("blotch spot grain pore", batch, 0.7, 2.0, 0.9)
    edges = 0.35 + 0.65 * (bump(at.brow_distance, 5) * at.front + (1 - at.front)).clamp(0, 1)
    canvas.blend((0.92, 0.96, 1.0), frost * edges * 0.7)
    paint_lipstick(canvas, context, context.colours([(0.44, 0.54, 0.64), (0.30, 0.38, 0.48)], batch), 0.85, 0.3)
