"""People who may only be mixed, as blends of three.

Nobody of them can be told from what is written: no blend is near to anybody, and there are half as many blends as
codes, so that even who knew which were blended could not solve for the codes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MIXED = 3  # people in a blend
LEAST = 8  # people in a group that is blended within itself
SHARES = (0.8, 1.2)  # nearly even: a large share would show whose it is
MOST_COSINE = 0.75  # between a blend and anybody of its group, from the group's mean; three even shares give 0.58
ATTEMPTS = 200


def blended(
    codes: Tensor, person: Tensor, groups: Sequence[Sequence[str]], seed: int
) -> tuple[Tensor, list[list[int]], Tensor]:
    """Blend every second code of a group with those of two other people like it.

    Args:
        codes: [N, K].
        person: [N] int, whose code each is.
        groups: for each code what it has in common with others, the most common first: those that agree in all of it
            are blended, or in all but the last, and so on, until there are `LEAST` people.
        seed: of the choice.

    Returns:
        About [N / 2, K], as various as a group is; the rows of each blend, its group's own first; and the cosine
        [N / 2] between it and who is nearest, below `MOST_COSINE`.

    Raises:
        ValueError: if there are fewer than `LEAST` people, or no blend is far enough from all of them.
    """
    if len(person.unique()) < LEAST:
        raise ValueError(
            f"mixed_only: expected {LEAST} or more people, got {len(person.unique())}; add more, or leave them out"
        )
    random, blends, chosen, cosines = np.random.default_rng(seed), [], [], []
    for place in sorted(range(len(codes)), key=lambda row: tuple(groups[row]))[::2]:
        members = _alike(place, person, groups)
        mean = codes[members].mean(0)
        for _ in range(ATTEMPTS):
            rows = _different(place, members, person, random)
            share = torch.from_numpy(random.uniform(*SHARES, MIXED)).float()
            change = share / share.norm() @ (codes[rows] - mean)
            cosine = functional.cosine_similarity(change[None], codes[members] - mean).max()
            if cosine < MOST_COSINE:
                break
        else:
            raise ValueError("mixed_only: these people are too alike to be hidden in blends; add more of them")
        blends.append(mean + change)
        chosen.append(rows)
        cosines.append(cosine)
    return torch.stack(blends), chosen, torch.stack(cosines)


def _alike(place: int, person: Tensor, groups: Sequence[Sequence[str]]) -> list[int]:
    for depth in range(len(groups[place]), -1, -1):
        members = [row for row, group in enumerate(groups) if group[:depth] == groups[place][:depth]]
        if len(person[members].unique()) >= LEAST:
            return members
    raise AssertionError("all people together are enough")


def _different(place: int, members: Sequence[int], person: Tensor, random: np.random.Generator) -> list[int]:
    rows = [place]
    while len(rows) < MIXED:
        row = int(random.choice(members))
        if not (person[row] == person[rows]).any():
            rows.append(row)
    return rows
