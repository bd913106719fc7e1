"""Lengths on a face, and heads on which one of them is another and the others stay: what names like "nose" mean."""

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from clipface.head.lengths import MEASUREMENTS
from clipface.head.model import HeadModel

STEPS = 4  # of Newton's method; lengths are nearly linear in the coefficients
SCALE = 1000.0  # millimetres in a metre


class Measurements:
    """Lengths on the faces of one head at rest, in millimetres."""

    def __init__(self, head: HeadModel) -> None:
        """Args: head: with landmarks."""
        self.head = head
        self.names = tuple(MEASUREMENTS)

    def of(self, shape: Tensor) -> Tensor:
        """Measure heads without expression.

        Args:
            shape: [B, S] identity coefficients.

        Returns:
            [B, M] millimetres, in the order of `names`. Gradient: to shape.
        """
        return SCALE * self._between(shape).norm(dim=-1) @ self._shares.T

    @torch.no_grad()
    def changed(self, shape: Tensor, change: dict[str, float]) -> Tensor:
        """Find the most similar head with other lengths.

        Args:
            shape: [1, S] identity coefficients, standard deviations.
            change: millimetres to add, by name; what is not named stays as long as it is.

        Returns:
            [1, S], as few standard deviations from `shape` as can be.

        Raises:
            ValueError: for a name that is none of `names`.
        """
        unknown = [name for name in change if name not in self.names]
        if unknown:
            raise ValueError(f"measurement: expected one of {', '.join(self.names)}, got {unknown[0]!r}")
        target = self.of(shape) + torch.tensor([[change.get(name, 0.0) for name in self.names]]).to(shape)
        found = shape.double()
        for _ in range(STEPS):
            between = self._between(found)[0]
            slopes = torch.einsum("px,spx->ps", functional.normalize(between, dim=-1), self._pairs[1])
            slopes = SCALE * self._shares @ slopes
            found = found + torch.linalg.solve(slopes @ slopes.T, (target - self.of(found))[0])[None] @ slopes
        return found.to(shape)

    def _between(self, shape: Tensor) -> Tensor:
        """From the second to the first point of every pair [B, P, 3], metres."""
        mean, directions = self._pairs
        return mean + torch.einsum("bs,spx->bpx", shape.double(), directions[: shape.shape[1]])

    @cached_property
    def _shares(self) -> Tensor:
        """The share [M, P] that each pair has in each measurement."""
        counts = [len(pairs) for pairs in MEASUREMENTS.values()]
        rows = [torch.full((count,), 1 / count, dtype=torch.float64) for count in counts]
        return torch.block_diag(*(row[None] for row in rows)).to(self.head.v_template.device)

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor]:
        """`_between` of the mean head [P, 3], and what each coefficient adds to it [S, P, 3]; metres."""
        head = self.head
        mean = head.landmarks(head.v_template[None])
        moved = head.landmarks(head.shape_directions.unflatten(1, (-1, 3)) + head.v_template) - mean
        first, second = (list(side) for side in zip(*sum(MEASUREMENTS.values(), ()), strict=True))
        between = [points[:, first] - points[:, second] for points in (mean.double(), moved.double())]
        return between[0][0], between[1]
