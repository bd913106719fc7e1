"""Scores of animations: how a score follows another over time, and how much images flicker."""

import torch
from scipy.stats import spearmanr
from torch import Tensor

from clipface.shapes import expect


def rank_correlation(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation of two series [T], -1..1; NaN where one of them never changes.

    Raises:
        ValueError: for series of different length, or of fewer than two.
    """
    length = expect("first", first, ("T",))["T"]
    expect("second", second, (length,))
    if length < 2:
        raise ValueError(f"first: expected two frames or more, got {length}")
    series = [each.double().cpu().numpy() for each in (first, second)]
    if any(each.max() == each.min() for each in series):
        return float("nan")
    return float(spearmanr(*series).statistic)


class Flicker:
    """Mean absolute change of an image from frame to frame, of any number of frames given bit by bit."""

    def __init__(self) -> None:
        self.last: Tensor | None = None
        self.total, self.count = 0.0, 0

    def add(self, images: Tensor) -> None:
        """Take in the next frames, [T, 3, H, W] in 0..1."""
        expect("images", images, ("T", 3, "H", "W"))
        if self.last is not None:
            images = torch.cat([self.last, images])
        changes = (images[1:] - images[:-1]).abs()
        self.total += changes.mean((1, 2, 3)).sum().item()
        self.count += len(changes)
        self.last = images[-1:].clone()

    @property
    def value(self) -> float:
        """The mean so far, in 0..1; 0 before there were two frames."""
        return self.total / max(self.count, 1)
