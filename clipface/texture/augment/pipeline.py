"""Adaptive augmentation of the images that discriminators get.

Every transform is applied with probability p; p follows how sure the discriminator is of real images.

Source: Karras et al., "Training generative adversarial networks with limited data" (NeurIPS 2020, arXiv 2006.06676),
section 3.1 and appendix B; own code from its formulas.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from clipface.shapes import expect
from clipface.texture.augment.transforms import (
    BAND_POWER,
    band_gains,
    colour_map,
    cut_out,
    filter_bands,
    pixel_map,
    smooth_map,
)
from clipface.texture.ops.resample import resample

# Transforms by group; a run may name groups or single transforms.
GROUPS = {
    "blit": ("flip", "turn", "shift"),
    "geometry": ("scale", "rotate", "stretch", "move"),
    "colour": ("brightness", "contrast", "invert", "hue", "saturation"),
    "filter": ("filter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
}
NAMES = tuple(name for group in GROUPS.values() for name in group)
PAPER = ("blit", "geometry", "colour")  # what the paper found best for small sets of faces

# Strengths from appendix B of the paper.
TRANSLATION = 0.125  # of the image's side: bound of whole-pixel shifts, deviation of fractional ones
SCALE_DEVIATION = 0.2  # of log2
BRIGHTNESS_DEVIATION = 0.2  # for images in [-1, 1]
CONTRAST_DEVIATION = 0.5  # of log2
SATURATION_DEVIATION = 1.0  # of log2
BAND_DEVIATION = 1.0  # of log2
NOISE_DEVIATION = 0.1  # of the noise's own deviation
CUTOUT_SIDE = 0.5  # of the image's side


class Augment(nn.Module):
    """Random transforms with an adaptive probability.

    Args:
        target: mean sign of the logits of real images that p is steered to.
        images: in which p can go from 0 to 1.
        transforms: groups or single transforms (see GROUPS) that may happen.

    Attributes:
        probability: p, a scalar on the module's device; it never visits the host.
        signs: sum and number of the logits' signs since the last adaptation.
    """

    def __init__(self, target: float = 0.6, images: float = 500_000, transforms: Sequence[str] = PAPER) -> None:
        super().__init__()
        unknown = [name for name in transforms if name not in GROUPS and name not in NAMES]
        if unknown:
            raise ValueError(f"transforms: expected some of {', '.join((*GROUPS, *NAMES))}, got {unknown}")
        self.target, self.images = target, images
        self.used = {part for name in transforms for part in GROUPS.get(name, (name,))}
        self.register_buffer("probability", torch.zeros(()))
        self.register_buffer("signs", torch.zeros(2))

    def observe(self, real: Tensor) -> None:
        """Take note of logits [B] of real (augmented) images."""
        self.signs[0] += real.detach().sign().nan_to_num(0.0).sum()
        self.signs[1] += real.numel()

    def adapt(self) -> None:
        """Move p by the number of logits since the last call, up if they were too sure."""
        total, count = self.signs
        step = (total / count.clamp(min=1) - self.target).sign() * count / self.images
        self.probability.add_(step).clamp_(0, 1)
        self.signs.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Transform images [B, 3, H, H] in [-1, 1], each in its own way; one that nothing happens to stays as it is.

        Gradient: to images, twice differentiable.
        """
        sizes = expect("images", images, ("B", 3, "H", "H"))
        images = images.contiguous()
        random = _Random(sizes["B"], self.probability, self.used, images.device)
        if self.used & {*GROUPS["blit"], *GROUPS["geometry"]}:
            transform, moved = geometry(random, sizes["H"])
            images = resample(images, transform[:, :2], ~moved)
        if self.used & {*GROUPS["colour"]}:
            matrix, changed = colour(random)
            matrix = matrix.to(images.dtype)
            coloured = torch.baddbmm(matrix[:, :, 3:], matrix[:, :, :3], images.flatten(2)).view_as(images)
            images = torch.where(changed[:, None, None, None], coloured, images)
        return self._degrade(images, random) if self.used & {"filter", "noise", "cutout"} else images

    def _degrade(self, images: Tensor, random: "_Random") -> Tensor:
        if "filter" in self.used:
            strengths = torch.stack([random.normal("filter", BAND_DEVIATION) for _ in BAND_POWER], 1)
            filtered = filter_bands(images, band_gains(strengths))
            images = torch.where((strengths != 0).any(1)[:, None, None, None], filtered, images)
        if "noise" in self.used:
            deviation = random.normal("noise", NOISE_DEVIATION).abs()
            images = images + torch.randn_like(images) * deviation[:, None, None, None]
        if "cutout" in self.used:
            happens, centre = random.happens("cutout"), torch.rand(len(images), 2, device=images.device)
            images = cut_out(images, centre, happens, CUTOUT_SIDE)
        return images


