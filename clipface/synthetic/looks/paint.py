"""Looks of face paint: clown, joker, skull, tiger, war paint."""

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.curves import bump, step
from clipface.synthetic.face.makeup import foundation, paint_lipstick

_BRIGHT = (
    (0.05, 0.25, 0.80),
    (0.05, 0.55, 0.20),
    (0.85, 0.10, 0.08),
    (0.95, 0.75, 0.05),
    (0.50, 0.12, 0.65),
    (0.02, 0.60, 0.75),
)


def frontal(context: PaintContext) -> tuple[Tensor, Tensor]:
    """|x| and y of the frontal view, millimetres, [1, 1, R, R] each."""
    return context.at.position[..., 0].abs()[None, None], context.at.position[..., 1][None, None]


def red_nose(canvas: Canvas, context: PaintContext, size: Tensor) -> None:
    """A round red nose with a gleam."""
    at = context.at
    x, y = frontal(context)
    away = (x**2 + (y - at.nose_tip[1] + 1) ** 2).sqrt() / size
    ball = step(1.05, 0.9, away) * at.front
    canvas.blend(
        context.colours([(0.84, 0.05, 0.04), (0.76, 0.03, 0.05)], len(canvas.colour)) * (1.05 - 0.3 * away.clamp(0, 1)),
        ball,
    )
    gleam = bump(((x * torch.sign(at.sides) + 3) ** 2 + (y - at.nose_tip[1] - 4) ** 2).sqrt(), 1.8) * at.front
    canvas.blend((1.0, 0.92, 0.90), gleam * 0.75)
    canvas.gloss = torch.maximum(canvas.gloss, ball * 0.8)


def clown(canvas: Canvas, context: PaintContext) -> None:
    """White face, big painted mouth, coloured eyes."""
    at, batch = context.at, len(canvas.colour)
    white = context.colours([(0.96, 0.95, 0.93), (0.93, 0.92, 0.92), (0.97, 0.90, 0.84)], batch, 0.015)
    area = at.front * step(-10, -3, -at.above_hairline)
    smooth = canvas.rows(torch.arange(batch, device=context.device))
    foundation(smooth, context, white, 0.93, 0.05)
    canvas.colour = torch.lerp(canvas.colour, smooth.colour, area)
    canvas.gloss = canvas.gloss * (1 - 0.6 * area)
    x, y = frontal(context)
    first, second = context.colours(_BRIGHT, batch), context.colours(_BRIGHT, batch)
    off, tall = x - at.eye_middle[0], y - at.eye_middle[1] - 1
    spindle = step(1.0, 0.9, off.abs() / 6.5 + tall.abs() / context.random(batch, 24, 34))
    oval = step(1.06, 0.95, ((off / 17) ** 2 + ((tall - 6) / context.random(batch, 14, 20)) ** 2).sqrt())
    kind = context.random(batch)
    eye = torch.where(kind < 0.4, spindle, torch.where(kind < 0.8, oval, torch.maximum(spindle, oval * 0.9)))
    canvas.blend(first, eye * at.front)
    arch = bump(((off / 15) ** 2 + ((y - at.brow_top + 6) / 17) ** 2).sqrt() - 1, 0.07) * step(
        at.brow_top - 2, at.brow_top + 4, y
    )
    canvas.blend(second * 0.6, arch * at.front * context.chance(batch, 0.7))
    cheek = step(
        1.1, 0.85, (((x - at.cheek[0] - 8) ** 2 + (y - at.cheek[1] + 5) ** 2).sqrt() / context.random(batch, 9, 13))
    )
    canvas.blend(
        context.colours([(0.90, 0.20, 0.22), (0.95, 0.42, 0.50)], batch),
        cheek * at.front * 0.85 * context.chance(batch, 0.7),
    )


