"""From photographs' textures and fitted heads to the table of people."""

from argparse import Namespace

import numpy as np
import torch
from torch import Tensor

from clipface.edit.people import People

from .blends import blended
from .photographs import Photographs, read_photographs
from .regression import fit_shapes
from .sliders import SLIDERS, fit_sliders, read_labels, without_smile
from .variety import varied

SAMPLED = 4000  # random people on whom the heads' variety is set


def build(options: Namespace) -> None:
    """Read, mix, regress, write; takes the options of build_people.py."""
    photographs = read_photographs(options.textures, options.dataset, options.linear)
    moves = None
    if options.labels:
        labels = read_labels(photographs, options.labels)
        moves = fit_sliders(photographs, labels)
    people = table(without_smile(photographs, labels, moves[0]) if moves else photographs, options.seed)
    model = fit_shapes(photographs.codes, photographs.shapes, photographs.person, _sampled_codes(people))
    people = people._replace(shape_mean=model.mean, shape_weight=model.weight, shape_residual=model.residual)
    if moves:
        people = people._replace(directions=moves[0], expressions=moves[1], sliders=SLIDERS)
    people = varied(people)
    print(f"heads: {model.explained:.3f} of the variance explained for people who took no part, ridge {model.ridge:g}")
    shapes = torch.stack([people.sample(np.random.default_rng(n))[1] for n in range(SAMPLED)])
    ratio = shapes.std(0) / photographs.shapes.std(0).clamp_min(1e-6)
    print(f"variety of random heads, against the fitted ones: {ratio.min():.2f} to {ratio.max():.2f}")
    print(people.save(options.out, options.generator, note=options.note))


def table(photographs: Photographs, seed: int) -> People:
    """The people: those who may be shown as they are, then blends of those who may not; heads are still missing.

    Raises:
        ValueError: if the people who may only be mixed are too few or too alike.
    """
    hidden = photographs.mixed_only
    codes, person, weight = (part[~hidden] for part in (photographs.codes, photographs.person, photographs.weight))
    if hidden.any():
        own, share = photographs.codes[hidden], photographs.weight[hidden]
        groups = [group for group, mixed in zip(photographs.groups, hidden.tolist(), strict=True) if mixed]
        blends, rows, cosine = blended(own, photographs.person[hidden], groups, seed)
        print(f"{len(blends)} blends; cosine to the nearest person: mean {cosine.mean():.2f}, most {cosine.max():.2f}")
        share = share[[first for first, *_ in rows]] * share.sum() / share[[first for first, *_ in rows]].sum()
        codes, weight = torch.cat([codes, blends]), torch.cat([weight, share])
        person = torch.cat([person, int(photographs.person.max()) + 1 + torch.arange(len(blends))])
    size, count = photographs.shapes.shape[1], codes.shape[1]
    return People(
        codes, weight / weight.sum(), person, torch.zeros(size), torch.zeros(count, size), torch.zeros(size, size),
        torch.zeros(0, count), torch.zeros(0, 1), [],
    )  # fmt: skip


def _sampled_codes(people: People) -> Tensor:
    return torch.stack([people.sample(np.random.default_rng(number))[0] for number in range(SAMPLED)])
