"""From a texture to the generator's code that makes the most similar one."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clipface.edit.persons.detail import resized
from clipface.shapes import expect
from clipface.texture.generator import TextureGenerator, memory_parts
from clipface.texture.linear import LinearTextures

SIZE = 256  # of the textures that are compared: a step through a generator's finer layers takes four times as long
STEPS = 12  # from the coefficients
STEPS_FROM_MEAN = 60  # without a linear model
RATE = 0.03
PRIOR = 0.02  # weight of the mean squared distance from the start


class Inverted(NamedTuple):
    """Codes, and how far their textures are off."""

    w_plus: Tensor  # [B, L, dim]
    error: Tensor  # [B] mean absolute difference of colours in 0..1


def invert(
    generator: TextureGenerator, linear: LinearTextures | None, textures: Tensor, steps: int | None = None
) -> Inverted:
    """Find the codes whose textures come nearest to given ones.

    Args:
        generator: in evaluation mode.
        linear: the model whose coefficients are the first entries of the generator's z: they give the start at once.
            None: from the mean code, which takes five times the steps.
        textures: [B, 3, S, S] in 0..1, of the generator's UV map.
        steps: on w+ after the start; None: the usual number.

    Returns:
        Codes and errors on the textures' device; each row as if it were alone. Gradient: none.
    """
    expect("textures", textures, ("B", 3, "S", "S"))
    with torch.no_grad():
        start = _start(generator, linear, textures)
        size = min(SIZE, generator.config["resolution"])
        targets = resized(textures, size) * 2 - 1
    if steps is None:
        steps = STEPS if linear is not None else STEPS_FROM_MEAN
    w_plus = _refined(generator, start, targets, size, steps)
    with torch.no_grad():
        made = torch.cat([generator.synthesis(row, size=size) for row in memory_parts(w_plus)])
        error = (made - targets).abs().mean((1, 2, 3)) / 2
    return Inverted(w_plus, error)


def _start(generator: TextureGenerator, linear: LinearTextures | None, textures: Tensor) -> Tensor:
    if linear is None:
        return generator.mapping.w_avg.expand(len(textures), generator.levels, -1).clone()
    coefficients = linear.coefficients(resized(textures, linear.size) * 2 - 1)
    z = functional.pad(coefficients, (0, generator.config["z_dim"] - linear.count))
    return generator.mapping(z).clone()


@torch.enable_grad()
def _refined(generator: TextureGenerator, start: Tensor, targets: Tensor, size: int, steps: int) -> Tensor:
    if steps == 0:
        return start
    w_plus = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([w_plus], lr=RATE, betas=(0.9, 0.99))
    for _ in range(steps):
        made = generator.synthesis(w_plus, size=size)
        loss = (made - targets).abs().mean((1, 2, 3)) + PRIOR * (w_plus - start).square().mean((1, 2))
        (w_plus.grad,) = torch.autograd.grad(loss.sum(), [w_plus])
        optimiser.step()
    return w_plus.detach()
