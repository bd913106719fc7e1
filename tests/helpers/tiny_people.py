"""A small table of people, for the tiny generator."""

import torch

from clipface.edit.people import People

COUNT, KNOWN, SHAPES = 60, 12, 20  # people; entries of z that are codes; identity coefficients


def table() -> People:
    """Thirty people with two codes each, and two sliders."""
    random = torch.Generator().manual_seed(0)
    normal = lambda *shape: torch.randn(*shape, generator=random)  # noqa: E731
    return People(
        normal(COUNT, KNOWN) + 0.5, torch.full((COUNT,), 1 / COUNT), torch.arange(COUNT) // 2, normal(SHAPES),
        0.1 * normal(KNOWN, SHAPES), torch.eye(SHAPES) / 4, 0.02 * normal(2, KNOWN),
        torch.tensor([[0.0, 0], [0.5, 0.25]]),
        [{"name": "older", "unit": "years", "step": 20.0, "most": 40.0},
         {"name": "smiling", "unit": "smiles", "step": 1.0, "most": 2.0}],
    )  # fmt: skip
