"""A cache of captioned images on the training device, steadily renewed: painting one costs more than training on it."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class CaptionedImages(NamedTuple):
    """Images of faces, each with several captions."""

    images: Tensor  # [N, 4, S, S] uint8: colour on black, and mask
    tokens: Tensor  # [N, captions, context] int16
    values: Tensor  # [N, values] of 0 and 1: the faces' attributes


class ImageCache:
    """Chunks of captioned images; the step alone decides which, so that a resumed run has the same."""

    def __init__(self, paint: Callable[[int], CaptionedImages], chunks: int, renew_every: int) -> None:
        """Create an empty cache.

        Args:
            paint: makes the chunk of a number; the same chunk for the same number.
            chunks: that the cache holds.
            renew_every: steps after which the oldest chunk is replaced; 0: never.
        """
        self.paint, self.chunks, self.renew_every = paint, chunks, renew_every
        self.next = 0
        self.held: CaptionedImages | None = None

    def advance(self, step: int) -> None:
        """Paint what is missing at a step."""
        end = self.chunks + (step // self.renew_every if self.renew_every else 0)
        for number in range(max(self.next, end - self.chunks), end):
            chunk = self.paint(number)
            if self.held is None:
                self.held = CaptionedImages(*(part.repeat(self.chunks, *[1] * (part.ndim - 1)) for part in chunk))
            size = len(chunk.images)
            start = number % self.chunks * size
            for held, part in zip(self.held, chunk, strict=True):
                held[start : start + size] = part
        self.next = end

    def sample(self, count: int, generator: torch.Generator) -> CaptionedImages:
        """Sample images [count, 4, S, S] and values [count, values], with the tokens [count, context] of a caption."""
        device = self.held.images.device
        rows = torch.randint(len(self.held.images), (count,), generator=generator, device=device)
        caption = torch.randint(self.held.tokens.shape[1], (count,), generator=generator, device=device)
        return CaptionedImages(self.held.images[rows], self.held.tokens[rows, caption], self.held.values[rows])
