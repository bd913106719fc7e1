"""Coefficients and pose of a head whose vertices are known, by Gauss and Newton."""

import copy

import torch
from torch import Tensor

from clipface.head import HeadModel

STEPS, STEP = 20, 1e-5  # at most; and that of the differences, in radians and standard deviations
RIDGE = 1e-9  # of the mean curvature
STILL = 1e-9  # of a coefficient: the end
POSE = 6


def fit_vertices(
    head: HeadModel, vertices: Tensor, n_shape: int, n_expression: int
) -> tuple[Tensor, Tensor, Tensor, float]:
    """Find the parameters that give vertices of this head's mesh, at their place, in metres.

    Args:
        head: whose mesh it is.
        vertices: [V, 3] metres.
        n_shape, n_expression: how many coefficients to look for, the first ones.

    Returns:
        Shape [n_shape], expression [n_expression], pose [6] of head and jaw, on the head's device, and how far the
        vertices remain from the head's, root of the mean square, metres.
    """
    exact, target = copy.deepcopy(head).double(), vertices.to(head.v_template.device).double()
    steps = STEP * torch.eye(n_shape + n_expression + POSE, dtype=torch.float64, device=target.device)
    found = torch.zeros_like(steps[0])

    def posed(rows: Tensor) -> Tensor:
        return exact(*rows.split([n_shape, n_expression, POSE], 1)).flatten(1)  # [B, 3 V]

    for _ in range(STEPS):
        now = posed(found[None])
        slopes = ((posed(found + steps) - now) / STEP).T  # [3 V, N]
        curvature = slopes.T @ slopes
        curvature.diagonal().add_(RIDGE * curvature.diagonal().mean())
        change = torch.linalg.solve(curvature, slopes.T @ (target.flatten() - now[0]))
        found = found + change
        if change.abs().max() < STILL:
            break
    error = (posed(found[None])[0] - target.flatten()).unflatten(0, (-1, 3)).norm(dim=1).square().mean().sqrt()
    return *found.to(head.v_template).split([n_shape, n_expression, POSE]), error.item()
