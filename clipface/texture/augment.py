"""Adaptive augmentation of what discriminators see.

Every transform is applied with probability p; p follows how sure the discriminator is of real pictures.

Source: Karras et al., "Training generative adversarial networks with limited data" (NeurIPS 2020, arXiv 2006.06676),
appendix B and section 3.1; own code from its formulas. One difference: pictures are resampled with a bicubic kernel
instead of an orthogonal wavelet at twice the resolution. It is exact for flips, quarter turns and whole pixels.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from clipface.shapes import expect

# Strengths from appendix B of the paper.
TRANSLATION = 0.125  # of the picture's side: bound of whole-pixel shifts, deviation of fractional ones
SCALE_DEVIATION = 0.2  # of log2
BRIGHTNESS_DEVIATION = 0.2  # for pictures in [-1, 1]
CONTRAST_DEVIATION = 0.5  # of log2
SATURATION_DEVIATION = 1.0  # of log2


class Augment(nn.Module):
    """Random flips, turns, shifts, scales and colours, with an adaptive probability.

    Args:
        target: mean sign of the logits of real pictures that p is steered to.
        images: number of images in which p can go from 0 to 1.

    Attributes:
        probability: p, a scalar on the module's device; it never visits the host.
        signs: sum and number of the signs seen since the last adaptation.
    """

    def __init__(self, target: float = 0.6, images: float = 500_000):
        super().__init__()
        self.target, self.images = target, images
        self.register_buffer("probability", torch.zeros(()))
        self.register_buffer("signs", torch.zeros(2))

    def observe(self, real: Tensor) -> None:
        """Take note of logits [B] of real (augmented) pictures."""
        self.signs[0] += real.detach().sign().nan_to_num(0.0).sum()
        self.signs[1] += real.numel()

    def adapt(self) -> None:
        """Move p by the number of logits seen since the last call, up if they were too sure."""
        total, count = self.signs
        step = (total / count.clamp(min=1) - self.target).sign() * count / self.images
        self.probability.add_(step).clamp_(0, 1)
        self.signs.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Transform images [B, 3, H, H] in [-1, 1], each in its own way; what lies outside is mirrored in.

        Gradient: to images, twice differentiable.
        """
        sizes = expect("images", images, ("B", 3, "H", "H"))
        draw = _Draw(sizes["B"], self.probability, images.device)
        moved = resample(images, geometry(draw, sizes["H"]))
        matrix = colour(draw)
        return (matrix[:, :, :3] @ moved.flatten(2) + matrix[:, :, 3:]).view_as(images)


class _Draw:
    """Random numbers for a batch, each left at its neutral value with probability 1 − p."""

    def __init__(self, batch: int, probability: Tensor, device: torch.device):
        self.batch, self.probability, self.device = batch, probability, device

    def _gate(self, value: Tensor, neutral: float, probability: Tensor) -> Tensor:
        return torch.where(torch.rand(self.batch, device=self.device) < probability, value, neutral)

    def normal(self, deviation: float) -> Tensor:
        return self._gate(torch.randn(self.batch, device=self.device) * deviation, 0.0, self.probability)

    def uniform(self, bound: float, probability: Tensor | None = None) -> Tensor:
        value = (torch.rand(self.batch, device=self.device) * 2 - 1) * bound
        return self._gate(value, 0.0, self.probability if probability is None else probability)

    def whole(self, low: int, high: int) -> Tensor:
        value = torch.randint(low, high + 1, (self.batch,), device=self.device).float()
        return self._gate(value, 0.0, self.probability)


