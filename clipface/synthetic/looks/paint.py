"""Looks of face paint: clown, joker, skull, tiger, war paint."""

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.curves import bump, step
from clipface.synthetic.face.makeup import eye_liner, foundation, paint_lipstick

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


def painted_face(context: PaintContext) -> Tensor:
    """Mask [1, 1, R, R] of face paint: the face up to where hair would begin, down to the jaw, before the ears."""
    at = context.at
    x, y = frontal(context)
    jaw = step(at.chin[1] - 9, at.chin[1] - 4, y + 0.012 * (x - 20).clamp_min(0) ** 2 * -1)
    return at.front * step(-2, -7, at.above_hairline) * jaw * (1 - at.neck) * (1 - at.ears)


def clown(canvas: Canvas, context: PaintContext) -> None:
    """White face, painted eyes with a tall spindle, high arched brows, round cheeks."""
    at, batch = context.at, len(canvas.colour)
    white = context.colours([(0.93, 0.92, 0.90), (0.93, 0.92, 0.92), (0.97, 0.90, 0.84)], batch, 0.015)
    foundation(canvas, context, white, 0.95 * painted_face(context), 0.02, 0.5)
    x, y = frontal(context)
    first, second = context.colours(_BRIGHT, batch), context.colours(_BRIGHT[::-1], batch)
    off, tall = x - at.eye_middle[0], y - at.eye_middle[1] - 1
    spindle = step(1.03, 0.97, off.abs() / 7.0 + tall.abs() / context.random(batch, 26, 32))
    lid = step(1.04, 0.96, ((off / 17) ** 2 + ((tall - 4) / context.random(batch, 12, 16)) ** 2).sqrt()) * (tall > -2)
    canvas.blend(second, lid * at.front * 0.9)
    canvas.blend(first, spindle * at.front * 0.95)
    canvas.blend((0.05, 0.04, 0.05), eye_liner(context, 1.1, 3))
    arch = bump(((off / 16) ** 2 + ((y - at.brow_top + 7) / 19) ** 2).sqrt() - 1, 0.06) * step(
        at.brow_top - 2, at.brow_top + 4, y
    )
    canvas.blend((0.06, 0.05, 0.07), arch * at.front * 0.95)
    reach = context.random(batch, 10, 13)
    cheek = step(1.05, 0.93, ((x - at.cheek[0] - 9) ** 2 + (y - at.cheek[1] + 6) ** 2).sqrt() / reach)
    rosy = context.colours([(0.92, 0.30, 0.30), (0.95, 0.42, 0.50)], batch)
    canvas.blend(rosy, cheek * at.front * 0.8)


