"""Attributes → UV texture: the order in which the layers go on."""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from clipface.head import HeadModel
from clipface.shapes import expect
from clipface.synthetic.attributes import Attributes
from clipface.synthetic.canvas import WAVELENGTHS, Canvas, PaintContext
from clipface.synthetic.face import age, eyes, hair
from clipface.synthetic.face.features import Features
from clipface.synthetic.face.iris import IRIS_RIM, EyeMaps
from clipface.synthetic.face.light import shade
from clipface.synthetic.face.makeup import LIPSTICKS, MAKEUP
from clipface.synthetic.face.mouth import MouthMaps, paint_mouth
from clipface.synthetic.face.skin import base_skin
from clipface.synthetic.looks.registry import LOOKS, Look
from clipface.synthetic.noise import NoiseBank, stretched_coordinates
from clipface.synthetic.surface import Surface

_PLAIN = Look()
_WHITE = (0.87, 0.85, 0.82)
VARIETY = 16


class Painter:
    """Paints textures for one head. Everything that depends on the head alone is baked here, once.

    Args:
        head: any head with texture coordinates, landmarks and regions; the maps live on its device.
        texture_size: R.
        backend: rasteriser used for baking.
        variety: noise fields of each kind that are mixed for a face; few take less time and memory.
    """

    def __init__(self, head: HeadModel, texture_size: int = 256, backend: str = "warp", variety: int = VARIETY) -> None:
        self.texture_size = texture_size
        with torch.no_grad():
            self.features = Features(Surface(head, texture_size, backend))
            at = self.features
            self.eyes = EyeMaps(at.iris_angle, at.iris_turn, at.eyeball)
            self.mouth = MouthMaps(at)
            position = at.position / 1000
            self.bank = NoiseBank(position, WAVELENGTHS, variety, seed=11)
            for seed, (name, coordinates) in enumerate(stretched_coordinates(self.features, IRIS_RIM).items()):
                self.bank.add(name, coordinates, variety, seed)

    @torch.no_grad()
    def paint(
        self,
        faces: Sequence[Attributes],
        generator: torch.Generator,
        base: Tensor | None = None,
        alike: bool = False,
        keep: Collection[str] = (),
    ) -> Tensor:
        """Paint a batch.

        Args:
            faces: what to paint.
            generator: source of randomness, on the head's device.
            base: [B, 3, R, R] textures in 0..1 to paint over (photographs, light included); painted textures if None.
                They keep their brows, in the hair's colour, and their lashes, unless a look has its own.
            alike: every face gets one design, the same pattern and colours.
            keep: what the bases keep of their own, "eyes" or "hair_colour", unless a look has its own.
        Returns:
            [B, 3, R, R] in 0..1, row 0 the top of the texture's image.
        """
        with torch.autocast(self.features.position.device.type, enabled=False):  # half precision would show as bands
            context = PaintContext(self.features, self.bank, self.eyes, generator, alike, base is not None)
            return self._paint(faces, context, base, keep)

    def _paint(
        self, faces: Sequence[Attributes], context: PaintContext, base: Tensor | None, keep: Collection[str]
    ) -> Tensor:
        if base is None:
            canvas = base_skin(faces, context)
            paint_mouth(canvas, self.mouth, context)
        else:
            size = self.texture_size
            expect("base", base, (len(faces), 3, size, size))
            canvas = Canvas(base.clone(), torch.zeros_like(base[:, :1]), torch.zeros_like(base[:, :1]))
        styles = [LOOKS.get(face.look, _PLAIN) for face in faces]
        _skin_layers(canvas, faces, context, fresh=base is None)
        _each_look(canvas, faces, context, lambda look: look.skin)
        _eyes(canvas, faces, styles, context, base is not None, keep)
        _hair(canvas, faces, styles, context, base is not None, keep)
        _some(canvas, faces, context, lambda face: MAKEUP.get(face.makeup))
        for name in LIPSTICKS:
            _some(canvas, faces, context, lambda face, name=name: LIPSTICKS[name] if face.lipstick == name else None)
        _each_look(canvas, faces, context, lambda look: look.over)
        contrast, relief, shine = (
            _column([getattr(s, n) for s in styles], context) for n in ("contrast", "relief", "shine")
        )
        image = shade(canvas, context, contrast, relief, shine, lit=base is not None)
        for name in sorted({face.look for face in faces}):
            if LOOKS.get(name, _PLAIN).lit is not None:
                rows = torch.tensor([i for i, face in enumerate(faces) if face.look == name], device=image.device)
                image[rows] = LOOKS[name].lit(image[rows], context)
        return image


def _column(values: Sequence[float], context: PaintContext) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=context.device).view(-1, 1, 1, 1)


def _some(canvas: Canvas, faces: Sequence[Attributes], context: PaintContext, layer_of: Callable) -> None:
    """Apply to each face the layer that `layer_of(face)` names, faces with the same layer together."""
    groups: dict[Callable, list[int]] = {}
    for index, face in enumerate(faces):
        if (layer := layer_of(face)) is not None:
            groups.setdefault(layer, []).append(index)
    for layer, indices in groups.items():
        rows = torch.tensor(indices, device=context.device)
        part = canvas.rows(rows)
        layer(part, context)
        canvas.put(rows, part)


def _each_look(canvas: Canvas, faces: Sequence[Attributes], context: PaintContext, phase: Callable) -> None:
    _some(canvas, faces, context, lambda face: phase(LOOKS.get(face.look, _PLAIN)))


