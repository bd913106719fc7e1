"""Somebody with a checked skin, in the place of a person made from a photograph."""

import torch

from clipface.bake.head_fit import HeadFit, white_light
from clipface.edit.avatar import Avatar
from clipface.edit.persons.person import Person


def checked_person(avatar: Avatar, size: int) -> Person:
    """A person of this avatar with a texture of `size` texels, seen from the front."""
    skin = (torch.arange(size)[:, None] + torch.arange(size)) % 2 * torch.ones(3, 1, 1) * 0.2 + 0.4
    shape = torch.randn(1, avatar.head.n_shape, generator=torch.Generator().manual_seed(0))
    fit = HeadFit(
        shape, torch.zeros(1, avatar.head.n_expression), torch.zeros(1, 6), torch.zeros(1, 6), torch.ones(1),
        torch.zeros(1, 2), white_light(1), torch.zeros(1, 0),
    )  # fmt: skip
    w_plus = torch.randn(avatar.generator.levels, 16, generator=torch.Generator().manual_seed(1))
    matrices, sizes = torch.eye(3, dtype=torch.float64)[None], torch.tensor([[8, 8]])
    return Person((skin * 255).round() / 255, w_plus, fit, matrices, sizes, avatar.origin)
