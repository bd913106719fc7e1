"""Attributes as functions of a latent code, so that a generator can learn which code means which face."""

import math
import random
from collections.abc import Mapping, Sequence

from torch import Tensor

_EPSILON = 1e-6  # keeps logarithms finite


class LatentChoices(random.Random):
    """Random choices that a normal code makes: distributed as drawn ones, and near codes choose alike.

    Every option has an entry of the code. Of several options, the one wins that has the largest sum of its entry,
    turned into a Gumbel variable, and the logarithm of its weight (Gumbel-max sampling: exactly the wanted shares).

    Args:
        code: [D], normal; D at least as large as the number of options and of plain numbers drawn.
        entries: number of each option's entry.
    """

    def __init__(self, code: Tensor, entries: Mapping[str, int]) -> None:
        super().__init__(0)
        self._uniform = ((code / math.sqrt(2)).erf() / 2 + 0.5).clamp(_EPSILON, 1 - _EPSILON).tolist()
        self._entries, self._next = entries, len(entries)

    def random(self) -> float:
        """Give the next of the entries that belong to no option, in 0..1."""
        self._next += 1
        return self._uniform[self._next - 1]

    def choices(self, population: Sequence[str], weights: Sequence[float]) -> list[str]:
        """Choose one option."""
        scores = [
            math.log(weight) - math.log(-math.log(self._uniform[self._entries[option]])) if weight else -math.inf
            for option, weight in zip(population, weights, strict=True)
        ]
        return [population[scores.index(max(scores))]]

    def choice(self, options: Sequence[str]) -> str:
        """Choose one option; all are equally likely."""
        return self.choices(options, [1.0] * len(options))[0]
