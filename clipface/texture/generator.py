"""The texture generator: latent code z → style code w+ → UV texture."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from clipface import weights
from clipface.shapes import expect
from clipface.texture.layers import REDUCED_FROM, EqualLinear, ModulatedConv, ToRGB, normalise
from clipface.texture.ops.upsample import upsample

MOST_RESOLUTION, MOST_LAYERS = 8192, 64  # a configuration that asks for more is damaged
MAPPING_MULTIPLIER = 0.01  # learning rate of the mapping network relative to the rest (StyleGAN2)


class MappingNetwork(nn.Module):
    """Multi-layer perceptron z → w, with the running mean of w that truncation pulls towards.

    Args:
        z_dim: length of a latent code.
        w_dim: length of a style code.
        layers: depth.
        levels: L, style codes that the synthesis reads.
        normalise_z: whether only z's direction counts; without, its length says how far from the mean a code lies.
    """

    def __init__(self, z_dim: int, w_dim: int, layers: int, levels: int, normalise_z: bool = True) -> None:
        super().__init__()
        sizes = [z_dim] + [w_dim] * layers
        self.layers = nn.ModuleList(
            EqualLinear(inputs, outputs, multiplier=MAPPING_MULTIPLIER, activation=True)
            for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True)
        )
        self.levels, self.normalise_z = levels, normalise_z
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor, psi: float = 1.0) -> Tensor:
        """Map z [B, z_dim] to w_plus [B, levels, w_dim], every level the same; psi < 1 truncates towards the mean."""
        expect("z", z, ("B", self.layers[0].weight.shape[1]))
        w = normalise(z) if self.normalise_z else z
        for layer in self.layers:
            w = layer(w)
        if psi != 1:
            w = self.w_avg.lerp(w, psi)
        return w[:, None].expand(-1, self.levels, -1)


class SynthesisBlock(nn.Module):
    """One resolution: [conv0 and upsampling], conv1, colours.

    Args:
        inputs: channels of the block before; 0: there is none.
        channels: its own.
        w_dim: length of a style code.
        resolution: of the result, texels.
    """

    def __init__(self, inputs: int, channels: int, w_dim: int, resolution: int) -> None:
        super().__init__()
        self.conv0 = ModulatedConv(inputs, channels, w_dim, resolution, upsample=True) if inputs else None
        self.conv1 = ModulatedConv(channels, channels, w_dim, resolution)
        self.torgb = ToRGB(channels, w_dim)
        self.resolution = resolution

    def forward(
        self, x: Tensor, image: Tensor | None, w: Sequence[Tensor], noise: str, dtype: torch.dtype | None
    ) -> tuple[Tensor, Tensor]:
        """Give the next features and image.

        Args:
            x: features [B, inputs, H, W]; in the first block the constant.
            image: so far, [B, 3, H, W]; None in the first block.
            w: the block's two or three levels, each [B, w_dim].
            noise, dtype: see SynthesisNetwork.

        Returns:
            [B, channels, resolution, resolution] and [B, 3, resolution, resolution].
        """
        if dtype is not None and self.resolution >= REDUCED_FROM:
            x = x.to(dtype)
        if self.conv0 is not None:
            x = self.conv0(x, w[0], noise)
        x = self.conv1(x, w[-2], noise)
        rgb = self.torgb(x, w[-1]).to(w[-1].dtype)
        return x, rgb if image is None else upsample(image) + rgb


class SynthesisNetwork(nn.Module):
    """Style code w+ → image, from 4×4 upwards; block n reads levels 2n-1, 2n, 2n+1, the first reads 0 and 1.

    Args:
        resolution: of the texture, texels.
        w_dim: length of a style code.
        channel_base, channel_max: a block has min(channel_base / its resolution, channel_max) channels.
    """

    def __init__(self, resolution: int, w_dim: int, channel_base: int, channel_max: int) -> None:
        super().__init__()
        resolutions = [2**n for n in range(2, resolution.bit_length())]
        channels = [min(channel_base // r, channel_max) for r in resolutions]
        self.const = nn.Parameter(torch.randn(channels[0], 4, 4))
        self.blocks = nn.ModuleList(
            SynthesisBlock(inputs, outputs, w_dim, r)
            for inputs, outputs, r in zip([0] + channels[:-1], channels, resolutions, strict=True)
        )
        self.levels, self.w_dim = 2 * len(self.blocks), w_dim

    def forward(
        self, w_plus: Tensor, noise: str = "const", dtype: torch.dtype | None = None, size: int | None = None
    ) -> Tensor:
        """Map w_plus [B, levels, w_dim] to textures [B, 3, R, R], about [-1, 1].

        Args:
            w_plus: style codes.
            noise: "const" (the network's fixed pattern), "random" (new for each sample) or "none".
            dtype: of the layers at resolution 32 and above, for instance bfloat16; None: that of the parameters.
            size: R; larger blocks are left out, and what they would add. None: the network's resolution.

        Gradient: reaches w_plus and every parameter that is read; twice differentiable.
        """
        expect("w_plus", w_plus, ("B", self.levels, self.w_dim))
        w = w_plus.unbind(1)
        x, image = self.const.expand(len(w_plus), -1, -1, -1), None
        if x.device.type == "cpu" and not torch.is_grad_enabled():
            x = x.contiguous(memory_format=torch.channels_last)  # in which a CPU's convolutions take three quarters
        for n, block in enumerate(self.blocks):
            if size is not None and block.resolution > size:
                break
            x, image = block(x, image, w[max(2 * n - 1, 0) : 2 * n + 2], noise, dtype)
        return image


class TextureGenerator(nn.Module):
    """StyleGAN2 variant that generates UV textures.

    Args:
        resolution: of the texture, texels; a power of two.
        z_dim: length of a latent code.
        w_dim: length of a style code.
        mapping_layers: depth of the mapping network.
        channel_base, channel_max: a block has min(channel_base / its resolution, channel_max) channels.
        uv_map: `clipface.head.mesh.uv_map_hash` of the head that it paints; None: not known.
        normalise_z: see MappingNetwork.

    Raises:
        ValueError: if the resolution is no power of two from 8 to 8192, or there are no or too many layers.

    Example:
        >>> generator = TextureGenerator.from_weights(assets.resolve("generator"))
        >>> texture = generator(torch.randn(4, 512), psi=0.7)  # [4, 3, 256, 256], about [-1, 1]

    Source: StyleGAN2 (arXiv 1912.04958) as changed by the published ClipFace checkpoints: conv0 works at the lower
    resolution, and upsampling comes after it. Own code.
    """

    def __init__(
        self, resolution: int = 256, z_dim: int = 512, w_dim: int = 512, mapping_layers: int = 4,
        channel_base: int = 8192, channel_max: int = 256, uv_map: str | None = None, normalise_z: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 8 <= resolution <= MOST_RESOLUTION or resolution & (resolution - 1):
            raise ValueError(f"resolution: expected a power of two from 8 to {MOST_RESOLUTION}, got {resolution}")
        if not 1 <= mapping_layers <= MOST_LAYERS:
            raise ValueError(f"mapping_layers: expected 1 to {MOST_LAYERS}, got {mapping_layers}")
        self.config = {
            "resolution": resolution,
            "z_dim": z_dim,
            "w_dim": w_dim,
            "mapping_layers": mapping_layers,
            "channel_base": channel_base,
            "channel_max": channel_max,
            "uv_map": uv_map,
            "normalise_z": normalise_z,
        }
        self.synthesis = SynthesisNetwork(resolution, w_dim, channel_base, channel_max)
        self.mapping = MappingNetwork(z_dim, w_dim, mapping_layers, self.synthesis.levels, normalise_z)

    @property
    def levels(self) -> int:
        """Number of levels of w_plus: 2·log2(resolution) − 2."""
        return self.synthesis.levels

    def forward(self, z: Tensor, psi: float = 1.0, noise: str = "const") -> Tensor:
        """Map z [B, z_dim] to textures [B, 3, R, R], about [-1, 1]."""
        return self.synthesis(self.mapping(z, psi), noise)

    def save(self, path: str | Path, half: bool = True) -> Path:
        """Write the network to a `.safetensors` file, float16 by default, with its configuration beside it."""
        return weights.save(path, self.state_dict(), self.config, half)

    @classmethod
    def from_weights(cls, path: str | Path) -> "TextureGenerator":
        """Read a network that `save` wrote (CPU, float32, evaluation mode).

        Raises:
            FileNotFoundError, ValueError: if a file is missing, cut off, or does not fit.
        """
        tensors, config = weights.load(path)
        return weights.build(cls, config, tensors, f"path: {path}").eval()


def memory_parts(codes: Tensor) -> Sequence[Tensor]:
    """Codes [B, ...] as batches to synthesize one after the other: one by one on a CPU where no gradient is asked for.

    That is as fast there, and takes a part of the memory: 0.3 GB for each at 512².
    """
    return codes.split(1) if codes.device.type == "cpu" and not torch.is_grad_enabled() else [codes]


def mix_codes(first: Tensor, second: Tensor, probability: float) -> Tensor:
    """Take the levels up to a random one from one code and the rest from another (style mixing).

    Args:
        first, second: w_plus [B, L, w_dim].
        probability: that a code is mixed at all; others stay `first`.

    Returns:
        [B, L, w_dim].

    Source: StyleGAN (Karras et al., CVPR 2019, arXiv 1812.04948), section 3.1.
    """
    batch, levels, _ = first.shape
    crossing = torch.randint(1, levels, (batch, 1), device=first.device)
    mixed = torch.rand(batch, 1, device=first.device) < probability
    own = ~mixed | (torch.arange(levels, device=first.device) < crossing)  # [B, L]
    return torch.where(own[..., None], first, second)