def clown_over(canvas: Canvas, context: PaintContext) -> None:
    """Mouth and nose, over everything."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    smile = (x / at.corner[0]).clamp(0, 1.8) ** 2 * 5  # the painted mouth turns up at the ends
    reach = context.random(batch, 6, 11)
    away = ((x / (at.corner[0] + reach + 4)) ** 2 + ((y - at.mouth_middle[1] - smile + 3) / (reach + 7)) ** 2).sqrt()
    mouth = step(1.05, 0.97, away) * at.front * step(2.5, 5, at.nose_base[1] - y)
    canvas.blend((0.05, 0.03, 0.03), bump(away - 1.02, 0.04) * at.front * context.chance(batch, 0.5))
    red = context.colours([(0.80, 0.04, 0.05), (0.88, 0.10, 0.08), (0.70, 0.03, 0.08)], batch)
    canvas.blend(red * (0.92 + 0.06 * context.noise("spot", batch)), mouth * 0.96)
    canvas.gloss = torch.lerp(canvas.gloss, torch.full_like(canvas.gloss, 0.45), mouth)
    canvas.tint((0.35, 0.2, 0.2), bump(at.mouth_line, 1.2) * at.front * 0.8)
    red_nose(canvas, context, context.random(batch, 11, 16))


def joker(canvas: Canvas, context: PaintContext) -> None:
    """Cracked, greasy white paint and smudged black eyes."""
    at, batch = context.at, len(canvas.colour)
    patchy = (0.9 + 0.2 * context.fractal("wide blotch spot grain", batch, 0.8)).clamp(0, 1) * step(
        -3, -9, at.above_hairline
    )
    foundation(canvas, context, context.colours([(0.93, 0.92, 0.89)], batch, 0.02), patchy * at.front, 0.05)
    cracks = torch.exp(-((context.noise("blotch", batch) / 0.08) ** 2)) * at.blob(0, at.brow_top + 18, 40, 20)
    canvas.tint((0.62, 0.50, 0.46), cracks)
    canvas.height = canvas.height - 0.5 * cracks
    away = torch.minimum(at.upper_lid, at.lower_lid) + 2.2 * context.fractal("blotch spot grain", batch, 0.8)
    smudge = step(13, 4, away) * at.front * context.random(batch, 0.75, 1.0)
    canvas.blend((0.04, 0.05, 0.06), smudge)


def joker_over(canvas: Canvas, context: PaintContext) -> None:
    """A red smile smeared far up the cheeks."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    out = x - at.corner[0] + 3
    off = y - at.corner[1] - 0.55 * out.clamp_min(0) + 1.6 * context.fractal("blotch spot grain", batch, 0.8)
    reach = context.random(batch, 20, 32)
    cut = bump(off, 3.4) * step(-2, 2, out) * step(reach, reach * 0.5, out) * at.front
    lips = step(-3.5, -0.5, at.lip_edge + 0.8 * context.fractal("spot grain", batch)) * at.skin
    red = as_colour((0.68, 0.03, 0.05), cut) * (0.9 + 0.12 * context.noise("spot", batch))
    canvas.blend(red.clamp(0, 1), torch.maximum(lips, cut * 0.95) * 0.95)
    canvas.tint((0.3, 0.15, 0.15), bump(off, 0.8) * (cut > 0.2) * 0.6)
    canvas.tint((0.35, 0.2, 0.2), bump(at.mouth_line, 1.2) * at.front * 0.8)


