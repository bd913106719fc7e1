"""Distances to points and curves on the rest head, the ruler that all painted features are laid out with."""

import torch
from torch import Tensor

_ROWS = 8192  # points whose distances to all of a curve are in memory together: what a processor's cache holds


def spline(points: Tensor, samples: int = 48, closed: bool = False) -> Tensor:
    """Smooth curve through points (Catmull-Rom).

    Args:
        points: [K, D].
        samples: how many points to return.
        closed: join the last to the first.
    Returns:
        [samples, D].
    """
    if closed:
        padded = torch.cat([points[-1:], points, points[:2]])
    else:
        padded = torch.cat([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    pieces = len(padded) - 3
    place = torch.linspace(0, pieces, samples, device=points.device).clamp_max(pieces - 1e-4)
    piece = place.floor().long()
    t = (place - piece)[:, None]
    before, start, stop, after = (padded[piece + shift] for shift in range(4))
    return start + 0.5 * t * (
        stop - before + t * (2 * before - 5 * start + 4 * stop - after + t * (3 * (start - stop) + after - before))
    )


def to_curve(points: Tensor, curve: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Nearest place of a curve for each point.

    Args:
        points: [..., D]; curve: [M, D] dense samples.
    Returns:
        distance [...], place along the curve 0..1 [...], and offset from the curve [..., D].
    """
    flat = points.reshape(-1, points.shape[-1])
    distance, index = _nearest(flat, curve)
    offset = (flat - curve[index]).view_as(points)
    shape = points.shape[:-1]
    return distance.view(shape), (index / (len(curve) - 1)).view(shape), offset


def _nearest(points: Tensor, curve: Tensor) -> tuple[Tensor, Tensor]:
    """Distance [N] of points [N, D] to the nearest of a curve's samples [M, D], and its index [N]."""
    rows = _ROWS if points.device.type == "cpu" else len(points)
    # without matrix products: in TF32 they would be millimetres off
    mode = "donot_use_mm_for_euclid_dist"
    parts = [torch.cdist(part, curve, compute_mode=mode).min(dim=1) for part in points.split(rows)]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])


def step(low: float, high: float, value: Tensor) -> Tensor:
    """Smooth step: 0 where value <= low, 1 where value >= high; the other way round where low > high."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def bump(value: Tensor, width: float | Tensor) -> Tensor:
    """Gaussian ridge around zero: exp(-(value / width)² / 2)."""
    return torch.exp(-0.5 * (value / width) ** 2)


def inside(points: Tensor, loop: Tensor) -> Tensor:
    """Which points lie inside a closed polygon (even–odd rule).

    Args:
        points: [..., 2]; loop: [M, 2].
    Returns:
        [...] bool.
    """
    flat, following = points.reshape(-1, 2), loop.roll(-1, 0)
    near = ((flat >= loop.amin(0)) & (flat <= loop.amax(0))).all(1)  # the others lie outside
    result, flat = torch.zeros_like(near), flat[near][:, None]
    crosses = (loop[:, 1] > flat[..., 1]) != (following[:, 1] > flat[..., 1])
    slope = (following[:, 0] - loop[:, 0]) / (following[:, 1] - loop[:, 1] + 1e-9)
    left = flat[..., 0] < loop[:, 0] + slope * (flat[..., 1] - loop[:, 1])
    result[near] = (crosses & left).sum(dim=1) % 2 == 1
    return result.view(points.shape[:-1])
