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
STEPS = 8  # from the coefficients
STEPS_FROM_MEAN = 40  # without a linear model
SPREAD = 0.2  # of colours in -1..1: larger differences count linearly
FIRST = 200.0  # step over slope, before any curvature is known
LONGEST = 0.3  # step of an entry of a code
PRIOR = 0.02  # weight of the mean squared distance from the start


class Inverted(NamedTuple):
    """Codes, and how far their textures are off."""

    w_plus: Tensor  # [B, L, dim]
    error: Tensor  # [B] mean absolute difference of colours in 0..1

    def or_better(self, w_plus: Tensor, away: Tensor) -> "Inverted":
        """Other codes where their differences [B, 3, S, S] of colours in -1..1 are smaller."""
        error = away.abs().mean((1, 2, 3)) / 2
        better = error < self.error
        return Inverted(torch.where(better[:, None, None], w_plus, self.w_plus), torch.where(better, error, self.error))


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
    return _refined(generator, start, targets, size, steps)


def _start(generator: TextureGenerator, linear: LinearTextures | None, textures: Tensor) -> Tensor:
    if linear is None:
        return generator.mapping.w_avg.expand(len(textures), generator.levels, -1).clone()
    coefficients = linear.coefficients(resized(textures, linear.size) * 2 - 1)
    z = functional.pad(coefficients, (0, generator.config["z_dim"] - linear.count))
    return generator.mapping(z).clone()


@torch.enable_grad()
def _refined(generator: TextureGenerator, start: Tensor, targets: Tensor, size: int, steps: int) -> Inverted:
    """The best codes on the way of L-BFGS; Adam takes half as many steps again.

    Source: Nocedal, Wright, "Numerical optimization" (2006), algorithm 7.4.
    """
    codes, last, pairs = start, None, []
    best = Inverted(start, torch.full_like(start[:, 0, 0], torch.inf))
    for _ in range(steps):
        codes = codes.detach().requires_grad_()
        away = generator.synthesis(codes, size=size) - targets
        # Charbonnier: what is far off, such as a pattern that no code makes, counts linearly.
        data = ((away / SPREAD).square() + 1).sqrt().mean((1, 2, 3)) * SPREAD
        loss = data + PRIOR * (codes - start).square().mean((1, 2))
        (slope,) = torch.autograd.grad(loss.sum(), [codes])
        best = best.or_better(codes.detach(), away.detach())
        now = codes.detach().flatten(1), slope.flatten(1)
        if last is not None:
            pairs.append(tuple(new - old for new, old in zip(now, last, strict=True)))
        last = now
        codes = codes + _step(now[1], pairs).view_as(codes)
    with torch.no_grad():
        away = torch.cat([generator.synthesis(row, size=size) for row in memory_parts(codes)]) - targets
        return best.or_better(codes.detach(), away)


def _step(slope: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The step [B, n] against slopes [B, n] under the curvature that pairs of moves and changes of slope show."""
    rest, shares = slope, []
    products = [_dot(move, change) for move, change in pairs]
    sound = [product > 0 for product in products]  # curvature that is not positive is left out
    for (move, change), product, holds in zip(pairs[::-1], products[::-1], sound[::-1], strict=True):
        shares.append(torch.where(holds, _dot(move, rest) / product, 0))
        rest = rest - shares[-1] * change
    scale = torch.full_like(slope[:, :1], FIRST)
    for (_, change), product, holds in zip(pairs, products, sound, strict=True):
        scale = torch.where(holds, product / _dot(change, change), scale)
    step = scale * rest
    for (move, change), product, holds, share in zip(pairs, products, sound, shares[::-1], strict=True):
        step = step + torch.where(holds, share - _dot(change, step) / product, 0) * move
    return -step * (LONGEST / step.abs().amax(1, keepdim=True)).clamp_max(1)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).sum(1, keepdim=True)
