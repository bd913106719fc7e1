"""A store of painted images on the training device, steadily renewed: painting costs more than looking."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Painted(NamedTuple):
    """Painted faces, each with several captions."""

    images: Tensor  # [N, 4, S, S] uint8: colour before black, and mask
    tokens: Tensor  # [N, captions, context] int16
    values: Tensor  # [N, values] of 0 and 1: the faces' attributes


class ImagePool:
    """Chunks of painted faces; what it holds at a step depends on the step alone, so a resumed run finds it again."""

    def __init__(self, paint: Callable[[int], Painted], chunks: int, renew_every: int) -> None:
        """Create an empty cache.

        Args:
            paint: paints the chunk of a number; the same chunk for the same number.
            chunks: that the cache holds.
            renew_every: steps after which the oldest chunk is replaced; 0: never.
        """
        self.paint, self.chunks, self.renew_every = paint, chunks, renew_every
        self.next = 0
        self.held: Painted | None = None

    def advance(self, step: int) -> None:
        """Paint what is missing at a step."""
        end = self.chunks + (step // self.renew_every if self.renew_every else 0)
        for number in range(max(self.next, end - self.chunks), end):
            chunk = self.paint(number)
            if self.held is None:
                self.held = Painted(*(part.repeat(self.chunks, *[1] * (part.ndim - 1)) for part in chunk))
            size = len(chunk.images)
            start = number % self.chunks * size
            for held, part in zip(self.held, chunk, strict=True):
                held[start : start + size] = part
        self.next = end

    def sample(self, count: int, generator: torch.Generator) -> Painted:
        """Draw faces at random, with one caption each: images [count, 4, S, S], tokens [count, context], values."""
        device = self.held.images.device
        picked = torch.randint(len(self.held.images), (count,), generator=generator, device=device)
        caption = torch.randint(self.held.tokens.shape[1], (count,), generator=generator, device=device)
        return Painted(self.held.images[picked], self.held.tokens[picked, caption], self.held.values[picked])
