"""How an edit moved the head: by region, and in the landmarks that show an expression."""

from collections.abc import Mapping

import torch
from torch import Tensor

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
