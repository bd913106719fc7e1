"""Edits that follow the photographs' own labels: `slider:older=20`, `slider:smiling`.

A slider moves the code of everybody by the same step in the space of photographed textures, and the head with it. What
such a step changes in style codes is nearly the same for all: the mean over the table of people is taken, so that a
slider works on any code, and has strengths, regions and mixtures like any other edit.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from clipface.edit.avatar import Avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.people import People

PREFIX = "slider:"


def is_slider(path: str | Path) -> bool:
    """Whether a mapper's place names a slider instead of a file."""
    return str(path).startswith(PREFIX)


def sliders(avatar: Avatar) -> dict[str, dict[str, Any]]:
    """The sliders of an avatar's people by name, with their `unit`, usual `step` and largest value `most`."""
    return {slider["name"]: slider for slider in avatar.people.sliders} if avatar.people else {}


@torch.no_grad()
def slider_mapper(path: str | Path, avatar: Avatar) -> FaceMapper:
    """Build a mapper (on the avatar's device, evaluation mode) that moves any face along a slider.

    Args:
        path: `slider:`, a name and maybe `=` and how many of the slider's units; left out: its usual step.
        avatar: whose people have the slider.

    Raises:
        ValueError: if there is no such slider, or the number is none.
    """
    name, given, number = str(path).removeprefix(PREFIX).partition("=")
    known = sliders(avatar)
    if name not in known:
        expected = f"{PREFIX} and one of {', '.join(known)}" if known else f"no {PREFIX} with a generator without them"
        raise ValueError(f"mapper: expected {expected}, got {str(path)!r}")
    try:
        units = float(number) if given else float(known[name]["step"])
    except ValueError:
        units = math.nan
    if not math.isfinite(units):
        raise ValueError(f"mapper: expected a number after {PREFIX}{name}=, got {str(path)!r}")
    people = avatar.people
    row = list(known).index(name)
    step, expression = units * people.directions[row], units * people.expressions[row]
    offset, shape = _style_offset(avatar, people, step), step @ people.shape_weight
    mapper = FaceMapper(*offset.shape, len(expression), 1, expression=bool(expression.any()), n_shape=len(shape))
    mapper.texture.start_at(offset.cpu())
    mapper.identity.start_at(shape[None])
    if mapper.expression is not None:
        mapper.expression.start_at(expression[None])
    return mapper.eval().to(offset.device)


def _style_offset(avatar: Avatar, people: People, step: Tensor) -> Tensor:
    """What a step in the space of codes [K] adds to w+ [L, dim], on average over the people."""
    mapping = avatar.generator.mapping
    z_dim = avatar.generator.config["z_dim"]

    def mean(codes: Tensor) -> Tensor:
        z = functional.pad(codes, (0, z_dim - codes.shape[1])).to(avatar.head.v_template.device)
        return torch.einsum("m,mld->ld", people.weight.to(z), mapping(z))

    return mean(people.codes + step) - mean(people.codes)
