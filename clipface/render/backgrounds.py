"""What lies behind a rendered head: white, or something random that no edit and no network can rely on."""

import torch
from torch import Tensor
from torch.nn import functional

WHITE = 1.0  # in [-1, 1] as in [0, 1]: of photographs, painted faces and renderings alike
WHITE_SHARE = 0.3  # of random backgrounds: the ordinary one is white
CELLS = 5  # of a background's pattern, along each side


def coarse_backgrounds(count: int, generator: torch.Generator, white: float = WHITE_SHARE) -> Tensor:
    """White, one colour, or a coarse pattern.

    Args:
        count: how many.
        generator: source of randomness; the backgrounds live on its device.
        white: share of white ones; the others are plain as often as patterned.

    Returns:
        [count, 3, 5, 5] in 0..1, to be enlarged bilinearly to the image's size.
    """
    device = generator.device
    pattern = torch.rand(count, 3, CELLS, CELLS, generator=generator, device=device)
    colour = torch.rand(count, 3, 1, 1, generator=generator, device=device)
    way = torch.rand(count, 1, 1, 1, generator=generator, device=device)
    sampled = torch.where(way < (1 + white) / 2, colour, pattern)
    return torch.where(way < white, torch.ones_like(sampled), sampled)


def soft_backgrounds(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Plain colours, gradients and blurred shapes.

    Args:
        count: how many.
        size: side of the image, pixels.
        generator: source of randomness; the backgrounds live on its device.

    Returns:
        [count, 3, size, size] in 0..1.
    """
    device = generator.device
    coarse = torch.rand(count, 3, CELLS, CELLS, generator=generator, device=device)
    soft = functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=True).clamp(0, 1)
    flat = torch.rand(count, 3, 1, 1, generator=generator, device=device)
    grey = flat.mean(1, keepdim=True)
    flat = torch.lerp(grey.expand_as(flat), flat, torch.rand(count, 1, 1, 1, generator=generator, device=device))
    amount = (torch.rand(count, 1, 1, 1, generator=generator, device=device) - 0.3).clamp_min(0)
    return torch.lerp(flat.expand_as(soft), soft, amount)
