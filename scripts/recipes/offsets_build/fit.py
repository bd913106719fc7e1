"""Offsets of w+ by which a finished generator changes textures as the painter does."""

import math
import random
import time
from argparse import Namespace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from clipface import weights
from clipface.edit.attributes import LOOKS_FILE
from clipface.head import load_head
from clipface.render.uv import UVMap
from clipface.synthetic.looks.registry import OPTIONS
from clipface.synthetic.painter import Painter
from clipface.texture.generator import TextureGenerator
from clipface.texture.linear import LINEAR_FILE, LinearTextures
from trainer.texture_gan.anchored.textures import PaintedTextures, TextureSet

SIZES = (1, 4, 16)  # how much smaller the textures are that are compared
CHANGED = 0.9  # quantile of a look's mean change from which on a texel counts as changed throughout
UNCHANGED = 0.5  # weight of all that a look leaves, against 1 for all that it changes
LENGTH = 2e-3  # weight of an offset's mean square
GENERATED_AT_ONCE = 16


class Painted(NamedTuple):
    """One look on N textures: codes [N, L, w_dim], the generator's plain textures and the wanted change, both
    [N, 3, R, R] float16, and the importance of each texel [1, 1, R, R], of mean 1."""

    codes: Tensor
    plain: Tensor
    change: Tensor
    importance: Tensor


def fit(options: Namespace) -> None:
    """All of scripts/recipes/fit_offsets.py: paint, fit, write.

    Args:
        options: see its help.

    Raises:
        FileNotFoundError, ValueError: if a file is missing or does not fit.
    """
    looks_path = options.generator.with_name(LOOKS_FILE)
    tensors, notes = weights.load(looks_path)
    generator = TextureGenerator.from_weights(options.generator).to(options.device).requires_grad_(False)
    linear = LinearTextures.from_weights(options.generator.with_name(LINEAR_FILE)).to(options.device)
    looks = paint(options, generator, linear)
    offsets = tensors["offsets"].float().to(options.device).requires_grad_()
    before = losses(generator, looks, offsets)
    optimise(options, generator, looks, offsets)
    after = losses(generator, looks, offsets)
    for (name, value), first, last in zip(OPTIONS, before, after, strict=True):
        print(f"{name} {value}: {first:.3f} -> {last:.3f} of the change is missed")
    print(weights.save(options.out or looks_path, {"offsets": offsets.detach()}, notes, half=True))


@torch.no_grad()
def paint(options: Namespace, generator: TextureGenerator, linear: LinearTextures) -> list[Painted]:
    """Paint every look over textures, as the anchored recipe does."""
    size, head = generator.config["resolution"], load_head().to(options.device)
    textures = TextureSet(options.textures, UVMap(head, size))
    painted = PaintedTextures(textures, Painter(head, size), options.count, options.seed)
    looks = []
    for option in range(len(OPTIONS)):
        rows = (painted.options == option).nonzero().flatten()
        plain = textures[painted.bases[rows]]
        z = torch.zeros(len(rows), generator.config["z_dim"], device=plain.device)
        z[:, : linear.count] = linear.coefficients(plain)
        codes, change = generator.mapping(z).contiguous(), painted[rows] - plain
        own = torch.cat([synthesize(generator, part) for part in codes.split(GENERATED_AT_ONCE)])
        looks.append(Painted(codes, own.half(), change.half(), importance(change)))
    return looks


def importance(change: Tensor) -> Tensor:
    """[1, 1, R, R] of mean 1: high where a look changes textures, however small that part is."""
    mean = change.abs().mean((0, 1), keepdim=True)
    mean = functional.avg_pool2d(mean, 5, 1, 2)
    changed = (mean / torch.quantile(mean[mean > mean.mean() / 10], CHANGED).clamp_min(1e-4)).clamp(0, 1)
    left = 1 - changed
    both = changed / changed.mean().clamp_min(1e-4) + UNCHANGED * left / left.mean().clamp_min(1e-4)
    return both / both.mean()


def synthesize(generator: TextureGenerator, codes: Tensor) -> Tensor:
    """Textures [B, 3, R, R] of codes, with reduced precision on a GPU."""
    return generator.synthesis(codes, "const", torch.bfloat16 if codes.is_cuda else None).float()


def loss(generator: TextureGenerator, look: Painted, offset: Tensor, rows: list[int]) -> Tensor:
    """How far a look's change of some textures is from the wanted one, relative to it; at several sizes."""
    change = synthesize(generator, look.codes[rows] + offset) - look.plain[rows].float()
    wanted, total = look.change[rows].float(), offset.new_zeros(())
    for factor in SIZES:
        parts = [functional.avg_pool2d(part, factor) for part in (change, wanted, look.importance)]
        missed = ((parts[0] - parts[1]).abs() * parts[2]).mean()
        total = total + missed / (parts[1].abs() * parts[2]).mean().clamp_min(1e-4)
    return total / len(SIZES)


@torch.no_grad()
def losses(generator: TextureGenerator, looks: list[Painted], offsets: Tensor) -> list[float]:
    """The loss of every look over its first textures."""
    rows = list(range(min(8, len(looks[0].codes))))
    return [float(loss(generator, look, offset, rows)) for look, offset in zip(looks, offsets, strict=True)]


def optimise(options: Namespace, generator: TextureGenerator, looks: list[Painted], offsets: Tensor) -> None:
    """Adam on all offsets, one look after the other, with a rate that falls to 0."""
    optimizer = torch.optim.Adam([offsets], options.rate, (0.9, 0.99))
    picks, begin, done = random.Random(options.seed), time.monotonic(), 0.0
    with tqdm(total=options.steps, unit="round") as bar:
        for step in range(options.steps):
            passed = (time.monotonic() - begin) / 60
            done = max(step / options.steps, passed / options.minutes if options.minutes else 0.0)
            if done >= 1:
                break
            optimizer.param_groups[0]["lr"] = options.rate * (1 + math.cos(math.pi * done)) / 2
            optimizer.zero_grad()
            for look, offset in zip(looks, offsets, strict=True):
                rows = picks.sample(range(len(look.codes)), min(options.batch, len(look.codes)))
                # Each look has parameters of its own, so one backward pass after the other gives one step of all.
                (loss(generator, look, offset, rows) + LENGTH * offset.square().mean()).backward()
            optimizer.step()
            bar.update()
