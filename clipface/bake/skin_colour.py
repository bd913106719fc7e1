"""Skin or not, by colour: each image's own skin, freed of its shading, against what lies around the face."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.bake.head_fit import COEFFICIENTS
from clipface.render.light import harmonic_basis

DARK = 8 / 255  # added before the logarithm: below it colours are noise
RIDGE = 0.02  # of the shading's fit, see `head_fit.fit_light`
ROUNDS = 4  # of reweighting
THINNED = 3  # every so many-th pixel is enough to fit the shading
LEAST_SPREAD = (0.06, 0.025, 0.025)  # of skin's logarithms, so that even skin is not taken too exactly
BINS, REACH = (24, 16, 16), (1.8, 0.6, 0.6)  # of the histograms: number, and half the range, of the three logarithms
FLOOR = 0.02  # share of colours that are not in a histogram
BROAD = 0.3  # see `skin_odds`
ODD = 3.0  # spreads from skin at which a colour outside the face is not skin's


def colour_logs(images: Tensor) -> Tensor:
    """Lightness, red over green and green over blue of images [B, 3, H, W] in 0..1, as logarithms [B, H, W, 3]."""
    logs = torch.log(images + DARK).permute(0, 2, 3, 1)
    red, green, blue = logs.unbind(-1)
    return torch.stack([(red + green + blue) / 3, red - green, green - blue], -1)


def without_shading(logs: Tensor, normals: Tensor, sure: Tensor) -> tuple[Tensor, Tensor]:
    """Take from colours what the image's skin would have there.

    Args:
        logs: [B, H, W, 3], from `colour_logs`.
        normals: [B, H, W, 3], unit; where there is no surface, towards the viewer.
        sure: [B, H, W], weights of pixels that are skin.

    Returns:
        The difference from skin of the same shading [B, H, W, 3], and its spread over the sure pixels [B, 3].
    """
    some, full = slice(None, None, THINNED), harmonic_basis(normals)
    basis, values, sure = (part[:, some, some].flatten(1, 2) for part in (full, logs, sure[..., None]))
    # Coefficients [B, 3, 9] of each value's shading, fitted robustly, and the spread of what is left.
    pull = torch.diag(values.new_tensor([1e-4] + [RIDGE] * (COEFFICIENTS - 1)))
    weights = sure.expand_as(values)
    for _ in range(ROUNDS):
        total = weights.sum(1).clamp_min(1e-6)  # [B, 3]
        rows = basis[:, None] * weights.transpose(1, 2)[..., None]  # [B, 3, P, 9]
        normal = rows.transpose(2, 3) @ basis[:, None] / total[..., None, None]
        target = (rows * values.transpose(1, 2)[..., None]).sum(2) / total[..., None]
        coefficients = torch.linalg.solve(normal + pull, target)
        rest = values - basis @ coefficients.transpose(1, 2)
        # Mean absolute deviation: brows, nostrils and lips among the sure pixels must not count by their square.
        spread = (rest.abs() * weights).sum(1) / total * 1.25
        spread = torch.maximum(spread, spread.new_tensor(LEAST_SPREAD))
        weights = sure / (1 + (rest / (2 * spread[:, None])).square())
    return logs - full @ coefficients[:, None].transpose(2, 3), spread


def skin_odds(logs: Tensor, rest: Tensor, spread: Tensor, sure: Tensor, around: Tensor, broad: float = 0.0) -> Tensor:
    """Log odds of being skin rather than hair, cloth or background.

    Args:
        logs: from `colour_logs`: hair and background have shading of their own, so their colours are taken as they are.
        rest, spread: from `without_shading`.
        sure: [B, H, W], weights of pixels that are skin.
        around: [B, H, W], weights of pixels around the face, some of which may be skin.
        broad: a share of skin, `BROAD`, has colours that spread so many times wider than the sure pixels', as ears
            and scalps have; 0: none.

    Returns:
        [B, H, W].
    """
    far = (rest / spread[:, None, None]).square().sum(-1).sqrt()
    skin = _histogram(rest, sure * (far < 2 * ODD))
    usual = (logs * sure[..., None]).sum((1, 2)) / sure.sum((1, 2))[:, None].clamp_min(1e-6)
    plain = logs - usual[:, None, None]
    other = _histogram(plain, around * (far > ODD))
    likely = _look_up(skin, rest)
    if broad:
        bins = 2 * rest.new_tensor(REACH) / rest.new_tensor(BINS)
        size = (bins / (broad * spread * (2 * torch.pi) ** 0.5)).prod(-1)[:, None, None]
        likely = torch.lerp(likely, size * torch.exp(-0.5 * (far / broad).square()), BROAD)
    return likely.clamp_min(1e-8).log() - _look_up(other, plain).log()


def _bins(values: Tensor) -> Tensor:
    """[B, H W] number of each pixel's bin."""
    count, reach = values.new_tensor(BINS), values.new_tensor(REACH)
    index = ((values / reach + 1) / 2 * count).long().flatten(1, 2)
    a, b, c = (index[..., i].clamp(0, BINS[i] - 1) for i in range(3))
    return (a * BINS[1] + b) * BINS[2] + c


def _histogram(values: Tensor, weights: Tensor) -> Tensor:
    """Smoothed shares [B, bins], with a floor."""
    count = BINS[0] * BINS[1] * BINS[2]
    counts = values.new_zeros(len(values), count).scatter_add(1, _bins(values), weights.flatten(1))
    bell = counts.new_tensor([0.25, 0.5, 0.25])
    kernel = bell[:, None, None] * bell[:, None] * bell
    counts = functional.conv3d(counts.view(-1, 1, *BINS), kernel[None, None], padding=1).flatten(1)
    total = counts.sum(1, keepdim=True)
    return (counts + FLOOR * total.clamp_min(1.0) / count) / (total * (1 + FLOOR)).clamp_min(1.0)


def _look_up(shares: Tensor, values: Tensor) -> Tensor:
    return shares.gather(1, _bins(values)).view(values.shape[:3]).clamp_min(1e-8)
