"""Mip pyramids of textures: how they are built, and how their gradient comes back to the texture."""

import torch
from torch import Tensor

from clipface.render.rasterize.interface import mip_levels
from clipface.render.rasterize.warp.runtime import launch
from clipface.render.rasterize.warp.texture import mipmap
from clipface.render.rasterize.warp.texture.lookup import MOST_LEVELS

BLOCK = 4  # texels of a side that one thread copies and halves twice
NEAR_LEVELS = 3  # from which a texel gathers its gradient itself


class Pyramid:
    """A texture [B or 1, Ht, Wt, C] and its smaller levels.

    Args:
        texture: any memory layout; rows of channels or planes are read as they are, others copied first.
        mipmapped: False: level 0 alone.
    """

    def __init__(self, texture: Tensor, mipmapped: bool = True) -> None:
        self.shape = texture.shape
        self.levels = mip_levels(*texture.shape[1:3]) if mipmapped else [tuple(texture.shape[1:3])]
        self.planar = _is_planar(texture)
        self.starts = _offsets(self.levels)

    def build(self, texture: Tensor) -> Tensor:
        """The levels' texels [B, T, G, 4], four channels a group."""
        return _build(texture, self)

    def collapse(self, gradient: Tensor) -> Tensor:
        """The texture's gradient, from that of `build`'s result, which is used up."""
        return _collapse(gradient, self)

    def arguments(self, texels: Tensor, wraps: bool) -> list:
        """The arguments of kernels that look up colours: texels and `lookup.Layout`."""
        starts = self.starts[:-1]
        offsets = (*starts, *[0] * (int(MOST_LEVELS) - len(starts)))
        _, height, width, channels = self.shape
        stride = texels.shape[1] if texels.shape[0] > 1 else 0
        return [texels, (*offsets, len(self.levels) - 1, width, height, channels, stride, int(wraps))]


def _is_planar(texture: Tensor) -> bool:
    """Whether [B, H, W, C] is a view of [B, C, H, W], as the renderer's textures are."""
    return not texture.is_contiguous() and texture.permute(0, 3, 1, 2).is_contiguous()


def _offsets(levels: list[tuple[int, int]]) -> list[int]:
    offsets = [0]
    for height, width in levels:
        offsets.append(offsets[-1] + height * width)
    return offsets


def _steps(shape: tuple[int, ...], planar: bool) -> tuple[int, int, int, int]:
    """How far apart the images, rows, columns and channels of a texture [B, H, W, C] lie in its memory."""
    _, height, width, channels = shape
    size = height * width * channels
    return (size, width, 1, height * width) if planar else (size, width * channels, channels, 1)


def _build(texture: Tensor, layout: Pyramid) -> Tensor:
    """A copy of the texture, then each level halved into the next, two in one go."""
    images, height, width, channels = texture.shape
    levels, starts, planar = layout.levels, layout.starts, layout.planar
    groups, device = (channels + 3) // 4, texture.device
    pyramid = torch.empty(images, starts[-1], groups, 4, device=device)
    source = texture.detach().permute(0, 3, 1, 2) if planar else texture.detach().contiguous()
    level_starts = [*starts[:-1], 0, 0]  # 0: no such level
    arguments = [source, _steps(texture.shape, planar), channels, width, height, starts[-1], *level_starts[1:3]]
    across, down = -(-width // BLOCK), -(-height // BLOCK)
    launch(mipmap.begin, images * down * across * groups, (), [*arguments, pyramid], device)
    for i in range(2, len(levels) - 1, 2):
        fine_height, fine_width = levels[i]
        blocks = ((levels[i + 1][0] + 1) // 2) * ((levels[i + 1][1] + 1) // 2)
        arguments = [groups, starts[-1], starts[i], fine_width, fine_height, *level_starts[i + 1 : i + 3], pyramid]
        launch(mipmap.halve, images, (blocks * groups,), arguments, device)
    return pyramid


def _collapse(gradient: Tensor, layout: Pyramid) -> Tensor:
    """The adjoint of `_build`: [B, Ht, Wt, C], in the texture's own order."""
    images, height, width, channels = layout.shape
    shape = (images, channels, height, width) if layout.planar else layout.shape
    g_texture = torch.empty(shape, device=gradient.device)
    groups, starts, device = (channels + 3) // 4, layout.starts, gradient.device
    texels, count = gradient.shape[1], len(layout.levels)
    if count > NEAR_LEVELS:
        # The many coarse levels first add up in the first of them, which has few texels.
        at = NEAR_LEVELS - 1
        own_height, own_width = layout.levels[at]
        arguments = [gradient, starts[at], count - at, groups, own_width, own_height, texels]
        launch(mipmap.collapse_coarse, images * own_height, (own_width * groups,), arguments, device)
    steps = _steps(layout.shape, layout.planar)
    arguments = [gradient, min(count, NEAR_LEVELS), steps, channels, width, height, texels, g_texture]
    launch(mipmap.collapse, images * height, (width * groups,), arguments, device)
    return g_texture.permute(0, 2, 3, 1) if layout.planar else g_texture
