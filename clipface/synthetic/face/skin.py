"""The base skin: bare, young, hairless, unlit. Everything else is painted over it, or over a photographic one."""

from collections.abc import Sequence

import torch
from torch import Tensor

from clipface.synthetic.attributes import Attributes
from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.curves import bump, step

TONES = {"pale": (0.96, 0.81, 0.74), "fair": (0.92, 0.72, 0.61), "olive": (0.83, 0.63, 0.49), "tan": (0.77, 0.55, 0.41),
         "brown": (0.64, 0.44, 0.315), "dark": (0.48, 0.32, 0.235)}  # fmt: skip
# absorption per unit of pigment (r, g, b): colour = tone * exp(-melanin * MELANIN - blood * BLOOD)
_MELANIN = (0.28, 0.46, 0.62)
_BLOOD = (0.04, 0.52, 0.42)


def base_skin(faces: Sequence[Attributes], context: PaintContext) -> Canvas:
    """Paint bare skin with lips and nostrils; eyes are `eyes.paint_eyes`', the mouth `mouth.paint_mouth`'.

    Args:
        faces: one entry an image; only `skin` and `sex` are read.
        context: maps, noise and randomness.
    """
    batch = len(faces)
    tone = context.table(TONES, [face.skin for face in faces], 0.022)
    blood, melanin = _blood(batch, context), _melanin(batch, context)
    colour = tone * torch.exp(-melanin * as_colour(_MELANIN, tone) - blood * as_colour(_BLOOD, tone))
    pores = context.noise("pore", batch) * 0.6 + context.noise("fine", batch) * 0.6
    at = context.at
    oily = 0.3 + 0.35 * at.blob(0, at.nose_tip[1] + 8, 12, 22) + 0.25 * at.blob(0, at.brow_top + 18, 30, 14)
    gloss = oily * context.random(batch, 0.6, 1.5) * (1 + 0.3 * pores) + 0.2 * at.blob(
        at.cheek[0] + 6, at.cheek[1] + 6, 11, 7, True
    )
    canvas = Canvas(colour, 0.05 * pores * at.skin, gloss.clamp(0, 1))
    _moles(canvas, context)
    _lips(canvas, tone, context)
    canvas.tint((0.16, 0.08, 0.07), at.nostril)
    return canvas


def _blood(batch: int, context: PaintContext) -> Tensor:
    """How red each texel is: cheeks, nose, ears, chin and lids flush; blotches everywhere."""
    at, r = context.at, context.random
    cheek = at.blob(at.cheek[0] + 4, at.cheek[1] - 2, 19, 15, mirrored=True)
    nose = at.blob(0, at.nose_tip[1] - 1, 13, 10) + 0.4 * at.blob(at.wing[0], at.wing[1], 6, 6, True)
    lids = bump(at.upper_lid, 5) + bump(at.lower_lid, 5)
    blood = (
        r(batch, 0.04, 0.24) * cheek
        + r(batch, 0.10, 0.34) * nose
        + 0.34 * at.ears
        + 0.16 * at.blob(0, at.chin[1] + 12, 12, 8)
    )
    blood = blood + 0.17 * lids * at.front - 0.12 * at.blob(0, at.brow_top + 22, 34, 16)
    blotches = context.fractal("broad wide blotch spot", batch, 0.75)
    fine = context.noise("pore", batch) * 0.6 + context.noise("fine", batch) * 0.6
    return blood * (1 + 0.3 * context.noise("blotch", batch)) + r(batch, 0.035, 0.085) * blotches + 0.035 * fine


def _melanin(batch: int, context: PaintContext) -> Tensor:
    """How dark each texel is: sockets, lips' surround and neck; uneven at several scales."""
    at = context.at
    socket = at.blob(at.eye_middle[0] - 2, at.eye_middle[1] + 1, 17, 10, mirrored=True)
    inner = at.blob(at.eye_outline[0, 0] - 2, at.eye_outline[0, 1], 5, 6, mirrored=True)
    crease = bump(at.wing_crease, 2.2) * at.front
    melanin = context.random(batch, 0.12, 0.3) * socket + 0.16 * inner + 0.28 * crease + 0.1 * at.neck
    melanin = melanin + context.random(batch, 0.05, 0.1) * context.fractal("wide blotch spot grain", batch, 0.8)
    return melanin + 0.05 * context.noise("pore", batch)


def _moles(canvas: Canvas, context: PaintContext) -> None:
    batch = len(canvas.colour)
    field = context.noise("grain", batch)
    rare = step(0.8, 1.6, context.noise("wide", batch))
    spots = step(2.5, 3.0, field) * rare * context.at.skin
    canvas.tint((0.5, 0.36, 0.3), spots * context.random(batch, 0.3, 1.0))
    canvas.height = canvas.height + 0.25 * spots


def _lips(canvas: Canvas, tone: Tensor, context: PaintContext) -> None:
    """Redder lips with a soft border, a dark mouth line, vertical creases and a wet lower lip."""
    at, batch = context.at, len(tone)
    lips = step(-0.9, 1.3, at.lip_edge + 0.25 * context.noise("grain", batch)) * at.skin
    red = context.random(batch, 0.55, 1.0)
    pale = tone.mean(dim=1, keepdim=True)
    colour = tone * torch.exp(-red * as_colour((0.16, 0.62, 0.48), tone) * (0.55 + 0.5 * pale))
    creases = context.noise("lips", batch)
    shade = 1 - 0.1 * at.upper_lip + 0.04 * creases + 0.05 * context.noise("spot", batch)
    canvas.blend(colour * shade, lips * 0.92)
    canvas.tint((0.84, 0.74, 0.74), bump(at.lip_edge - 0.4, 0.9) * 0.35 * at.front)
    canvas.tint((0.45, 0.25, 0.25), bump(at.mouth_line, 1.1) * 0.75 * at.skin)
    canvas.height = canvas.height + lips * (0.11 * creases + 0.35 * step(0, 5, at.lip_edge))
    canvas.gloss = torch.lerp(canvas.gloss, (0.45 + 0.15 * creases) * context.random(batch, 0.6, 1.4), lips)
