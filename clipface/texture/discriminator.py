"""Discriminators: one for full images, one for patches.

Source: the residual discriminator of StyleGAN2 (arXiv 1912.04958), its minibatch statistic from Progressive GAN
(arXiv 1710.10196); patches from ClipFace (arXiv 2212.01406), section 3.1. Own code.
"""

import torch
from torch import Tensor, nn

from clipface.shapes import expect
from clipface.texture.layers import REDUCED_FROM, EqualConv, EqualLinear
from clipface.texture.ops.upsample import downsample


class DiscriminatorBlock(nn.Module):
    """Residual block that halves the resolution; filtering comes before the second convolution, which is cheaper.

    Args:
        inputs, outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0 = EqualConv(inputs, inputs, 3)
        self.conv1 = EqualConv(inputs, outputs, 3)
        self.skip = EqualConv(inputs, outputs, 1, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, inputs, H, W] to [B, outputs, H/2, W/2]."""
        half = 0.5**0.5  # the sum of two independent unit-variance branches has unit variance again
        skip = self.skip(downsample(x), gain=half)
        return skip.add_(self.conv1(downsample(self.conv0(x)), gain=half))


class Discriminator(nn.Module):
    """Image → logit, large for real ones.

    Args:
        resolution: of the images, pixels; a power of two.
        channel_base, channel_max: a block has min(channel_base / its resolution, channel_max) channels.
        group: images whose standard deviation the network gets, which uncovers lack of variety; 0: none.

    Raises:
        ValueError: if the resolution is no power of two from 8 up.
    """

    def __init__(
        self, resolution: int = 256, channel_base: int = 16384, channel_max: int = 512, group: int = 4
    ) -> None:
        super().__init__()
        if resolution < 8 or resolution & (resolution - 1):
            raise ValueError(f"resolution: expected a power of two from 8 up, got {resolution}")
        self.config = {
            "resolution": resolution, "channel_base": channel_base, "channel_max": channel_max, "group": group,
        }  # fmt: skip
        self.resolutions = [2**n for n in range(resolution.bit_length() - 1, 2, -1)]
        channels = [min(channel_base // r, channel_max) for r in [*self.resolutions, 4]]
        self.from_rgb = EqualConv(3, channels[0], 1)
        self.blocks = nn.ModuleList(DiscriminatorBlock(i, o) for i, o in zip(channels[:-1], channels[1:], strict=True))
        self.group = group
        self.conv = EqualConv(channels[-1] + (group > 0), channels[-1], 3)
        self.hidden = EqualLinear(channels[-1] * 16, channels[-1], activation=True)
        self.out = EqualLinear(channels[-1], 1)

    def forward(self, images: Tensor, dtype: torch.dtype | None = None, parts: int = 1) -> Tensor:
        """Logits of images.

        Args:
            images: [B, 3, R, R] in [-1, 1].
            dtype: of the layers at resolution 32 and above, for instance bfloat16; None: that of the parameters.
            parts: equal parts of the batch whose images are never compared with those of another part.

        Returns:
            [B] logits. Gradient: to images and parameters, twice differentiable.
        """
        x = self._blocks(images, dtype)[-1]
        x = x.to(self.out.weight.dtype)
        if self.group:
            deviations = [minibatch_deviation(part, self.group) for part in x.chunk(parts)]
            x = torch.cat((x, torch.cat(deviations)), 1)
        return self.out(self.hidden(self.conv(x).flatten(1))).squeeze(1)

    def features(self, images: Tensor, dtype: torch.dtype | None, largest: int, smallest: int) -> list[Tensor]:
        """What the blocks make of images, at resolutions from `largest` down to `smallest`.

        Args:
            images, dtype: as of `forward`.
            largest, smallest: resolutions of features, pixels.

        Returns:
            [B, C, H, W] each, the largest first. Gradient: to images and parameters.
        """
        needed = [number for number, resolution in enumerate(self.resolutions) if resolution // 2 >= smallest]
        found = self._blocks(images, dtype, len(needed))
        return [x for x in found if x.shape[-1] <= largest]

    def _blocks(self, images: Tensor, dtype: torch.dtype | None, count: int | None = None) -> list[Tensor]:
        """The results of the first `count` blocks, or of all, each half as large as the one before."""
        expect("images", images, ("B", 3, self.resolutions[0], self.resolutions[0]))
        full = self.out.weight.dtype
        kinds = [dtype or full if resolution >= REDUCED_FROM else full for resolution in self.resolutions]
        # The kernels between convolutions, and the convolutions on a GPU, are fastest in this memory format.
        memory_format = torch.channels_last if images.is_cuda else torch.preserve_format
        x, found = self.from_rgb(images.to(kinds[0], memory_format=memory_format)), []
        for kind, block in list(zip(kinds, self.blocks, strict=True))[:count]:
            x = block(x.to(kind))
            found.append(x)
        return found


def minibatch_deviation(x: Tensor, group: int) -> Tensor:
    """Give each image the mean standard deviation of features over its group.

    Args:
        x: features [B, C, H, W].
        group: images a group; the largest divisor of B up to it is used.

    Returns:
        [B, 1, H, W], constant over an image.
    """
    batch = len(x)
    size = next(n for n in range(min(group, batch), 0, -1) if batch % n == 0)
    groups = x.unflatten(0, (size, -1))  # [G, B/G, C, H, W]: neighbours in the batch are in different groups
    deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))  # [B/G]
    return deviation.repeat(size)[:, None, None, None].expand(-1, 1, *x.shape[2:])


def random_patches(images: Tensor, size: int, stride: int, count: int) -> Tensor:
    """Cut random square patches out of every image, all in one batch.

    Args:
        images: [B, C, H, W].
        size: side of a patch, pixels.
        stride: corners lie on a grid of this spacing, pixels.
        count: patches an image.

    Returns:
        [B · count, C, size, size], the patches of one image together. Gradient: to images.

    Raises:
        ValueError: if a patch is larger than an image.
    """
    sizes = expect("images", images, ("B", "C", "H", "W"))
    if size > min(sizes["H"], sizes["W"]):
        raise ValueError(f"size: expected at most {min(sizes['H'], sizes['W'])} (the images' side), got {size}")
    batch, device = sizes["B"], images.device
    within = torch.arange(size, device=device)
    top, left = (
        torch.randint((sizes[axis] - size) // stride + 1, (batch, count, 1), device=device) * stride for axis in "HW"
    )
    rows, columns = top + within, left + within  # [B, count, size]
    index = (rows[..., None] * sizes["W"] + columns[..., None, :]).view(batch, 1, -1)
    # `gather` on flat pixels: its gradient is one scattered sum, where unfolded views would copy every overlap.
    patches = images.flatten(2).gather(2, index.expand(-1, sizes["C"], -1))  # [B, C, count · size²]
    return patches.unflatten(2, (count, size, size)).transpose(1, 2).flatten(0, 1)