def clown_over(canvas: Canvas, context: PaintContext) -> None:
    """Mouth and nose, over everything."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    smile = (x / at.corner[0]).clamp(0, 1.8) ** 2 * 5  # the painted mouth turns up at the ends
    reach = context.random(batch, 6, 10)
    away = ((x / (at.corner[0] + reach + 4)) ** 2 + ((y - at.mouth_middle[1] - smile + 3) / (reach + 7)) ** 2).sqrt()
    mouth = step(1.05, 0.97, away) * at.front * step(2.5, 5, at.nose_base[1] - y)
    canvas.blend((0.05, 0.03, 0.03), bump(away - 1.02, 0.035) * at.front * step(2.5, 5, at.nose_base[1] - y))
    red = context.colours([(0.78, 0.04, 0.05), (0.88, 0.10, 0.08), (0.70, 0.03, 0.08)], batch)
    light = 0.85 + 0.25 * at.surface.ambient
    canvas.blend(red * light, mouth * 0.96 * (1 - 0.35 * step(-1, 0.5, at.lip_edge)))
    lips = step(-0.6, 0.4, at.lip_edge) * at.skin
    canvas.blend((0.45, 0.02, 0.04), lips * 0.5)
    canvas.gloss = torch.lerp(canvas.gloss, torch.full_like(canvas.gloss, 0.3), mouth)
    canvas.tint((0.25, 0.12, 0.12), bump(at.mouth_line, 1.0) * at.front * 0.9)
    red_nose(canvas, context, context.random(batch, 11, 14))


def joker(canvas: Canvas, context: PaintContext) -> None:
    """Greasy white paint that breaks in the forehead's lines, and smudged black eyes."""
    at, batch = context.at, len(canvas.colour)
    patchy = (0.93 + 0.16 * context.fractal("wide blotch spot grain", batch, 0.8)).clamp(0, 1)
    white = context.colours([(0.90, 0.89, 0.86)], batch, 0.02)
    foundation(canvas, context, white, patchy * painted_face(context), 0.04, 0.9)
    x, y = frontal(context)
    wander = context.noise("wide", batch)
    height = y - at.brow_top - 9 + 0.003 * x**2 + 1.2 * wander
    lines = bump((height / 7 - (height / 7).round()) * 7, 0.6) * step(0, 3, height) * step(26, 20, height)
    canvas.tint((0.60, 0.46, 0.42), lines * step(40, 20, x) * at.front * (0.6 + 0.3 * wander).clamp(0, 1))
    rough = context.fractal("blotch spot grain", batch, 0.8)
    away = torch.minimum(at.upper_lid, at.lower_lid) + 2.0 * rough
    smudge = step(12, 4, away) * at.front * context.random(batch, 0.85, 1.0)
    below = (
        bump(x - at.eye_middle[0] + 0.8 * rough, 2.6) * step(26, 6, at.below_eye + 3 * rough) * step(2, 5, at.below_eye)
    )
    canvas.blend((0.05, 0.06, 0.07), torch.maximum(smudge, 0.6 * below * at.front))


def joker_over(canvas: Canvas, context: PaintContext) -> None:
    """A red smile smeared far up the cheeks."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    rough = context.fractal("blotch spot grain", batch, 0.8)
    out = x - at.corner[0] + 3
    reach = context.random(batch, 26, 34)
    off = y - at.corner[1] - 0.42 * out.clamp_min(0) - 0.012 * out.clamp_min(0) ** 2 + 1.0 * rough
    width = 4.6 * (1.05 - out / reach).clamp(0.1, 1)
    cut = step(1.25, 0.8, off.abs() / width) * step(-3, 1, out) * step(reach, reach * 0.8, out) * at.front
    lips = step(-3.0, -0.5, at.lip_edge + 0.7 * rough) * at.skin
    red = (
        as_colour((0.62, 0.03, 0.05), cut)
        * (0.9 + 0.12 * context.noise("spot", batch))
        * (0.7 + 0.4 * at.surface.ambient)
    )
    canvas.blend(red.clamp(0, 1), torch.maximum(lips, cut * 0.95) * 0.93)
    canvas.tint((0.4, 0.25, 0.25), bump(off, 0.7) * cut * 0.6)
    canvas.tint((0.3, 0.2, 0.2), bump(at.mouth_line, 1.0) * at.front * 0.8)


def skull(canvas: Canvas, context: PaintContext) -> None:
    """Bone-white head, black eye holes, nose and cheek hollows, long teeth; some with coloured petals."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    bone = step(at.chin[1] - 24, at.chin[1] - 6, y + 0.35 * (x - 20).clamp_min(0)) * (1 - 0.9 * at.neck) * at.skin
    white = context.colours([(0.88, 0.85, 0.78), (0.90, 0.89, 0.88)], batch, 0.02)
    foundation(canvas, context, white, bone * 0.96, 0.02, 0.5)
    canvas.tint((0.82, 0.74, 0.62), context.patches("wide blotch spot", batch, 0.3, 2.0) * bone * 0.6)
    off, tall = x - at.eye_middle[0] - 1, y - at.eye_middle[1] - 3
    away = ((off / 18.5) ** 2 + ((tall - 0.12 * off) / 17) ** 2).sqrt()
    sugar = context.chance(batch, 0.4)
    petal = step(1.05, 0.95, away - 0.12 * torch.cos(torch.atan2(tall, off) * 12).abs() - 0.14)
    canvas.blend(context.colours(_BRIGHT, batch), petal * at.front * sugar * (1 - at.eyeball))
    black = as_colour((0.025, 0.02, 0.02), canvas.colour)
    canvas.tint((0.5, 0.44, 0.4), step(1.5, 0.95, away) * at.front * 0.7)
    hole = step(1.04, 0.94, away + 0.03 * context.noise("spot", batch)) * at.skin
    nose = step(1.05, 0.95, (x - 4).abs() / 5.5 + (y - at.nose_base[1] - 6).abs() / 15) * step(0.6, 1.6, x)
    canvas.blend(black, torch.maximum(hole, nose * at.front) * 0.97)
    cheek = at.blob(at.cheek[0] + 15, at.cheek[1] - 21, 10, 15, True)
    canvas.blend(black * 1.5, 0.9 * step(0.15, 0.95, cheek + 0.05 * context.noise("spot", batch)) * at.front * 0.92)
    line = y - at.mouth_middle[1] - 0.004 * x**2
    reach = step(at.corner[0] + 13, at.corner[0] + 10, x)
    along = x / (6.8 - 0.03 * x)
    gap = (along - along.floor() - 0.5).abs() * 2  # 0 in the middle of a tooth, 1 between two
    row = step(13, 11, line.abs() + 0.11 * x) * reach
    canvas.blend(as_colour((0.90, 0.86, 0.76), black) * (0.8 + 0.2 * (1 - gap)), row * at.front * 0.95)
    root = step(0.72, 0.9, gap + 0.30 * step(8, 13, line.abs() + 0.11 * x))
    seam = bump(line, 0.8) * reach
    rim = bump(line.abs() + 0.11 * x - 12.3 + 1.2 * (1 - gap), 0.6) * reach
    canvas.blend(black, torch.maximum(torch.maximum(seam, root * row), 0.6 * rim) * at.front * 0.9)