def _skin_layers(canvas: Canvas, faces: Sequence[Attributes], context: PaintContext, fresh: bool) -> None:
    """Age, expression creases, freckles, tiredness, scars."""
    aged = [i for i, face in enumerate(faces) if fresh or face.age == "old" or face.wrinkles]
    if aged:
        rows = torch.tensor(aged, device=context.device)
        part = canvas.rows(rows)
        age.paint_age(part, [faces[i] for i in aged], context)
        canvas.put(rows, part)
    _some(canvas, faces, context, lambda face: age.paint_freckles if face.freckles else None)
    _some(canvas, faces, context, lambda face: age.paint_tired if face.tired else None)
    _some(canvas, faces, context, lambda face: age.paint_scar if face.scar else None)


def _chosen(given: Sequence[tuple | None], usual: Tensor, context: PaintContext) -> Tensor:
    """One of a look's colours for each face that has them, else the usual colour [B, 3, 1, 1]."""
    result, groups = usual.clone(), {}
    for index, colours in enumerate(given):
        if colours is not None:
            groups.setdefault(colours, []).append(index)
    for colours, indices in groups.items():
        result[torch.tensor(indices, device=context.device)] = context.colours(colours, len(indices), 0.02)
    return result


def _painted(styles: Sequence[Look], context: PaintContext, photographs: bool, *names: str) -> Tensor:
    """[B, 1, 1, 1], 1 where a feature is painted: a photograph has its own, which a look may replace."""
    own = [any(getattr(style, name) is not None for name in names) for style in styles]
    return _column([float(look or not photographs) for look in own], context)


def _varied(
    name: str,
    usual: Callable[[Attributes], float],
    faces: Sequence[Attributes],
    styles: Sequence[Look],
    context: PaintContext,
) -> Tensor:
    """[B, 1, 1, 1] a look's value of a feature, or else the face's usual one, varied by a quarter at most."""
    given = [getattr(style, name) for style in styles]
    wanted = [usual(face) if own is None else own for face, own in zip(faces, given, strict=True)]
    return _column(wanted, context) * context.random(len(faces), 0.8, 1.2)


def _eyes(
    canvas: Canvas,
    faces: Sequence[Attributes],
    styles: Sequence[Look],
    context: PaintContext,
    photographs: bool,
    keep: Collection[str],
) -> None:
    iris = _chosen([s.iris for s in styles], context.table(eyes.IRIS, [face.eyes for face in faces]), context)
    natural = context.colours([_WHITE], len(faces), 0.02) * hair.face_tone(canvas.colour, context).mul(0.4).add(0.5)
    white = _chosen([s.white for s in styles], natural.clamp_max(0.8), context)
    red = _varied("red", lambda face: 0.5 if face.tired else 0.3 if face.age == "old" else 0.14, faces, styles, context)
    pupil = _varied("pupil", lambda face: 0.36, faces, styles, context)
    slit = _column([float(s.slit) for s in styles], context)
    whole = _painted(styles, context, photographs, "iris", "white", "pupil")  # else the iris alone
    disc = whole if "eyes" in keep else torch.ones_like(whole)
    eyes.paint_eyes(canvas, context, iris, white, pupil, red, slit, disc, whole)


def _hair(
    canvas: Canvas,
    faces: Sequence[Attributes],
    styles: Sequence[Look],
    context: PaintContext,
    photographs: bool,
    keep: Collection[str],
) -> None:
    named = hair.hair_colours(faces, context)
    own = hair.own_colour(canvas.colour, context) if photographs and "hair_colour" in keep else named
    colour = _chosen([s.hair for s in styles], own, context)
    darker = torch.lerp(colour, colour * 0.72, context.random(len(faces)))
    brow = _chosen([s.brows for s in styles], darker, context)
    thick = _varied("thickness", _brow_thickness, faces, styles, context)
    hair.paint_scalp(canvas, faces, context, colour)
    brows = _painted(styles, context, photographs, "brows", "thickness")
    if photographs:
        dyed = _column([_dyed(face, keep) for face in faces], context)
        dyed = dyed * (1 - _painted(styles, context, photographs, "brows", "thickness", "hair"))
        greyed = torch.tensor([face.age == "old" for face in faces], device=context.device).view(-1, 1, 1, 1)
        hair.colour_brows(canvas, context, torch.where(greyed, hair.aged(own, context), named), dyed)
    strength = context.random(len(faces), 0.72, 1.0) * (thick > 0.3) * brows
    hair.paint_brows(canvas, context, brow, thick.clamp_min(0.4), strength)
    lashes = _varied("lashes", lambda face: 0.95 if face.sex == "woman" else 0.6, faces, styles, context)
    _lids(canvas, context, lashes, _painted(styles, context, photographs, "lashes"))
    hair.paint_beard(canvas, faces, context, colour)


def _brow_thickness(face: Attributes) -> float:
    """Half height of a painted brow, millimetres."""
    return (3.0 if face.sex == "woman" else 4.2) + 0.5 * (face.age == "old")


def _dyed(face: Attributes, keep: Collection[str]) -> float:
    """How far a photograph's brows take another colour: the named one, or grey with age."""
    return 0.95 if "hair_colour" not in keep else 0.75 * (face.age == "old")


def _lids(canvas: Canvas, context: PaintContext, lashes: Tensor, painted: Tensor) -> None:
    rows = painted.flatten().nonzero().flatten()
    if len(rows):
        part = canvas.rows(rows)
        eyes.paint_lids(part, context, lashes[rows])
        canvas.put(rows, part)
