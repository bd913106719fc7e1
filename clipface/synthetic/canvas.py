"""What layers paint on, and with: the canvas (colour, relief, gloss) and the context (maps, noise, randomness)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from clipface.synthetic.face.curves import step
from clipface.synthetic.face.features import Features
from clipface.synthetic.face.iris import EyeMaps
from clipface.synthetic.noise import NoiseBank

# wavelengths in metres; the finest are two texels or so of a 256 x 256 texture
WAVELENGTHS = {"broad": 0.045, "wide": 0.022, "blotch": 0.012, "spot": 0.0065, "grain": 0.0036,
               "pore": 0.0021,
               "fine": 0.0012}  # fmt: skip


@dataclass
class Canvas:
    """A batch of textures being painted.

    Attributes:
        colour: [B, 3, R, R] in 0..1, before light. height: [B, 1, R, R] relief, about millimetres, lit as an emboss.
        gloss: [B, 1, R, R] strength of the highlight, 0 (chalk) to 1 (wet).
    """

    colour: Tensor
    height: Tensor
    gloss: Tensor

    def blend(self, colour: Tensor | Sequence[float], mask: Tensor) -> None:
        """Cover with a colour ([3], [B, 3, 1, 1] or an image) where mask [B | 1, 1, R, R] is 1."""
        self.colour = torch.lerp(self.colour, as_colour(colour, self.colour).expand_as(self.colour), mask.clamp(0, 1))

    def tint(self, colour: Tensor | Sequence[float], mask: Tensor) -> None:
        """Multiply by a colour where mask is 1: what is beneath still shows."""
        self.colour = self.colour * (1 + (as_colour(colour, self.colour) - 1) * mask.clamp(0, 1))

    def rows(self, index: Tensor) -> "Canvas":
        """Copy of some of the batch."""
        return Canvas(self.colour[index], self.height[index], self.gloss[index])

    def put(self, index: Tensor, part: "Canvas") -> None:
        """Put back what `rows` took out."""
        self.colour[index], self.height[index], self.gloss[index] = part.colour, part.height, part.gloss


def as_colour(colour: Tensor | Sequence[float], like: Tensor) -> Tensor:
    """A colour in a form that broadcasts with images [B, 3, R, R]."""
    colour = torch.as_tensor(colour, dtype=like.dtype, device=like.device)
    return colour.view(1, 3, 1, 1) if colour.ndim == 1 else colour


def grey(colour: Tensor) -> Tensor:
    """Luma [B, 1, R, R] of colours [B, 3, R, R]."""
    return (colour * colour.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def blur(image: Tensor, radius: int) -> Tensor:
    """Box blur of an image [B, C, R, R], edges repeated."""
    padded, side = functional.pad(image, (radius,) * 4, mode="replicate"), 2 * radius + 1
    return functional.avg_pool2d(functional.avg_pool2d(padded, (side, 1), 1), (1, side), 1)


class PaintContext:
    """Everything layers need besides the canvas. All randomness comes from `generator`, on the device of the maps.

    Args:
        features, bank, eyes: the maps, the noise, and the eyes' structure.
        generator: source of randomness.
        alike: all faces of a batch get one design: one pattern of noise, the middle of every range, the first of
            every choice.
        lit: the faces are photographs, light included.
    """

    def __init__(
        self, features: Features, bank: NoiseBank, eyes: EyeMaps, generator: torch.Generator, alike: bool, lit: bool
    ) -> None:
        self.at, self.bank, self.eyes, self.generator = features, bank, eyes, generator
        self.alike, self.lit = alike, lit
        self.device = features.position.device

    def _drawn(self, batch: int) -> int:
        return 1 if self.alike else batch

    def random(self, batch: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """[batch, 1, 1, 1] uniform numbers."""
        if self.alike:
            return torch.full((batch, 1, 1, 1), (low + high) / 2, device=self.device)
        return low + (high - low) * torch.rand(batch, 1, 1, 1, generator=self.generator, device=self.device)

    def chance(self, batch: int, share: float) -> Tensor:
        """[batch, 1, 1, 1], 1 with probability `share`, else 0."""
        return (self.random(batch) < share).float()

    def noise(self, name: str, batch: int) -> Tensor:
        """[batch, 1, R, R] field of one wavelength, about N(0, 1)."""
        field = self.bank.sample(name, self._drawn(batch), self.generator)
        return field.expand(batch, *field.shape[1:])

    def fractal(self, names: str, batch: int, falloff: float = 0.6) -> Tensor:
        """Sum of fields, names separated by spaces, coarse to fine; about N(0, 1)."""
        field = self.bank.fractal(tuple(names.split()), self._drawn(batch), self.generator, falloff)
        return field.expand(batch, *field.shape[1:])

    def patches(self, names: str, batch: int, low: float, high: float, falloff: float = 0.6) -> Tensor:
        """Soft-edged patches of skin [batch, 1, R, R]: where a fractal field rises from `low` to `high`."""
        return step(low, high, self.fractal(names, batch, falloff)) * self.at.skin

    def colours(self, choices: Sequence[Sequence[float]], batch: int, spread: float = 0.03) -> Tensor:
        """[batch, 3, 1, 1] colours chosen at random and varied a little."""
        table = torch.tensor(choices, device=self.device)
        if self.alike:
            return table[:1, :, None, None].expand(batch, 3, 1, 1)
        index = torch.randint(len(choices), (batch,), generator=self.generator, device=self.device)
        return self.vary(table[index][:, :, None, None], spread)

    def vary(self, colours: Tensor, spread: float = 0.03) -> Tensor:
        """Colours [B, 3, 1, 1] changed a little, brightness more than hue."""
        if self.alike:
            return colours
        noise = torch.randn(len(colours), 4, 1, 1, generator=self.generator, device=self.device) * spread
        return (colours + noise[:, :3] * 0.5 + noise[:, 3:]).clamp(0, 1)

    def table(
        self, colours: dict[str, tuple[float, float, float]], names: Sequence[str], spread: float = 0.03
    ) -> Tensor:
        """[B, 3, 1, 1] colours looked up by name and varied a little."""
        return self.vary(torch.tensor([colours[name] for name in names], device=self.device)[:, :, None, None], spread)
