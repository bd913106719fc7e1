"""What the anchored recipe compares: textures with their targets; and its attribute offsets."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface.synthetic.looks.registry import OPTIONS
from clipface.texture.discriminator import Discriminator
from trainer.texture_gan.anchored.config import AnchoredConfig

SMALLEST_FEATURES = 16  # texels; what is left below says more about the game than about the texture


class TargetLoss(nn.Module):
    """How far textures are from their targets: coarsely, texel by texel, and in the discriminator's features.

    Args:
        config: weights and sizes.
        eyes: [S, S] 1 on texels that count more, S the largest size.
    """

    def __init__(self, config: AnchoredConfig, eyes: Tensor) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("full", 1 + (config.weights.eyes - 1) * eyes.float(), persistent=False)
        self.register_buffer("heavy", self.full[None, None], persistent=False)

    def resize(self, resolution: int) -> None:
        """Compare textures of this size from now on."""
        self.heavy = reduced(self.full[None, None], resolution)

    def forward(
        self, textures: Tensor, targets: Tensor, discriminator: Discriminator, dtype: torch.dtype | None
    ) -> dict[str, tuple[float, Tensor]]:
        """Weight and value of each loss.

        Args:
            textures, targets: [H, 3, R, R] in [-1, 1].
            discriminator: whose features are compared; its parameters should need no gradient.
            dtype: of its larger layers.

        Gradient: to textures.
        """
        weights, size = self.config.weights, min(self.config.compared, textures.shape[-1])
        difference = textures - targets
        coarse = (reduced(difference, size).abs() * reduced(self.heavy, size)).mean()
        with torch.no_grad():
            wanted = discriminator.features(targets, dtype, size, SMALLEST_FEATURES)
        pairs = zip(discriminator.features(textures, dtype, size, SMALLEST_FEATURES), wanted, strict=True)
        features = [_relative(own.float(), other.float()) for own, other in pairs]
        return {
            "coarse": (weights.coarse, coarse),
            "fine": (weights.fine, (difference.abs() * self.heavy).mean()),
            "features": (weights.features, sum(features, coarse.new_zeros(())) / max(1, len(features))),
        }


def _relative(own: Tensor, other: Tensor) -> Tensor:
    return (own - other).abs().mean() / (other.abs().mean() + 1e-3)


class OptionOffsets(nn.Module):
    """An offset of w+ for each option of the painter.

    Args:
        levels, w_dim: of w+.
    """

    def __init__(self, levels: int, w_dim: int) -> None:
        super().__init__()
        self.offsets = nn.Parameter(torch.zeros(len(OPTIONS), levels, w_dim))

    def forward(self, option: Tensor) -> Tensor:
        """Offsets [B, L, w_dim] of options [B]; len(OPTIONS): none, zeros."""
        return torch.cat((self.offsets, torch.zeros_like(self.offsets[:1])))[option]


def reduced(images: Tensor, size: int) -> Tensor:
    """Images [B, C, S, S] averaged to [B, C, size, size], S a multiple of it."""
    factor = images.shape[-1] // size
    return images if factor == 1 else F.avg_pool2d(images, factor)