class _Random:
    """Random numbers for a batch, each left at its neutral value 0 with probability 1 − p."""

    def __init__(self, batch: int, probability: Tensor, used: set[str], device: torch.device):
        self.batch, self.probability, self.used, self.device = batch, probability, used, device

    def happens(self, name: str, probability: Tensor | None = None) -> Tensor:
        """[B] of 1 and 0: whether a transform happens."""
        if name not in self.used:
            return torch.zeros(self.batch, device=self.device)
        chance = self.probability if probability is None else probability
        return (torch.rand(self.batch, device=self.device) < chance).float()

    def normal(self, name: str, deviation: float, columns: int = 1) -> Tensor:
        """[B], or [B, columns] of which all or none are neutral."""
        return self._gated(name, torch.randn(columns, self.batch, device=self.device) * deviation)

    def angle(self, name: str, probability: Tensor | None = None) -> Tensor:
        """[B] in [-π, π]."""
        value = (torch.rand(1, self.batch, device=self.device) * 2 - 1) * math.pi
        return self._gated(name, value, probability)

    def whole(self, name: str, low: int, high: int, columns: int = 1) -> Tensor:
        """[B], or [B, columns], of whole numbers."""
        return self._gated(name, torch.randint(low, high + 1, (columns, self.batch), device=self.device).float())

    def _gated(self, name: str, value: Tensor, probability: Tensor | None = None) -> Tensor:
        value = value * self.happens(name, probability)
        return value[0] if len(value) == 1 else value.T


def geometry(random: _Random, size: int) -> tuple[Tensor, Tensor]:
    """All geometric transforms: one map [B, 3, 3] each, and [B] whether it falls between pixels."""
    bound = round(size * TRANSLATION)
    pixels = pixel_map(
        random.whole("flip", 0, 1), random.whole("turn", 0, 3), random.whole("shift", -bound, bound, 2) * (2 / size)
    )
    # Two turns, before and after the anisotropic scale; together one of them happens with probability p.
    once = 1 - (1 - random.probability).sqrt()
    scale, before = random.normal("scale", SCALE_DEVIATION), random.angle("rotate", once)
    stretch, after = random.normal("stretch", SCALE_DEVIATION), random.angle("rotate", once)
    move = random.normal("move", 2 * TRANSLATION, 2)
    moved = torch.cat((torch.stack((scale, before, stretch, after), 1), move), 1) != 0
    return pixels @ smooth_map(scale, before, stretch, after, move), moved.any(1)


def colour(random: _Random) -> tuple[Tensor, Tensor]:
    """All colour transforms: one map [B, 3, 4] each, and [B] whether there is any."""
    brightness = random.normal("brightness", BRIGHTNESS_DEVIATION)
    contrast = random.normal("contrast", CONTRAST_DEVIATION)
    invert, hue = random.whole("invert", 0, 1), random.angle("hue")
    saturation = random.normal("saturation", SATURATION_DEVIATION)
    parts = (brightness, contrast, invert, hue, saturation)
    return colour_map(*parts), (torch.stack(parts) != 0).any(0)
