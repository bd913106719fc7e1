"""Formulas of the random transforms of adaptive augmentation; random numbers come from pipeline.py.

Source: Karras et al., "Training generative adversarial networks with limited data" (arXiv 2006.06676), appendix B; own
code from its formulas.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from clipface.texture.ops.resample import mirrored

# Half-band low-pass filter of Daubechies' wavelet with two vanishing moments ("sym2"), sum √2.
SYM2 = np.array([-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025])
# Power that images have in each band of `bands`, lowest first, as the paper takes it.
BAND_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)


def pixel_map(flip: Tensor, turn: Tensor, shift: Tensor) -> Tensor:
    """Maps [B, 3, 3] that take pixels to pixels, from places in the result to places in the image, in [-1, 1].

    Args:
        flip: [B], 1 mirrors left and right, 0 does not.
        turn: [B], quarter turns, 0 to 3.
        shift: [B, 2], along x and y, in [-1, 1] units (a whole number of pixels).
    """
    angle = turn * (math.pi / 2)
    rotation = _rotation(angle.cos().round(), angle.sin().round())  # rounded: pixels must hit pixels
    mirror = _diagonal(1 - 2 * flip, torch.ones_like(flip))
    return _affine(rotation @ mirror, shift)


def smooth_map(scale: Tensor, before: Tensor, stretch: Tensor, after: Tensor, shift: Tensor) -> Tensor:
    """Maps [B, 3, 3] with the transforms that fall between pixels, in [-1, 1].

    The inverse of a random transform is a random transform of the same kind, so each is sampled as an inverse at once.

    Args:
        scale: [B], log2 of the isotropic scale.
        before, after: [B], turns in radians, before and after the anisotropic scale.
        stretch: [B], log2 of the anisotropic scale: width times as much as height is divided by.
        shift: [B, 2], along x and y.
    """
    scales = _diagonal(torch.exp2(scale + stretch), torch.exp2(scale - stretch))
    linear = _rotation(before.cos(), before.sin()) @ scales @ _rotation(after.cos(), after.sin())
    return _affine(linear, (linear @ shift[..., None])[..., 0])


def colour_map(brightness: Tensor, contrast: Tensor, invert: Tensor, hue: Tensor, saturation: Tensor) -> Tensor:
    """Colour maps [B, 3, 4], a matrix and an offset, for colours in [-1, 1].

    Args:
        brightness: [B], added first.
        contrast: [B], log2 of a factor.
        invert: [B], 1 turns light into dark at the same hue (mirrors along the grey axis), 0 does not.
        hue: [B], turn about the grey axis, radians.
        saturation: [B], log2 of a factor of the distance from the grey axis.
    """
    eye, luma, cross = (part.to(brightness) for part in _axes(brightness.device))
    angle = hue[:, None, None]
    turned = luma + angle.cos() * (eye - luma) + angle.sin() * cross  # Rodrigues' formula about the grey axis
    matrix = luma + torch.exp2(saturation)[:, None, None] * (eye - luma)
    matrix = matrix @ turned @ (eye - 2 * invert[:, None, None] * luma) * torch.exp2(contrast)[:, None, None]
    return torch.cat((matrix, (matrix.sum(2) * brightness[:, None])[..., None]), 2)


@lru_cache(maxsize=8)
def _axes(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Identity, the projection on the grey axis v vᵀ with v = (1, 1, 1)/√3, and the cross product with v."""
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    return torch.eye(3).to(device), torch.full((3, 3), 1 / 3).to(device), cross.to(device)


def band_gains(strengths: Tensor) -> Tensor:
    """Factors [B, 4] of the bands: each band is strengthened in turn, and the image's expected power kept.

    Args:
        strengths: [B, 4], log2.
    """
    power = _band_power(strengths.device).to(strengths)
    gains = torch.ones_like(strengths)
    for band in range(len(BAND_POWER)):
        own = torch.ones_like(strengths)
        own[:, band] = torch.exp2(strengths[:, band])
        gains = gains * own / (power * own.square()).sum(1, keepdim=True).sqrt()
    return gains


def filter_bands(images: Tensor, gains: Tensor) -> Tensor:
    """Multiply the frequency bands [0, π/8], [π/8, π/4], [π/4, π/2], [π/2, π] of images [B, C, H, H] by gains [B, 4].

    The same filter runs along both axes, as a matrix per image, with mirrored edges.
    """
    size = images.shape[-1]
    matrix = (gains.to(images.dtype) @ _band_matrices(size, images.device).to(images.dtype)).view(-1, 1, size, size)
    return matrix @ images @ matrix.mT


@lru_cache(maxsize=8)
def _band_power(device: torch.device) -> Tensor:
    return torch.tensor(BAND_POWER).to(device)


@lru_cache(maxsize=8)
def _band_matrices(size: int, device: torch.device) -> Tensor:
    """[4, size · size]: each band's filter as a matrix."""
    matrices = np.zeros((len(BAND_POWER), size, size))
    for matrix, taps in zip(matrices, bands(), strict=True):
        for row in range(size):
            for tap, weight in enumerate(taps):
                matrix[row, mirrored(row + tap - len(taps) // 2, size)] += weight
    return torch.from_numpy(matrices.reshape(len(matrices), -1)).float().to(device)


def bands() -> list[np.ndarray]:
    """Zero-phase filters of the four bands, lowest first; together they let everything through."""
    low = np.convolve(SYM2, SYM2[::-1]) / 2
    high = low * (-1.0) ** (np.arange(len(low)) - len(low) // 2)
    lower, found = np.ones(1), []
    for octave in range(len(BAND_POWER) - 1):
        found.append(np.convolve(lower, _spread(high, 2**octave)))
        lower = np.convolve(lower, _spread(low, 2**octave))
    return [lower, *reversed(found)]


def _spread(taps: np.ndarray, step: int) -> np.ndarray:
    wide = np.zeros((len(taps) - 1) * step + 1)
    wide[::step] = taps
    return wide


def cut_out(images: Tensor, centre: Tensor, cut: Tensor, side: float) -> Tensor:
    """Make a square of images [B, C, H, H] grey.

    Args:
        centre: [B, 2], x and y in [0, 1].
        cut: [B], 1 cuts, 0 does not.
        side: of the square, as a share of the image's.
    """
    size = images.shape[-1]
    place = (torch.arange(size, device=images.device) + 0.5) / size
    inside = (place - centre[..., None]).abs() < side / 2  # [B, 2, H]
    square = inside[:, 1, :, None] & inside[:, 0, None, :]
    return images.masked_fill((square & (cut > 0)[:, None, None])[:, None], 0.0)


def _rotation(cosine: Tensor, sine: Tensor) -> Tensor:
    return torch.stack((torch.stack((cosine, -sine), 1), torch.stack((sine, cosine), 1)), 1)


def _diagonal(x: Tensor, y: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack((x, y), 1))


def _affine(linear: Tensor, shift: Tensor) -> Tensor:
    upper = torch.cat((linear, shift[..., None]), 2)
    return torch.nn.functional.pad(upper, (0, 0, 0, 1)) + _corner(linear.device).to(linear)


@lru_cache(maxsize=8)
def _corner(device: torch.device) -> Tensor:
    """[3, 3] with a one at the end of the last row."""
    return torch.nn.functional.pad(torch.ones(1, 1), (2, 0, 2, 0)).to(device)
