"""Soft light baked into the texture, so that the unlit rendering of the head looks solid."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.render.light import ORTHONORMAL, harmonic_basis
from clipface.synthetic.canvas import Canvas, PaintContext

_SHOULDER = 0.78  # brighter values are compressed, so that pale skin keeps its details
_LOBE = (1.0, 0.72, 0.72, 0.72, 0.30, 0.30, 0.30, 0.30, 0.30)  # widens a point light to a large window
_SHADOW_TINT = (0.82, 1.0, 1.06)  # exponents: skin shadows stay warm, because red light travels furthest in skin


def random_light(batch: int, context: PaintContext) -> tuple[Tensor, Tensor]:
    """A mild key light from above and to one side over an even sky.

    Returns:
        harmonics of the radiance [B, 9] and direction of the key light [B, 3].
    """
    side, height = context.random(batch, -0.75, 0.75).flatten(), context.random(batch, 0.25, 0.8).flatten()
    key = functional.normalize(torch.stack([side, height, torch.ones_like(side)], dim=1), dim=1)
    lobe = torch.tensor(_LOBE, device=key.device)
    power = context.random(batch, 0.34, 0.52).view(-1, 1)
    fill = functional.normalize(torch.stack([-side, 0 * side, torch.ones_like(side)], dim=1), dim=1)
    sky = torch.zeros(batch, 9, device=key.device)
    sky[:, 0] = 1 / ORTHONORMAL[0]  # radiance 1 from everywhere
    towards_key, towards_fill = harmonic_basis(key, ORTHONORMAL), harmonic_basis(fill, ORTHONORMAL)
    return sky * 0.62 + 4.6 * power * towards_key * lobe + 0.5 * towards_fill * lobe, key


def shade(
    canvas: Canvas, context: PaintContext, contrast: Tensor, relief: Tensor, shine: Tensor, lit: bool = False
) -> Tensor:
    """Light a canvas.

    Args:
        canvas: colours, relief and gloss.
        context: maps and randomness.
        contrast: [B, 1, 1, 1] exponent of the shading; 1 is soft daylight.
        relief: [B, 1, 1, 1] strength of the emboss.
        shine: [B, 1, 1, 1] factor on the highlights.
        lit: the canvas is a photograph with its own light: only relief and gloss of the paint are lit, from the front.
    Returns:
        [B, 3, R, R] in 0..1.
    """
    at, batch = context.at, len(canvas.colour)
    light, key = random_light(batch, context)
    if lit:
        key, contrast = functional.normalize(key * key.new_tensor([0.0, 1.0, 1.0]), dim=1), contrast - 1
    size = canvas.colour.shape[-2:]
    irradiance = (light @ at.surface.transfer).view(batch, 1, *size)
    floor = 0.86 * at.interior + 0.45 * at.eyeball + 0.14
    irradiance = torch.maximum(irradiance, floor).clamp(0, 1.5)
    irradiance = torch.lerp(irradiance, irradiance.clamp(0.7, 1.05), at.eyeball)
    tint = torch.tensor(_SHADOW_TINT, device=key.device).view(1, 3, 1, 1)
    slope = functional.pad(canvas.height, (1, 1, 1, 1), mode="replicate")
    rise = slope[:, :, 2:, 1:-1] - slope[:, :, :-2, 1:-1]  # light from above: faces that rise downwards catch it
    across = slope[:, :, 1:-1, 2:] - slope[:, :, 1:-1, :-2]
    # a texture of twice the size has half the slope per texel
    emboss = (rise - 0.6 * key[:, 0].view(-1, 1, 1, 1) * across) * (0.30 * size[0] / 256) * relief
    image = canvas.colour * irradiance.clamp_min(1e-3) ** (tint * contrast * 0.8) * torch.exp(emboss.clamp(-0.9, 0.6))
    half = functional.normalize(key + key.new_tensor([0.0, 0.0, 1.0]), dim=1)
    facing = (half @ at.surface.normal.reshape(-1, 3).T).view(batch, 1, *size).clamp(0, 1)
    highlight = facing**28 * 0.55 + facing**7 * 0.12
    gloss = (canvas.gloss * shine * (1 + 2.5 * emboss.clamp(-0.4, 0.4))).clamp_min(0)
    image = image + (1 - image) * (highlight * gloss * 0.62 * irradiance.clamp(0, 1)).clamp(0, 0.9)
    if lit:
        return image.clamp(0, 1)
    image = 0.94 * image
    over = _SHOULDER + (1 - _SHOULDER) * torch.tanh((image - _SHOULDER) / (1 - _SHOULDER))
    return torch.where(image > _SHOULDER, over, image)
