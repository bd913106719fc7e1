"""Looks that change the lit image: oil painting, pencil, brush strokes. All take and return [B, 3, R, R], 0..1."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.synthetic.canvas import PaintContext, as_colour, blur, grey
from clipface.synthetic.face.curves import step
from clipface.synthetic.looks.monster import veins


def _on_face(value: Tensor, context: PaintContext) -> tuple[Tensor, Tensor]:
    """Mean and spread of [B, 1, R, R] over the front of the face."""
    area = context.at.face * context.at.front
    mean = (value * area).sum((2, 3), True) / area.sum()
    spread = (((value - mean) ** 2 * area).sum((2, 3), True) / area.sum()).sqrt()
    return mean, spread.clamp_min(0.03)


def mona_lisa(image: Tensor, context: PaintContext) -> Tensor:
    """Sfumato under brown varnish, with a net of cracks."""
    at, batch, radius = context.at, len(image), max(1, image.shape[-1] // 256)
    soft = torch.lerp(blur(image, radius), image, 0.65)
    tone = grey(soft)
    mean, spread = _on_face(tone, context)
    tone = 0.66 + 0.17 * ((tone - mean) / spread).clamp(-4, 2)
    x, y = at.position[..., 0][None, None], at.position[..., 1][None, None]
    side = torch.where(context.random(batch) < 0.5, -1.0, 1.0)
    tone = (
        tone - 0.22 * step(-10, 75, side * x) - 0.10 * step(at.chin[1], at.chin[1] - 40, y)
    )  # one side sinks into shadow
    steps = [(0.06, 0.04, 0.02), (0.36, 0.23, 0.10), (0.80, 0.60, 0.34), (0.98, 0.87, 0.62)]
    dark, brown, ochre, light = (context.colours([colour], batch, 0.015) for colour in steps)
    painted = torch.lerp(dark, brown, step(-0.05, 0.4, tone))
    painted = torch.lerp(torch.lerp(painted, ochre, step(0.25, 0.7, tone)), light, step(0.6, 1.0, tone))
    painted = torch.lerp(painted, soft * as_colour((1.0, 0.86, 0.60), soft), 0.22)
    cracks = veins(context, batch, "spot", 0.08) * 0.6 + veins(context, batch, "grain", 0.08) * 0.4
    return (
        painted * (1 + 0.03 * context.noise("grain", batch)) * (1 - cracks * context.random(batch, 0.15, 0.4))
    ).clamp(0, 1)


def sketch(image: Tensor, context: PaintContext) -> Tensor:
    """Graphite on paper: contours and two layers of hatching that follow the tone."""
    at, batch = context.at, len(image)
    tone = grey(blur(image, 1))
    mean, spread = _on_face(tone, context)
    local = blur(tone, max(2, image.shape[-1] // 24))
    level = (0.66 + 0.13 * ((tone - mean) / spread).clamp(-4, 2.5) + 1.1 * (tone - local)).clamp(0, 1)
    x, y, z = (at.position[..., axis][None, None] for axis in range(3))
    wobble = 1.0 * context.noise("wide", batch) + 0.3 * context.noise("spot", batch)
    grain = 0.16 * context.noise("fine", batch)
    first = torch.sin((x + y + 0.4 * z + wobble) * 1.45)
    second = torch.sin((x - y * 0.8 - 0.4 * z + wobble) * 1.45)
    ink = step(-0.2, 0.9, first + 4.0 * (0.62 - level) + grain) * step(0.80, 0.52, level)
    ink = torch.maximum(ink * 0.62, step(-0.3, 0.5, second + 5 * (0.38 - level) + grain) * step(0.46, 0.3, level) * 0.8)
    across = functional.pad(tone, (1, 1, 1, 1), mode="replicate")
    edge = (
        (across[:, :, 1:-1, 2:] - across[:, :, 1:-1, :-2]) ** 2
        + (across[:, :, 2:, 1:-1] - across[:, :, :-2, 1:-1]) ** 2
    ).sqrt()
    ink = torch.maximum(ink, step(0.07, 0.26, edge * (1 + 0.4 * grain)) * 0.9)
    ink = torch.maximum(ink, step(0.22, 0.05, level) * 0.9)
    paper = context.colours([(0.96, 0.95, 0.92), (0.93, 0.90, 0.83), (0.97, 0.97, 0.97)], batch, 0.01) * (
        1 + 0.02 * grain
    )
    lead = context.colours([(0.18, 0.18, 0.19), (0.10, 0.09, 0.09), (0.26, 0.20, 0.16)], batch, 0.01)
    return torch.lerp(paper, lead.expand_as(image), (ink * (0.9 + grain)).clamp(0, 1)).clamp(0, 1)


def van_gogh(image: Tensor, context: PaintContext) -> Tensor:
    """Thick strokes in broken, saturated colour."""
    batch, radius = len(image), max(1, image.shape[-1] // 130)
    soft = blur(image, radius)
    tone = grey(soft)
    mean, spread = _on_face(tone, context)
    soft = (soft * (0.6 / mean) ** 0.6).clamp(0, 1)
    tone = (0.6 + 0.15 * ((tone - mean) / spread).clamp(-4, 2.5)).clamp(0, 1)
    vivid = (grey(soft) + (soft - grey(soft)) * 1.9).clamp(0, 1)
    stroke, hue = context.noise("stroke", batch), context.noise("stroke", batch)
    warm, cold = as_colour((1.0, 0.80, 0.30), vivid), as_colour((0.20, 0.45, 0.62), vivid)
    light = step(0.35, 0.75, tone + 0.12 * hue)
    painted = vivid * 0.7 + 0.3 * torch.lerp(cold, warm, light) * (0.55 + 0.75 * tone)
    painted = painted * (1 + 0.12 * stroke) + as_colour((0.03, 0.03, 0.04), vivid) * hue
    shadow = stroke - stroke.roll(1, 2)
    green = as_colour((0.30, 0.48, 0.28), vivid)
    painted = torch.lerp(painted, green.expand_as(painted), (step(1.2, 2.0, hue) * 0.4))
    return (painted + 0.05 * shadow).clamp(0, 1)
