"""Scores of edits and animations: what images show of the words, how heads moved, how both go over time."""

from collections.abc import Mapping

import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect

# Of the usual 68 landmarks.
_MOUTH_CORNERS, _INNER_BROWS, _BROWS = (48, 54), (21, 22), tuple(range(17, 27))
_UPPER_LIP, _LOWER_LIP = 62, 66  # the middle of their inner borders
LEAST_MOVE = 5e-4  # metres; less than half a millimetre is no sign of anything
# Which signs show the expression that a prompt's name asks for.
INTENDED = {
    "smiling": ("corners up", "corners out"),
    "happy": ("corners up", "corners out"),
    "laughing": ("corners up", "corners out"),
    "angry": ("brows down",),
    "surprised": ("brows up", "jaw open"),
}


def region_movement(before: Tensor, after: Tensor, regions: Mapping[str, Tensor]) -> dict[str, float]:
    """Mean distance that the vertices of each region moved, over all heads.

    Args:
        before, after: [B, V, 3] metres.
        regions: masks [V] by name.

    Returns:
        Millimetres by name.
    """
    expect("before", before, ("B", "V", 3))
    expect("after", after, before.shape)
    moved = 1000 * (after - before).norm(dim=-1)
    return {name: moved[:, mask].mean().item() for name, mask in regions.items()}


def expression_signs(before: Tensor, after: Tensor) -> dict[str, Tensor]:
    """How far landmarks went the way that shows an expression.

    Args:
        before, after: the 68 landmarks [B, 68, 3] of unturned heads, y up, metres.

    Returns:
        Metres [B] by sign: the height of the mouth's corners, their distance, the inner brows' descent, the brows'
        rise, and how far the lower lip is below the upper one: less where they pass through each other.
    """
    expect("before", before, ("B", 68, 3))
    expect("after", after, before.shape)

    def change(measure) -> Tensor:
        return measure(after) - measure(before)

    return {
        "corners up": change(lambda points: _height(points, _MOUTH_CORNERS)),
        "corners out": change(lambda points: _distance(points, _MOUTH_CORNERS)),
        "brows down": -change(lambda points: _height(points, _INNER_BROWS)),
        "brows up": change(lambda points: _height(points, _BROWS)),
        "jaw open": change(lambda points: points[:, _UPPER_LIP, 1] - points[:, _LOWER_LIP, 1]),
    }


def shares(signs: Mapping[str, Tensor]) -> dict[str, float]:
    """Share of the heads that show each sign, by at least `LEAST_MOVE`."""
    return {name: (moved > LEAST_MOVE).float().mean().item() for name, moved in signs.items()}


def intended_share(signs: Mapping[str, Tensor], prompt: str) -> float | None:
    """Share of the heads that show all signs that the prompt's name asks for; None if it asks for none."""
    if prompt not in INTENDED:
        return None
    shown = torch.stack([signs[name] > LEAST_MOVE for name in INTENDED[prompt]])
    return shown.all(0).float().mean().item()


def _height(points: Tensor, which: tuple[int, ...]) -> Tensor:
    return points[:, list(which), 1].mean(1)


def _distance(points: Tensor, pair: tuple[int, int]) -> Tensor:
    return (points[:, pair[1]] - points[:, pair[0]]).norm(dim=-1)


def directional_similarity(edited: Tensor, original: Tensor, target: Tensor, source: Tensor) -> Tensor:
    """How well each image's change points where the words' change points.

    Args:
        edited: features of edited images [B, D].
        original: of the same images before [B, D].
        target: features of the words that were asked for [D].
        source: of the words for what was there before [D].

    Returns:
        Cosines [B]; 0 where an image did not change.

    Source: StyleGAN-NADA (arXiv 2108.00946), section 4.1.
    """
    size = expect("edited", edited, ("B", "D"))
    expect("original", original, edited.shape)
    expect("target", target, (size["D"],))
    expect("source", source, (size["D"],))
    return functional.cosine_similarity(edited - original, (target - source)[None], dim=1, eps=1e-6)


def retrieval(similarity: Tensor) -> Tensor:
    """Share of the images that are nearest to each prompt.

    Args:
        similarity: [E, N, P] of N images of each of E edits with P prompts.

    Returns:
        [E, P], each row with the sum 1; an image equally near to two prompts counts for the first.
    """
    prompts = expect("similarity", similarity, ("E", "N", "P"))["P"]
    return functional.one_hot(similarity.argmax(-1), prompts).float().mean(1)


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
