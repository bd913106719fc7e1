"""Brows, scalp hair, beards and stubble: strand noise combed along the hair's direction."""

from collections.abc import Sequence

import torch
from torch import Tensor

from clipface.synthetic.attributes import Attributes
from clipface.synthetic.canvas import Canvas, PaintContext, as_colour, blur, grey
from clipface.synthetic.face.curves import step

COLOURS = {"black": (0.07, 0.06, 0.06), "brown": (0.23, 0.15, 0.10), "blond": (0.68, 0.54, 0.35), "red": (0.56, 0.25,
    0.10),
           "grey": (0.58, 0.53, 0.48), "white": (0.86, 0.85, 0.82)}  # fmt: skip


def hair_colours(faces: Sequence[Attributes], context: PaintContext) -> Tensor:
    """[B, 3, 1, 1] hair colour of each face."""
    return context.table(COLOURS, [face.hair_colour for face in faces], 0.025)


def face_tone(image: Tensor, context: PaintContext) -> Tensor:
    """Mean brightness [B, 1, 1, 1] of the front of the face in images [B, 3, R, R]."""
    area = context.at.face * context.at.front
    return (grey(image) * area).sum((2, 3), True) / area.sum()


def _brow_area(context: PaintContext, reach: float = 5.0) -> Tensor:
    """Soft mask [1, 1, R, R] of where a photograph's brows may lie, up to `reach` millimetres from their line."""
    at = context.at
    ends = step(-0.05, 0.02, at.brow_along) * step(1.08, 0.98, at.brow_along)
    return step(reach + 3, reach - 1, at.brow_distance) * ends * at.front * step(3.0, 5.5, at.upper_lid)


