"""The inside of the mouth: single teeth in gums, a tongue, and a cavity that grows dark towards the throat."""

import torch
from torch import Tensor

from clipface.synthetic.canvas import Canvas, PaintContext, as_colour
from clipface.synthetic.face.curves import bump, step
from clipface.synthetic.face.features import Features

# Millimetres along the arch from the middle to the gaps between teeth, and height of the crowns between them: means of
# adults (Wheeler, "Dental Anatomy").
UPPER_GAPS, UPPER_CROWNS = (0.0, 8.5, 15.0, 22.5, 29.5, 36.5, 46.5, 56.5), (10.5, 9.0, 10.0, 8.5, 8.0, 7.5, 7.0)
LOWER_GAPS, LOWER_CROWNS = (0.0, 5.2, 11.0, 18.0, 25.0, 32.0, 43.0, 54.0), (9.0, 9.3, 10.5, 8.5, 8.0, 7.5, 7.0)
GAP = 0.45  # millimetres, half the width of the dark line between two teeth
ROUNDED = 0.3  # of a gap's darkness, on the sides of a tooth, which turn away
SCALLOP = 2.2  # millimetres by which the gums come down between two teeth
BINS = 180  # angles about the middle of the arch, at which its outline is looked up
GUM, TONGUE, TONGUE_LOW = (0.62, 0.27, 0.26), (0.66, 0.29, 0.28), (0.42, 0.13, 0.13)
CAVITY, THROAT = (0.3, 0.085, 0.08), (0.04, 0.01, 0.01)
IVORY = [(0.9, 0.84, 0.78), (0.88, 0.81, 0.73), (0.92, 0.87, 0.82)]


class Arch:
    """One row of teeth as maps over the UV square.

    Args:
        position: [R, R, 3] millimetres. row: [R, R] bool, its texels. upper: which row it is.

    Attributes:
        gaps: [1, 1, R, R] 0..1, the lines between teeth. crown: [1, 1, R, R] 0 at the biting edge, 1 at the gums and
            more above them.
    """

    def __init__(self, position: Tensor, row: Tensor, upper: bool) -> None:
        points = position[row]
        middle = points[:, 2].amin() + 0.2 * (points[:, 2].amax() - points[:, 2].amin())
        angle = torch.atan2(position[..., 0].abs(), position[..., 2] - middle)
        bins = (angle / torch.pi * BINS).long().clamp(0, BINS - 1)
        reach = (position[..., 0].square() + (position[..., 2] - middle).square()).sqrt()
        outline = _greatest(bins[row], reach[row])
        turn = (torch.arange(BINS, device=points.device) + 0.5) * torch.pi / BINS
        curve = torch.stack([outline * turn.sin(), outline * turn.cos()], 1)
        length = torch.cat([curve[:1, 0], (curve[1:] - curve[:-1]).norm(dim=1)]).cumsum(0)
        sign = 1.0 if upper else -1.0
        edge = -_greatest(bins[row], -sign * points[:, 1])  # of the biting edge, upwards from it
        part = (angle / torch.pi * BINS - 0.5).clamp(0, BINS - 1.001)
        along, height = _between(length, part), sign * position[..., 1] - _between(edge, part)
        borders, crowns = (UPPER_GAPS, UPPER_CROWNS) if upper else (LOWER_GAPS, LOWER_CROWNS)
        borders, crowns = (along.new_tensor(values) for values in (borders, crowns))
        tooth = torch.bucketize(along.contiguous(), borders[1:-1])
        start, end = borders[tooth], borders[tooth + 1]
        from_middle = ((along - (start + end) / 2) / ((end - start) / 2)).abs().clamp(0, 1)
        to_gap = (1 - from_middle) * (end - start) / 2
        # A line thinner than a texel is drawn wider and fainter.
        width = (GAP**2 + (0.5 * _footprint(along)).square()).sqrt()
        self.gaps = (bump(to_gap, width) * GAP / width + ROUNDED * from_middle**4).clamp(max=1)[None, None]
        self.crown = (height / (crowns[tooth] - SCALLOP * from_middle.square()))[None, None]