def tiger(canvas: Canvas, context: PaintContext) -> None:
    """Orange coat with white muzzle, brows and chin."""
    at, batch = context.at, len(canvas.colour)
    coat = context.colours([(0.82, 0.42, 0.11), (0.85, 0.42, 0.08), (0.92, 0.58, 0.20)], batch)
    foundation(canvas, context, coat, 0.95, 0.1)
    strand = 0.8 * context.noise("fur", batch) + 0.4 * context.noise("tuft", batch)
    canvas.colour = (canvas.colour * (1 + 0.14 * strand * at.skin)).clamp(0, 1)
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
    """Black stripes alike on both sides, rims of the eyes, cat's nose and mouth."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    warp = 4 * context.noise("even", batch) + 1.0 * context.noise("fur", batch)
    sides = step(0.25, 0.6, torch.sin((y + 0.3 * x + warp) * 0.5)) * step(30, 44, x + 0.8 * warp)
    sides = sides * step(0, 10, at.brow_top - y + 4)
    top = step(0.25, 0.6, torch.sin((y * 0.9 - x * 0.45 + 0.5 * warp) * 0.6))
    top = top * step(at.brow_top, at.brow_top + 5, y) * (step(44, 26, x) + step(at.brow_top + 40, at.brow_top + 55, y))
    canvas.blend((0.06, 0.04, 0.03), torch.maximum(sides, top.clamp(0, 1)) * at.skin * 0.93)
    rim = torch.maximum(bump(torch.minimum(at.upper_lid, at.lower_lid), 1.6), eye_liner(context, 1.4, 7))
    canvas.blend((0.05, 0.03, 0.03), rim * at.skin)
    inner = bump(x - 0.75 * at.eye_outline[0, 0] + 0.18 * (y - at.eye_middle[1]), 1.6)
    inner = (
        inner
        * step(at.nose_base[1] + 12, at.nose_base[1] + 22, y)
        * step(at.eye_middle[1] + 2, at.eye_middle[1] - 4, y)
    )
    canvas.blend((0.06, 0.04, 0.03), inner * at.front * 0.8)
    nose = step(
        1.1, 0.9, x / 9.5 + (at.nose_tip[1] + 2 - y) / 13 * (y < at.nose_tip[1] + 2) + 1.5 * (y > at.nose_tip[1] + 3)
    )
    pink = context.colours([(0.72, 0.38, 0.35), (0.20, 0.12, 0.12)], batch)
    canvas.blend(pink, nose * at.front)
    split = bump(x, 0.8) * step(at.mouth_middle[1], at.mouth_middle[1] + 2, y)
    canvas.blend((0.06, 0.04, 0.04), split * step(at.nose_base[1] + 3, at.nose_base[1], y) * at.front)
    paint_lipstick(canvas, context, context.colours([(0.30, 0.17, 0.15)], batch, 0.01), 0.8, 0.3)
    rims = bump(at.mouth_line, 1.3) + 0.8 * bump(at.lip_edge - 0.3, 0.8)
    canvas.blend((0.05, 0.03, 0.03), rims.clamp(0, 1) * at.front * at.skin)
    grid = (torch.sin(x * 0.95) * torch.sin(y * 1.1) - 0.55).clamp_min(0) * 3
    canvas.blend((0.06, 0.04, 0.04), grid * at.blob(at.corner[0] * 0.7, at.nose_base[1] - 10, 10, 6, True))


def warpaint(canvas: Canvas, context: PaintContext) -> None:
    """A band over the eyes with stripes on the cheeks, stripes alone, a painted half or camouflage."""
    at, batch = context.at, len(canvas.colour)
    x, y = frontal(context)
    rough = context.fractal("spot grain pore", batch, 0.85)
    colours = ((0.58, 0.06, 0.05), (0.05, 0.14, 0.42), (0.04, 0.04, 0.05), (0.88, 0.87, 0.82))
    first, second = context.colours(colours, batch), context.colours(colours[::-1], batch)
    signed = x * at.sides * torch.where(context.random(batch) < 0.5, -1.0, 1.0)
    band = step(-0.6, 0.6, 10.5 - (y - at.eye_middle[1] - 1 + 0.05 * x).abs() + 0.7 * rough)
    rims = bump((y - at.eye_middle[1] - 1 + 0.05 * x).abs() - 13.2, 1.0)
    half = step(-1, 1, signed + rough)
    low = y - at.cheek[1] + 9 - 0.30 * (x - at.cheek[0])
    stripes = step(0.25, 0.45, torch.cos(low * 0.72) + 0.12 * rough) * step(13.5, 12.5, low.abs())
    stripes = stripes * step(at.cheek[0] - 7, at.cheek[0] - 5, x) * step(at.cheek[0] + 25, at.cheek[0] + 22, x)
    chin = step(2.8, 2.2, x + 0.3 * rough) * step(-1.5, -3.0, at.lip_edge) * (y < at.corner[1])
    chin = chin * step(at.chin[1] - 10, at.chin[1] - 8, y)
    kind = (context.random(batch) * 4).floor()
    paint = torch.where(kind == 2, band, torch.where(kind == 1, half, stripes * (kind == 0)))
    worn = (0.95 - 0.25 * step(0.9, 2.0, rough)) * at.front * (1 - at.eyeball)
    shade = 0.75 + 0.3 * at.surface.ambient
    canvas.blend(first * shade, paint * worn)
    canvas.blend(second * shade, (stripes + rims * step(46, 40, x) + chin).clamp(0, 1) * worn * (kind == 2) * 0.95)
    field = context.noise("broad", batch) + 0.4 * context.noise("wide", batch)
    black, earth, leaf = (as_colour(c, field) for c in ((0.10, 0.12, 0.08), (0.36, 0.29, 0.18), (0.24, 0.32, 0.15)))
    camouflage = torch.where(field > 0.45, black, torch.where(field < -0.4, earth, leaf))
    canvas.blend(camouflage, worn * (kind == 3) * 0.9)
    canvas.gloss = canvas.gloss * 0.6
