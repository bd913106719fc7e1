"""Mip pyramids of textures: how they are built, and how their gradient comes back to the texture."""

from itertools import accumulate

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
        # [B, H, W, C] as a view of [B, C, H, W], as the renderer's textures are
        self.planar = not texture.is_contiguous() and texture.permute(0, 3, 1, 2).is_contiguous()
        self.starts = [0, *accumulate(rows * columns for rows, columns in self.levels)]

    def build(self, texture: Tensor) -> Tensor:
        """The levels' texels [B, T, G, 4], four channels a group: each level is halved into the next, two in one go."""
        images, height, width, channels = texture.shape
        levels, starts = self.levels, self.starts
        groups, device = (channels + 3) // 4, texture.device
        pyramid = torch.empty(images, starts[-1], groups, 4, device=device)
        source = texture.detach().permute(0, 3, 1, 2) if self.planar else texture.detach().contiguous()
        level_starts = [*starts[:-1], 0, 0]  # 0: no such level
        arguments = [source, self._steps(), channels, width, height, starts[-1], *level_starts[1:3]]
        across, down = -(-width // BLOCK), -(-height // BLOCK)
        launch(mipmap.begin, images * down * across * groups, (), [*arguments, pyramid], device)
        for i in range(2, len(levels) - 1, 2):
            fine_height, fine_width = levels[i]
            blocks = ((levels[i + 1][0] + 1) // 2) * ((levels[i + 1][1] + 1) // 2)
            arguments = [groups, starts[-1], starts[i], fine_width, fine_height, *level_starts[i + 1 : i + 3], pyramid]
            launch(mipmap.halve, images, (blocks * groups,), arguments, device)
        return pyramid

    def collapse(self, gradient: Tensor) -> Tensor:
        """The texture's gradient [B, Ht, Wt, C], in its own order, from that of `build`'s result, which is used up."""
        images, height, width, channels = self.shape
        shape = (images, channels, height, width) if self.planar else self.shape
        g_texture = torch.empty(shape, device=gradient.device)
        groups, starts, device = (channels + 3) // 4, self.starts, gradient.device
        texels, count = gradient.shape[1], len(self.levels)
        if count > NEAR_LEVELS:
            # The many coarse levels first add up in the first of them, which has few texels.
            at = NEAR_LEVELS - 1
            own_height, own_width = self.levels[at]
            arguments = [gradient, starts[at], count - at, groups, own_width, own_height, texels]
            launch(mipmap.collapse_coarse, images * own_height, (own_width * groups,), arguments, device)
        arguments = [gradient, min(count, NEAR_LEVELS), self._steps(), channels, width, height, texels, g_texture]
        launch(mipmap.collapse, images * height, (width * groups,), arguments, device)
        return g_texture.permute(0, 2, 3, 1) if self.planar else g_texture

    def _steps(self) -> tuple[int, int, int, int]:
        """How far apart the images, rows, columns and channels of the texture lie in its memory."""
        _, height, width, channels = self.shape
        size = height * width * channels
        return (size, width, 1, height * width) if self.planar else (size, width * channels, channels, 1)

    def arguments(self, texels: Tensor, wraps: bool, mip_level_bias: float) -> list:
        """The arguments of kernels that look up colours: texels, `lookup.Layout` and how much footprints grow."""
        starts = self.starts[:-1]
        offsets = (*starts, *[0] * (int(MOST_LEVELS) - len(starts)))
        _, height, width, channels = self.shape
        stride = texels.shape[1] if texels.shape[0] > 1 else 0
        layout = (*offsets, len(self.levels) - 1, width, height, channels, stride, int(wraps))
        return [texels, layout, 4.0**mip_level_bias]  # a level halves both sides
