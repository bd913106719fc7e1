"""How a mapper begins: at zero offsets, at random, at a look, or where a file left off."""

from typing import Any

import torch
from torch import Tensor

from clipface import weights
from clipface.edit.attributes import is_look, known_start, look_offset
from clipface.edit.avatar import Avatar
from clipface.edit.loading import read_mapper
from clipface.edit.mapper import FaceMapper
from trainer.mapper.config import LearningRates, ModelConfig

STARTS = ("known", "zero", "random")  # anything else is a file, or a look


def initial_mapper(model: ModelConfig, avatar: Avatar, prompt: str | None = None) -> FaceMapper:
    """Create the mapper that a run trains.

    Args:
        model: what may change, and where it begins.
        avatar: generator and head.
        prompt: name of the prompt, where the generator is the one that assets name: for `init_from=known`.

    Raises:
        ValueError: if nothing may change, the head lacks the region, or a file holds another mapper.
        FileNotFoundError: if there is no such file.
    """
    head, generator = avatar.head, avatar.generator
    expression = model.region is None if model.expression is None else model.expression
    mapper = FaceMapper(
        generator.levels, generator.config["w_dim"], head.n_expression, model.layers, model.texture, expression,
        head.n_shape if model.identity else 0, model.region,
    )  # fmt: skip
    if model.region is not None:
        avatar.mask(model.region)  # refused now, not after the first step
    start = known_start(model.init_from, None if mapper.texture is None else prompt)
    if start == "random":
        for part in mapper.parts():
            part.start_at_random()
    elif is_look(start):
        if mapper.texture is None:
            raise ValueError(f"model.init_from: expected an edit of the texture with {start}, got texture=false")
        mapper.texture.start_at(look_offset(start, generator.levels))
    elif start not in STARTS:
        _take_over(mapper, start)
    return mapper


def _take_over(mapper: FaceMapper, path: str) -> None:
    """Copy the networks that both have; a file may have more, and a part that it lacks begins at zero offsets."""
    file, _ = read_mapper(path, mapper.config["levels"])
    found, own = file.state_dict(), mapper.state_dict()
    names = [name for name in own if name in found]
    if not names:
        raise ValueError(f"model.init_from: expected networks that this run trains, got {path} with none of them")
    for name in names:
        if found[name].shape != own[name].shape and name.startswith("expression."):
            found[name] = _widened(found[name], own[name])
    weights.load_into(mapper, {**own, **{name: found[name] for name in names}}, f"model.init_from: {path}")


def _widened(layer: Tensor, larger: Tensor) -> Tensor:
    """Pad the last layer for fewer coefficients with zero rows: theirs are 50, a head can have more."""
    padded = torch.zeros_like(larger)
    padded[tuple(slice(size) for size in layer.shape)] = layer
    return padded


def learning_groups(mapper: FaceMapper, rates: LearningRates) -> list[dict[str, Any]]:
    """Parameters of each network with its learning rate, for an optimizer."""
    parts = (mapper.texture, rates.texture), (mapper.expression, rates.expression), (mapper.identity, rates.identity)
    return [{"params": part.parameters(), "lr": rate} for part, rate in parts if part is not None]
