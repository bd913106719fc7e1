"""Make-up: lipstick, blush, eye shadow, liner, and complete styles."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, blur, grey
from clipface.synthetic.face.curves import bump, step

LIP_COLOURS = {"red": ((0.66, 0.05, 0.08), (0.57, 0.03, 0.07), (0.70, 0.08, 0.07)),
               "pink": ((0.87, 0.38, 0.50), (0.93, 0.45, 0.55), (0.80, 0.28, 0.45)),
               "dark": ((0.32, 0.04, 0.10), (0.36, 0.06, 0.22), (0.25, 0.05, 0.08))}  # fmt: skip
_PARTY = ((0.10, 0.35, 0.85), (0.75, 0.10, 0.70), (0.05, 0.65, 0.60), (0.95, 0.45, 0.10), (0.90, 0.20, 0.50), (0.45,
    0.20,  0.80),
          (0.95, 0.80, 0.20))  # fmt: skip


def paint_lipstick(
    canvas: Canvas, context: PaintContext, colour: Tensor, strength: float = 0.9, gloss: float = 0.75
) -> None:
    """Cover the lips with a colour [B, 3, 1, 1]; creases and shade of the lips beneath stay."""
    at, batch = context.at, len(colour)
    lips, tone = step(-0.7, 0.3, at.lip_edge) * at.skin, grey(canvas.colour)
    own = (tone * lips).sum((2, 3), True) / lips.sum()
    shade = (0.25 + 0.75 * (tone / own.clamp_min(0.02)).clamp(0.3, 1.7)) * (0.66 + 0.45 * own)
    canvas.blend((colour * shade).clamp(0, 1), lips * strength)
    canvas.tint((0.55, 0.42, 0.42), bump(at.mouth_line, 0.8) * 0.5 * at.front)
    canvas.gloss = torch.lerp(canvas.gloss, (gloss + 0.2 * context.noise("lips", batch)).clamp(0, 1.2), lips)


def eye_shadow(context: PaintContext, reach: float, wing: float = 0.0) -> Tensor:
    """Mask [1, 1, R, R] of the upper lid, `reach` millimetres high, extended outwards by `wing` millimetres."""
    at = context.at
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    lid = step(reach * 1.25, reach * 0.25, at.upper_lid) * step(-1.5, 0.5, at.above_eye)
    if wing:
        out = at.eye_outline[3]
        line = y - out[1] - 2 - 0.35 * (x - out[0])
        lid = torch.maximum(lid, bump(line, reach * 0.3) * step(-6, 1, x - out[0]) * step(wing, wing * 0.3, x - out[0]))
    return lid * at.front


def eye_liner(context: PaintContext, width: float, wing: float = 6.0) -> Tensor:
    """Mask [1, 1, R, R] of a line along the upper lashes, with an upturned end `wing` millimetres long."""
    at = context.at
    x, y = at.position[..., 0].abs()[None, None], at.position[..., 1][None, None]
    out = at.eye_outline[3]
    line = bump(at.upper_lid - 0.4, width) * step(0.0, 0.35, at.upper_lid_along)
    tail = x - out[0]
    flick = bump(y - out[1] - 0.5 - 0.55 * tail, width * 0.9) * step(-2, 0, tail) * step(wing, wing * 0.6, tail)
    return torch.maximum(line, flick).clamp(0, 1) * at.skin


def blush(canvas: Canvas, context: PaintContext, colour: Sequence[float] | Tensor, strength: Tensor | float) -> None:
    """Redden the cheekbones."""
    at = context.at
    cheek = at.blob(at.cheek[0] + 12, at.cheek[1] + 1, 15, 9, mirrored=True)
    canvas.tint(colour, cheek * strength * 0.8)


def foundation(
    canvas: Canvas,
    context: PaintContext,
    colour: Tensor,
    strength: float | Tensor,
    edge: float = 0.1,
    keep: float = 0.65,
) -> None:
    """Cover face and neck evenly with a colour [B, 3, 1, 1]; form and details of the skin beneath stay.

    Args:
        canvas: painted on in place.
        context: maps, noise and randomness.
        colour: [B, 3, 1, 1].
        strength: opacity.
        edge: how patchy the cover is.
        keep: exponent of the skin's details, 0 for none.
    """
    at, batch = context.at, len(colour)
    tone = grey(canvas.colour).clamp_min(0.02)
    broad = blur(blur(tone, max(1, tone.shape[-1] // 48)), max(1, tone.shape[-1] // 48))
    mean = (tone * at.face * at.front).sum((2, 3), True) / (at.face * at.front).sum()
    shade = (tone / broad).clamp(0.4, 1.5) ** keep * (broad / mean).clamp(0.35, 1.5) ** 0.35
    if context.lit:  # paint on a photograph gets a form, which its own light hardly shows
        shade = shade * (0.58 + 0.46 * at.surface.ambient)
    patchy = 1 + edge * context.fractal("wide spot grain", batch, 0.8)
    canvas.blend((colour * shade).clamp(0, 1), (strength * patchy).clamp(0, 1) * at.skin)


def natural_makeup(canvas: Canvas, context: PaintContext) -> None:
    """Evened skin, blush, soft brown shadow, a touch of lip colour."""
    batch = len(canvas.colour)
    at = context.at
    blush(canvas, context, (0.98, 0.66, 0.64), context.random(batch, 0.4, 0.9))
    canvas.tint((0.62, 0.44, 0.38), eye_shadow(context, 10) * context.random(batch, 0.6, 1.0))
    canvas.blend((0.12, 0.07, 0.06), eye_liner(context, 0.9, 3.5) * 0.9)
    rose = context.colours([(0.82, 0.42, 0.42), (0.76, 0.36, 0.38)], batch)
    rose = rose * (0.45 + 0.6 * canvas.colour.mean((1, 2, 3), keepdim=True).sqrt())
    paint_lipstick(canvas, context, rose, 0.7, 0.55)
    canvas.gloss = canvas.gloss + 0.25 * at.blob(at.cheek[0] + 12, at.cheek[1] + 8, 9, 5, True)


def party_makeup(canvas: Canvas, context: PaintContext) -> None:
    """Two bright shadow colours, glitter, winged liner, strong blush, vivid lips, gems under the eyes."""
    at, batch = context.at, len(canvas.colour)
    first, second = context.colours(_PARTY, batch), context.colours(_PARTY[::-1][2:], batch)
    canvas.blend(second, eye_shadow(context, 19, 15) * 0.75)
    canvas.blend(first, eye_shadow(context, 10, 9) * 0.95)
    below = bump(at.lower_lid - 1.6, 1.8) * step(-1, 1, at.below_eye) * at.front
    canvas.blend(second, below * context.random(batch, 0.4, 0.9))
    blush(canvas, context, (0.98, 0.48, 0.55), context.random(batch, 0.7, 1.1))
    where = eye_shadow(context, 22, 18) + at.blob(at.cheek[0] + 14, at.cheek[1] + 7, 12, 8, True)
    specks = step(1.5, 2.2, context.noise("pore", batch)) * where.clamp(0, 1) * context.random(batch, 0.3, 1.0)
    canvas.blend((first * 0.3 + 0.7).clamp(0, 1), specks)
    canvas.gloss = canvas.gloss + specks + 0.45 * at.blob(at.cheek[0] + 13, at.cheek[1] + 8, 10, 5, True)
    along = at.lower_lid_along * 9
    gems = bump(at.below_eye - 6, 1.2) * bump((along - along.round()) * 4, 1.2) * step(14, 9, at.lower_lid) * at.front
    canvas.blend((second * 0.4 + 0.6).clamp(0, 1), gems * context.chance(batch, 0.45))
    canvas.blend((0.03, 0.02, 0.03), eye_liner(context, 1.3, 9))
    lips = context.colours([(0.75, 0.05, 0.32), (0.70, 0.04, 0.10), (0.85, 0.22, 0.48), (0.52, 0.10, 0.52)], batch)
    paint_lipstick(canvas, context, lips, 0.95, 1.0)


def gothic_makeup(canvas: Canvas, context: PaintContext) -> None:
    """Pale face, black smoky eyes running down a little, black or wine lips."""
    at, batch = context.at, len(canvas.colour)
    pale = context.colours([(0.86, 0.81, 0.81), (0.81, 0.78, 0.80)], batch, 0.02)
    foundation(canvas, context, pale, context.random(batch, 0.5, 0.8), 0.03)
    black = context.colours([(0.04, 0.03, 0.04), (0.10, 0.02, 0.06), (0.08, 0.04, 0.12)], batch, 0.01)
    haze = context.noise("spot", batch) * 0.08
    canvas.blend(black, (eye_shadow(context, 17, 12) * 0.85 + haze * eye_shadow(context, 22)))
    canvas.blend(black, eye_shadow(context, 9) * 0.95)
    under = bump(at.lower_lid - 1, 2.6) * step(-1.5, 0.5, at.below_eye) * at.front
    canvas.blend(black, under * context.random(batch, 0.7, 1.0))
    canvas.blend((0.01, 0.01, 0.01), eye_liner(context, 1.6, 12))
    x = at.position[..., 0].abs()[None, None] - at.eye_middle[0]
    tears = bump(x + 0.5 * context.noise("spot", batch), 1.0)
    tears = tears * step(1, 4, at.below_eye) * step(26, 12, at.below_eye) * at.front
    canvas.blend(black, tears * 0.85 * context.chance(batch, 0.35))
    hollow = at.blob(at.cheek[0] + 14, at.cheek[1] - 16, 11, 9, True)
    canvas.tint((0.76, 0.70, 0.75), hollow * context.random(batch, 0.2, 0.8))
    lips = context.colours(
        [(0.03, 0.02, 0.03), (0.05, 0.02, 0.04), (0.22, 0.02, 0.07), (0.15, 0.03, 0.16)], batch, 0.01
    )
    paint_lipstick(canvas, context, lips, 0.97, 0.5)


def _lipstick(canvas: Canvas, context: PaintContext, colours: Sequence[Sequence[float]]) -> None:
    paint_lipstick(canvas, context, context.colours(colours, len(canvas.colour)))


LIPSTICKS = {name: partial(_lipstick, colours=colours) for name, colours in LIP_COLOURS.items()}
MAKEUP = {"natural": natural_makeup, "party": party_makeup, "gothic": gothic_makeup}
