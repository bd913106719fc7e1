"""Heads with known parameters in crops."""

import torch

from clipface.bake.head_fit import HeadFit, white_light
from clipface.head import HeadModel


def two_heads(head: HeadModel) -> HeadFit:
    """One from the front and one turned by 35 degrees, both as large in the crop as photographs show them."""
    generator = torch.Generator().manual_seed(5)
    pose = torch.zeros(2, 6)
    pose[1, 1] = 0.6
    return HeadFit(
        0.5 * torch.randn(2, head.n_shape, generator=generator) * (torch.arange(head.n_shape) < 20),
        torch.zeros(2, head.n_expression), pose, torch.zeros(2, 6), torch.tensor([6.0, 6.0]),
        torch.tensor([[0.0, 0.02], [0.0, 0.02]]), white_light(2), torch.zeros(2, 0),
    )  # fmt: skip