def _hairs(image: Tensor, context: PaintContext) -> Tensor:
    """How much of a photograph's brow texels [B, 3, R, R] is hair, 0..1: darker than the skin about the brow."""
    area, tone = _brow_area(context), grey(image)
    around = _brow_area(context, 11) - area * 0.999
    reach = max(1, tone.shape[-1] // 24)
    skin = blur(tone * around, reach) / blur(around, reach).clamp_min(1e-3)  # about each hair, so that shade is none
    return step(0.03, 0.28, 1 - tone / skin.clamp_min(0.02)) * area


def own_colour(image: Tensor, context: PaintContext) -> Tensor:
    """Colour [B, 3, 1, 1] of the brows that a photograph [B, 3, R, R] has, for a beard that goes with them."""
    hairs = _hairs(image, context) ** 2 + 1e-4 * _brow_area(context, 2)
    return ((image * hairs).sum((2, 3), True) / hairs.sum((2, 3), True)).clamp(0.04, 0.75) * 0.72


def aged(colour: Tensor, context: PaintContext) -> Tensor:
    """The grey [B, 3, 1, 1] that a hair colour turns into: lighter for light hair."""
    return as_colour(COLOURS["grey"], colour) * (0.8 + 0.5 * colour.mean(1, keepdim=True))


def colour_brows(canvas: Canvas, context: PaintContext, colour: Tensor, strength: Tensor) -> None:
    """Dye a photograph's own brows: its strands stay, in another colour [B, 3, 1, 1], and faint brows get some more."""
    hairs, tone = _hairs(canvas.colour, context), grey(canvas.colour)
    mean = (tone * hairs).sum((2, 3), True) / hairs.sum((2, 3), True).clamp_min(1)
    strand = (tone / mean.clamp_min(0.03)).clamp(0.45, 1.6) ** 0.8
    colour = colour * (0.6 + 0.55 * face_tone(canvas.colour, context)).clamp_max(1)  # in the face's light
    canvas.blend((colour * strand).clamp(0, 1), hairs * strength)
    thin = 0.15 * strength
    paint_brows(canvas, context, colour, torch.full_like(thin, 3.2), thin)


def strands(canvas: Canvas, colour: Tensor, density: Tensor, strand: Tensor, depth: float = 0.35) -> None:
    """Cover with hair: `density` 0..1 thins into single strands at the edge of the area.

    Args:
        canvas: painted on in place.
        colour: [B, 3, 1, 1].
        density: [B | 1, 1, R, R], how much of the skin the hair hides.
        strand: [B, 1, R, R] strand noise, about N(0, 1).
        depth: how much strands differ in brightness.
    """
    edge = step(0.0, 0.3, density) * step(1.05, 0.6, density)  # strands show apart only where hair is thin
    cover = step(0.05, 0.95, density + 0.34 * strand.clamp(-1.5, 1.5) * edge + 0.12 * (density > 0.6)) * step(
        0, 0.08, density
    )
    light = 1 + depth * strand.clamp(-1.8, 1.8)
    canvas.blend((colour * light).clamp(0, 1), cover)
    canvas.height = canvas.height + 0.3 * cover * (0.6 + 0.5 * strand)
    canvas.gloss = torch.lerp(canvas.gloss, 0.22 + 0.1 * strand, cover)


def paint_brows(canvas: Canvas, context: PaintContext, colour: Tensor, thickness: Tensor, strength: Tensor) -> None:
    """Brows whose hairs turn from upright at the inner end to level at the outer one.

    Args:
        canvas: painted on in place.
        context: maps, noise and randomness.
        colour: [B, 3, 1, 1].
        thickness: [B, 1, 1, 1] half height in millimetres, 2 (plucked) to 6 (bushy).
        strength: [B, 1, 1, 1] density, 0..1.
    """
    at = context.at
    along = at.brow_along
    profile = step(-0.02, 0.16, along).clamp_min(0.35) * (1 - 0.72 * step(0.45, 1.0, along))
    half = thickness * profile
    body = step(1.15, 0.25, at.brow_distance / half)
    ends = step(0.0, 0.09, along + 0.05 * (1 - at.brow_distance / half)) * step(1.0, 0.9, along)
    strand = 0.8 * context.noise("brow", len(colour)) + 0.5 * context.noise("fine", len(colour))
    canvas.blend(colour * 0.8, body * ends * strength * 0.45 * at.front)  # the shade of hairs too fine to see
    strands(canvas, colour, body * ends * strength * at.front * 0.9, strand, 0.25)


def paint_scalp(canvas: Canvas, faces: Sequence[Attributes], context: PaintContext, colour: Tensor) -> None:
    """Hair cap or buzz cut, with a ragged hairline that recedes at the temples of some."""
    at, batch = context.at, len(faces)
    kinds = torch.tensor([("bald", "buzz", "hair").index(face.hair) for face in faces], device=context.device)
    kinds = kinds.view(-1, 1, 1, 1)
    recede = torch.tensor([face.sex == "man" for face in faces], device=context.device).float().view(-1, 1, 1, 1)
    recede = recede * context.random(batch, -2, 14) + context.random(batch, -5, 5)
    strand = 0.85 * context.noise("scalp", batch) + 0.45 * context.noise("fine", batch)
    line = at.above_hairline - recede * at.temples - recede * 0.4 + 2.0 * context.noise("blotch", batch)
    full = step(-6, 9, line + 1.5 * strand) * at.skin * (1 - at.ears)
    dark = colour * (0.88 + 0.10 * context.noise("broad", batch).clamp(-2, 2))
    canvas.tint((0.62, 0.55, 0.52), step(-9, 3, line) * at.skin * (1 - at.ears) * (kinds == 2) * 0.5)
    strands(canvas, dark, full * (kinds == 2), strand, 0.26)
    short = step(-6, 10, line) * at.skin * (1 - at.ears) * (kinds == 1)
    grains = 0.62 + 0.26 * context.noise("fine", batch) + 0.10 * context.noise("pore", batch)
    canvas.blend(colour * 0.85, (short * grains * context.random(batch, 0.8, 1.15)).clamp(0, 0.92))


def paint_beard(canvas: Canvas, faces: Sequence[Attributes], context: PaintContext, colour: Tensor) -> None:
    """Stubble, moustache, goatee and full beard."""
    at, batch = context.at, len(faces)

    def which(test) -> Tensor:
        return torch.tensor([float(test(face)) for face in faces], device=context.device).view(-1, 1, 1, 1)

    wobble = (
        0.14 * context.noise("wide", batch) + 0.16 * context.noise("spot", batch) + 0.1 * context.noise("beard", batch)
    )
    cheeks = (at.beard + wobble * step(0, 0.25, at.beard) * step(1, 0.7, at.beard)).clamp(0, 1)
    goatee = (at.goatee + wobble * step(0, 0.25, at.goatee) * step(1, 0.7, at.goatee)).clamp(0, 1)
    upper = at.moustache
    thick = context.random(batch, 0.72, 1.1)
    density = which(lambda face: face.beard == "beard") * cheeks
    density = torch.maximum(density, which(lambda face: face.beard == "goatee") * goatee)
    density = torch.maximum(density, which(lambda face: face.moustache) * upper) * thick
    beard_colour = context.vary(colour * context.random(batch, 0.75, 1.0), 0.02)
    canvas.blend(beard_colour * 0.7, 0.45 * density)
    strands(
        canvas, beard_colour, density, 0.85 * context.noise("beard", batch) + 0.5 * context.noise("fine", batch), 0.26
    )
    shadow = which(lambda face: face.beard == "stubble") * context.random(batch, 0.45, 0.8)
    shadow = shadow + which(lambda face: face.sex == "man" and face.beard == "none") * context.random(batch, 0.0, 0.14)
    area = torch.maximum(at.beard, at.moustache)
    speckle = (0.42 + 0.30 * context.noise("fine", batch) + 0.12 * context.noise("blotch", batch)).clamp(0, 1)
    canvas.blend(colour * 0.6 + 0.02, area * shadow * speckle)
    canvas.tint((0.80, 0.83, 0.88), area * shadow * 0.4)
