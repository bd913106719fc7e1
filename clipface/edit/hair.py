"""Cropped hair in the colour of the brows, painted on a bald scalp: heads have no hair of their own."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.edit.avatar import Avatar
from clipface.edit.regions import blend

DARKEST = 0.15  # share of the brows' texels that are hair and little skin
INSIDE = 0.99  # of a region's mask
EDGE = 0.02  # of the texture's side, over which the hairline is rounded: the scalp's border follows triangles
COVER = 0.92  # share of the skin that the hair hides
GRAIN = 0.14  # standard deviation of single hairs' brightness
SHADE = 0.5  # power of the scalp's own light and dark that the hair keeps


@torch.no_grad()
def with_hair(avatar: Avatar, texture: Tensor) -> Tensor:
    """Paint cropped hair.

    Args:
        avatar: on whose head the texture lies.
        texture: [1, 3, R, R] in 0..1.

    Returns:
        [1, 3, R, R]; away from the scalp the bits of `texture`, and always the same for the same one.

    Raises:
        ValueError: if the head has no scalp or brows; says which.
    """
    side = texture.shape[-1]
    brows, scalp = (avatar.mask(name, side) for name in ("brows", "hair"))
    grey = texture.mean(1, keepdim=True)
    brow, bright = brows[0] > INSIDE, grey[0, 0]
    dark = brow & (bright <= bright[brow].quantile(DARKEST))
    colour = texture[:, :, dark].median(2).values[:, :, None, None]
    grain = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0)).to(texture)
    grain = functional.avg_pool2d(grain, (3, 1), 1, (1, 0))  # longer than wide
    shade = (grey / bright[scalp[0] > INSIDE].mean()).clamp(0.5, 1.5) ** SHADE
    hair = (colour * shade * (1 + GRAIN * grain / grain.std())).clamp(0, 1)
    return blend(texture, hair, COVER * _rounded(scalp))


def _rounded(mask: Tensor) -> Tensor:
    """A mask [1, R, R] whose border is smoother, and nowhere farther out."""
    width = max(round(EDGE * mask.shape[-1]), 1) * 2 + 1
    soft = mask[None]
    for _ in range(2):
        soft = functional.avg_pool2d(functional.pad(soft, [width // 2] * 4, mode="replicate"), width, 1)
    return (mask * (2 * soft[0] - 0.5).clamp(0, 1)).clamp(0, 1)