def geometry(draw: _Draw, size: int) -> Tensor:
    """Compose the random geometric transforms, [B, 2, 3], output to input positions in [-1, 1].

    The inverse of a random transform is a random transform of the same kind, so each is drawn as an inverse at once.
    """
    flip = 1 - 2 * draw.whole(0, 1)
    turn = draw.whole(0, 3) * (math.pi / 2)
    bound = round(size * TRANSLATION)
    whole_x, whole_y = (draw.whole(-bound, bound) * (2 / size) for _ in "xy")
    scale = torch.exp2(draw.normal(SCALE_DEVIATION))
    # Two turns, before and after the anisotropic scale; together one of them happens with probability p.
    once = 1 - (1 - draw.probability).sqrt()
    before, after = (draw.uniform(math.pi, once) for _ in "ab")
    stretch = torch.exp2(draw.normal(SCALE_DEVIATION))
    part_x, part_y = (draw.normal(TRANSLATION) * 2 for _ in "xy")
    linear = _rotation(turn, exact=True) * torch.stack((flip, torch.ones_like(flip)), 1)[:, None]
    scales = torch.diag_embed(torch.stack((scale * stretch, scale / stretch), 1))
    rest = linear @ _rotation(before) @ scales @ _rotation(after)
    shift = torch.stack((whole_x, whole_y), 1)[..., None] + rest @ torch.stack((part_x, part_y), 1)[..., None]
    return torch.cat((rest, shift), 2)


def colour(draw: _Draw) -> Tensor:
    """Compose the random colour transforms, [B, 3, 4]: a matrix and an offset."""
    eye = torch.eye(3, device=draw.device)
    luma = torch.full((3, 3), 1 / 3, device=draw.device)  # projection on the grey axis v vᵀ, v = (1, 1, 1)/√3
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=draw.device) / 3**0.5
    brightness = draw.normal(BRIGHTNESS_DEVIATION)
    contrast = torch.exp2(draw.normal(CONTRAST_DEVIATION))[:, None, None]
    inverted = draw.whole(0, 1)[:, None, None]
    angle = draw.uniform(math.pi)[:, None, None]
    saturation = torch.exp2(draw.normal(SATURATION_DEVIATION))[:, None, None]
    hue = luma + angle.cos() * (eye - luma) + angle.sin() * cross  # Rodrigues' formula about the grey axis
    matrix = (luma + saturation * (eye - luma)) @ hue @ (eye - 2 * inverted * luma)
    # Brightness comes first in the paper, so every later transform acts on it too.
    offset = (matrix * contrast).sum(2) * brightness[:, None]
    return torch.cat((matrix * contrast, offset[..., None]), 2)


def resample(images: Tensor, transform: Tensor) -> Tensor:
    """Sample images [B, C, H, W] at affine positions [B, 2, 3] (output to input, in [-1, 1]), bicubic and mirrored."""
    grid = F.affine_grid(transform.to(images.dtype), list(images.shape), align_corners=False)
    return _Resample.apply(images, grid)


_BICUBIC, _REFLECTION = 2, 2  # PyTorch's numbers for the interpolation and padding modes


class _Resample(Function):
    """Grid sampling, linear in the image: PyTorch's own backward cannot be differentiated again."""

    @staticmethod
    def forward(ctx, images, grid):
        ctx.save_for_backward(grid)
        ctx.size = images.shape
        return F.grid_sample(images, grid, mode="bicubic", padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx, gradient):
        return _ResampleTransposed.apply(gradient, ctx.saved_tensors[0], ctx.size), None


class _ResampleTransposed(Function):
    @staticmethod
    def forward(ctx, gradient, grid, size):
        ctx.save_for_backward(grid)
        # The operator wants an image; its values do not matter, since the grid gets no gradient.
        image = gradient.new_empty(()).expand(size)
        modes = (_BICUBIC, _REFLECTION, False, (True, False))
        return torch.ops.aten.grid_sampler_2d_backward(gradient.contiguous(), image, grid, *modes)[0]

    @staticmethod
    def backward(ctx, gradient):
        return _Resample.apply(gradient, ctx.saved_tensors[0]), None, None


def _rotation(angle: Tensor, exact: bool = False) -> Tensor:
    cosine, sine = angle.cos(), angle.sin()
    if exact:  # a quarter turn must hit pixel centres
        cosine, sine = cosine.round(), sine.round()
    return torch.stack((torch.stack((cosine, -sine), 1), torch.stack((sine, cosine), 1)), 1)