def skull(canvas: Canvas, context: PaintContext) -> None:
    """Bone-white paint, black eye holes and nose, stitched teeth; some with coloured petals (sugar skull)."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    bone = step(-2, -6, at.above_hairline) * at.front
    white = context.colours([(0.93, 0.91, 0.86), (0.90, 0.89, 0.88)], batch, 0.02)
    foundation(canvas, context, white, bone * 0.95, 0.05)
    off, tall = x - at.eye_middle[0] - 1, y - at.eye_middle[1] - 3
    away = ((off / 18) ** 2 + (tall / 17) ** 2).sqrt()
    sugar = context.chance(batch, 0.5)
    petal = step(1.05, 0.95, away - 0.12 * torch.cos(torch.atan2(tall, off) * 12).abs() - 0.14)
    canvas.blend(context.colours(_BRIGHT, batch), petal * at.front * sugar * (1 - at.eyeball))
    black = as_colour((0.03, 0.03, 0.03), canvas.colour)
    hole = step(1.05, 0.92, away + 0.05 * context.noise("spot", batch)) * at.skin
    nose = step(1.05, 0.9, (x / 9.5) + ((y - at.nose_base[1] - 7).abs() / 17)) * step(
        at.nose_base[1] - 8, at.nose_base[1] - 4, y
    )
    canvas.blend(black, torch.maximum(hole, nose) * at.skin)
    line = (y - at.mouth_middle[1] - 0.004 * x**2).abs()
    reach = step(at.corner[0] + 22, at.corner[0] + 18, x)
    seam = bump(line, 0.9) * reach
    teeth = (x / 6.2 - (x / 6.2).round()).abs() * 6.2
    stitches = bump(teeth, 0.8) * step(12.5, 10.5, line + 0.14 * x) * reach
    canvas.blend(as_colour((0.92, 0.90, 0.84), black), step(-1, 0.5, at.lip_edge) * at.skin * 0.9)
    canvas.blend(black, torch.maximum(seam, stitches) * at.front * 0.95)
    hollow = at.blob(at.cheek[0] + 20, at.cheek[1] - 20, 9, 15, True) * 1.25
    canvas.blend(black, (step(0.35, 0.8, hollow + 0.1 * context.noise("spot", batch)) * at.front * 0.9))
    swirl = bump(torch.sin(((x) ** 2 + (y - at.brow_top - 20) ** 2).sqrt() * 0.5), 0.25) * step(
        24, 20, ((x) ** 2 + (y - at.brow_top - 20) ** 2).sqrt()
    )
    canvas.blend(context.colours(_BRIGHT, batch), swirl * at.front * sugar * 0.9)


def tiger(canvas: Canvas, context: PaintContext) -> None:
    """Orange coat with white muzzle, brows and chin."""
    at, batch = context.at, len(canvas.colour)
    coat = context.colours([(0.90, 0.48, 0.10), (0.85, 0.42, 0.08), (0.92, 0.58, 0.20)], batch)
    foundation(canvas, context, coat, 0.95, 0.1)
    strand = 0.5 * context.noise("beard", batch) + 0.5 * context.noise("scalp", batch)
    canvas.colour = (canvas.colour * (1 + 0.16 * strand * at.skin)).clamp(0, 1)
    white = at.blob(at.corner[0] * 0.55, at.nose_base[1] - 11, 13, 11, True) + at.blob(
        at.eye_middle[0], at.eye_middle[1] + 15, 13, 8, True
    )
    white = (
        white
        + at.blob(0, at.chin[1] + 8, 18, 12)
        + 0.8 * at.blob(at.eye_middle[0] - 2, at.eye_middle[1] - 11, 12, 5, True)
    )
    canvas.blend(
        as_colour((0.96, 0.94, 0.90), strand) * (1 + 0.08 * strand), step(0.35, 0.75, white + 0.12 * strand) * at.front
    )


def tiger_stripes(canvas: Canvas, context: PaintContext) -> None:
    """Black stripes, rims of the eyes, cat's nose and mouth."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    warp = 4 * context.noise("broad", batch) + 2 * context.noise("blotch", batch)
    sides = (
        step(0.35, 0.6, torch.sin((y + 0.25 * x + warp) * 0.52))
        * step(30, 42, x + 0.6 * warp)
        * step(0, 10, at.brow_top - y + 4)
    )
    top = (
        step(0.3, 0.6, torch.sin((y * 0.9 - x * 0.35 + 0.5 * warp) * 0.62))
        * step(at.brow_top, at.brow_top + 5, y)
        * step(44, 24, x)
    )
    canvas.blend((0.06, 0.04, 0.03), torch.maximum(sides, top) * at.skin * 0.95)
    rim = bump(torch.minimum(at.upper_lid, at.lower_lid), 2.0) * at.skin
    canvas.blend((0.05, 0.03, 0.03), rim)
    nose = step(0.5, 0.75, at.blob(0, at.nose_tip[1] - 3, 10, 6))
    canvas.blend(context.colours([(0.80, 0.42, 0.40), (0.20, 0.12, 0.12)], batch), nose)
    canvas.blend(
        (0.08, 0.05, 0.05),
        bump(x, 0.9)
        * step(at.mouth_middle[1], at.mouth_middle[1] + 2, y)
        * step(at.nose_base[1] + 2, at.nose_base[1], y)
        * at.front,
    )
    paint_lipstick(canvas, context, context.colours([(0.12, 0.06, 0.06)], batch, 0.01), 0.9, 0.3)
    grid = torch.maximum((torch.sin(x * 0.95) * torch.sin(y * 1.1)) - 0.55, torch.zeros_like(x)) * 3
    canvas.blend((0.06, 0.04, 0.04), grid * at.blob(at.corner[0] * 0.7, at.nose_base[1] - 10, 10, 6, True))


def warpaint(canvas: Canvas, context: PaintContext) -> None:
    """Bands, stripes, a painted half or camouflage, worn and rough."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    rough = context.fractal("blotch spot grain", batch, 0.85)
    colours = ((0.06, 0.16, 0.45), (0.04, 0.04, 0.05), (0.55, 0.06, 0.05), (0.88, 0.87, 0.82))
    first, second = context.colours(colours, batch), context.colours(colours, batch)
    signed = x * at.sides * torch.where(context.random(batch) < 0.5, -1.0, 1.0)
    band = step(-2, 1, 11 - (y - at.eye_middle[1] - 1).abs() + 1.5 * rough)
    half = step(-1.5, 1.5, signed + 2 * rough)
    stripes = (
        step(0.1, 0.5, torch.sin((y + 0.3 * x) * 0.75) + 0.25 * rough)
        * step(14, 20, x)
        * step(18, 15, (y - at.cheek[1] + 6).abs())
    )
    tribal = step(0.3, 0.7, torch.sin((y - 0.8 * x) * 0.55 + 0.4 * rough)) * step(8, 14, x)
    kind = (context.random(batch) * 5).floor()
    paint = torch.where(
        kind == 0, band, torch.where(kind == 1, half, torch.where(kind == 2, stripes, tribal * (kind == 3)))
    )
    worn = (0.92 - 0.25 * step(0.7, 1.8, rough)) * at.front * (1 - at.eyeball)
    canvas.blend(first * (0.95 + 0.08 * rough), paint * worn)
    canvas.blend(second * (0.95 + 0.08 * rough), stripes * worn * (kind == 0) * 0.9)
    field = context.noise("broad", batch) + 0.4 * context.noise("wide", batch)
    black, earth, leaf = (as_colour(c, field) for c in ((0.10, 0.12, 0.08), (0.36, 0.29, 0.18), (0.24, 0.32, 0.15)))
    camouflage = torch.where(field > 0.45, black, torch.where(field < -0.4, earth, leaf))
    canvas.blend(camouflage, worn * (kind == 4) * 0.9)
    canvas.gloss = canvas.gloss * 0.6
