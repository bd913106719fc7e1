"""Degrades training images, so that an encoder judges by what a face shows and not by how cleanly it was painted.

An edit follows the encoder's gradient, so it finds whatever weakness the encoder has: a background, fine noise.
"""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.render.backgrounds import coarse_backgrounds

_SHARE = 0.6  # of images that each degradation hits
_GROUPS = 4  # parts of a batch that are blurred differently
_SHARPEST, _BLURRIEST = 1.0, 0.35  # size of the image in between, for blurring
_NOISE = 0.06  # largest standard deviation, of the range 0..1
_TURN, _SHIFT = 0.15, 0.08  # largest: radians, half images
_NEAREST, _FARTHEST = -0.4, 0.15  # logarithm of the part of the image that is shown
_LIGHT, _CONTRAST, _SATURATION = 0.12, 0.25, 0.3


def degrade(images: Tensor, masks: Tensor, generator: torch.Generator) -> Tensor:
    """Move, flip, composite on another background, blur, tint and add noise.

    Args:
        images: [B, 3, S, S] in 0..1, on black.
        masks: [B, 1, S, S], 1 on the head.
        generator: on the images' device.

    Returns:
        [B, 3, S, S] in 0..1.
    """
    moved = _move(torch.cat([images, masks], 1), generator)
    images = moved[:, :3] + (1 - moved[:, 3:]) * _backgrounds(images, generator)
    images = _tint(_blur(images, generator), generator)
    strength = _NOISE * _chosen(images, generator) * _random(images, generator)
    return (images + strength * torch.randn(images.shape, generator=generator, device=images.device)).clamp(0, 1)


def _random(
    images: Tensor, generator: torch.Generator, low: float = 0.0, high: float = 1.0, channels: int = 1
) -> Tensor:
    shape = (len(images), channels, 1, 1)
    return low + (high - low) * torch.rand(shape, generator=generator, device=images.device)


def _chosen(images: Tensor, generator: torch.Generator) -> Tensor:
    return (_random(images, generator) < _SHARE).float()


def _move(images: Tensor, generator: torch.Generator) -> Tensor:
    angle, right, down = (_random(images, generator, -most, most).flatten() for most in (_TURN, _SHIFT, _SHIFT))
    shown = _random(images, generator, _NEAREST, _FARTHEST).flatten().exp()
    flip = torch.where(_random(images, generator).flatten() < 0.5, -1.0, 1.0)
    cos, sin = angle.cos() * shown, angle.sin() * shown
    affine = torch.stack([torch.stack([cos * flip, -sin, right], 1), torch.stack([sin * flip, cos, down], 1)], 1)
    grid = functional.affine_grid(affine, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def _backgrounds(images: Tensor, generator: torch.Generator) -> Tensor:
    coarse = coarse_backgrounds(len(images), generator)
    return functional.interpolate(coarse, images.shape[-2:], mode="bilinear", align_corners=False)


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shrink and enlarge parts of the batch, as if a generator of lower resolution had made them."""
    side = images.shape[-1]
    sizes = torch.rand(_GROUPS, generator=generator, device=images.device) * (_SHARPEST - _BLURRIEST) + _BLURRIEST
    parts = []
    for part, size in zip(images.tensor_split(_GROUPS), sizes.tolist(), strict=True):
        if not len(part):
            break  # fewer images than groups: those after it have none either, and CUDA resizes no empty ones
        small = max(8, round(side * size))
        shrunk = functional.interpolate(part, (small, small), mode="bilinear", antialias=True, align_corners=False)
        blurred = functional.interpolate(shrunk, (side, side), mode="bicubic", align_corners=False)
        parts.append(torch.where(_chosen(part, generator) > 0, blurred, part))
    return torch.cat(parts)


def _tint(images: Tensor, generator: torch.Generator) -> Tensor:
    light = _random(images, generator, -_LIGHT, _LIGHT) + 0.3 * _random(images, generator, -_LIGHT, _LIGHT, channels=3)
    contrast = _random(images, generator, 1 - _CONTRAST, 1 + _CONTRAST)
    saturation = _random(images, generator, 1 - _SATURATION, 1 + _SATURATION)
    grey = images.mean(1, keepdim=True)
    tinted = ((grey + (images - grey) * saturation) - 0.5) * contrast + 0.5 + light
    return torch.where(_chosen(images, generator) > 0, tinted, images)