class MouthMaps:
    """What `paint_mouth` needs of a head and a size, made once."""

    def __init__(self, at: Features) -> None:
        masks = at.surface.masks
        self.rows = [(masks[name], Arch(at.position, masks[name][0, 0] > 0.5, name == "upper_teeth"))
                     for name in ("upper_teeth", "lower_teeth") if name in masks]  # fmt: skip
        front = at.landmarks[60:68, 2].amax()
        self.depth = (front - at.position[..., 2])[None, None]  # millimetres behind the lips
        self.underside = step(0.1, -0.5, at.surface.normal[..., 1])[None, None]
        self.groove = bump(at.position[..., 0], 1.6)[None, None]


def paint_mouth(canvas: Canvas, maps: MouthMaps, context: PaintContext) -> None:
    """Paint what is seen between open lips; little light falls in, and less the deeper."""
    at, batch = context.at, len(canvas.colour)
    wet = 1 + 0.1 * context.fractal("spot grain", batch)
    dark = step(4, 38, maps.depth)
    cavity = torch.lerp(as_colour(CAVITY, wet), as_colour(THROAT, wet), dark)
    canvas.blend(cavity * wet, at.gums)
    tongue = torch.lerp(as_colour(TONGUE, wet), as_colour(TONGUE_LOW, wet), maps.underside)
    tongue = tongue * (1 - 0.3 * maps.groove * step(20, 34, maps.depth)) * (1 - 0.85 * step(34, 70, maps.depth))
    canvas.blend(tongue * wet * (1 + 0.05 * context.noise("pore", batch)), at.tongue)
    ivory, gloss = context.colours(IVORY, batch), torch.full_like(canvas.gloss, 0.35) * (1 - 0.8 * dark)
    for mask, row in maps.rows:
        shade = 1 - 0.75 * step(8, 46, maps.depth)
        crown = step(1.08, 0.96, row.crown)
        # The edge lets light through, the neck is yellower; gaps are dark.
        colour = ivory * torch.lerp(as_colour((0.96, 0.95, 0.96), wet), torch.ones_like(wet), step(0, 0.2, row.crown))
        colour = colour * torch.lerp(torch.ones_like(wet), as_colour((0.95, 0.9, 0.8), wet), step(0.5, 1, row.crown))
        colour = colour * (1 - as_colour((0.34, 0.42, 0.45), wet) * row.gaps)
        gum = as_colour(GUM, wet) * wet * (1 - 0.25 * row.gaps)
        canvas.blend(torch.lerp(gum, colour, crown) * shade, mask)
        gloss = torch.lerp(gloss, 0.5 * shade.expand_as(gloss), mask)
    canvas.gloss = torch.lerp(canvas.gloss, gloss, at.interior)


def _footprint(values: Tensor) -> Tensor:
    """By how much a map [R, R] changes from texel to texel; steps between patches are no change."""
    across, down = (torch.gradient(values, dim=dim)[0].abs() for dim in (1, 0))
    return torch.maximum(across, down).clamp(max=3)


def _greatest(bins: Tensor, values: Tensor) -> Tensor:
    """[BINS] the greatest value in each bin; an empty one has that of the nearest bin which is not."""
    found = torch.full((BINS,), -torch.inf, device=values.device).scatter_reduce(0, bins, values, "amax")
    full = torch.nonzero(found.isfinite())[:, 0]
    nearest = (torch.arange(BINS, device=values.device)[:, None] - full).abs().argmin(1)
    return found[full[nearest]]


def _between(table: Tensor, place: Tensor) -> Tensor:
    """Values of a table at places between its entries, linearly."""
    low = place.long()
    return torch.lerp(table[low], table[low + 1], place - low)
