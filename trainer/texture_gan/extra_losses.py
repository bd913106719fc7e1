"""What the generator may learn besides convincing its discriminators: objects with one method, `loss(step)`.

Each has `config.weight`, that of its loss. Its state lies in buffers, so that a resumed run goes on exactly.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface.data import FaceBatch
from clipface.guidance import load_encoder
from clipface.guidance.encoder import Encoder
from clipface.synthetic.attributes import LOOKS, Attributes, sample_attributes
from clipface.synthetic.baked_faces import nearest_tones
from clipface.synthetic.looks.registry import OPTIONS, attribute_vectors
from clipface.synthetic.painter import Painter
from clipface.texture.generator import SynthesisNetwork
from clipface.texture.losses import frechet_distance
from trainer.common import distributed
from trainer.texture_gan.config import AttributeOffsetsConfig, StatisticsConfig

COARSEST = 8  # texels, the smallest of the sizes at which textures are compared, each half the one before
TEXTURES_AT_ONCE = 64
LENGTH = 10.0  # of the encoder's vectors here, so that their variance is about one a direction


class GeneratorStep(NamedTuple):
    """What an extra loss may use."""

    number: int  # of the batch, from 0
    seed: int  # of the batch, another in each process
    views: FaceBatch  # photographs, in another order than the heads that the fakes lie on
    fakes: Tensor  # [B, 3, H, W] in [-1, 1], with their graph
    synthesis: SynthesisNetwork
    random_codes: Callable[[int], Tensor]  # from a count to style codes [count, L, w_dim]
    dtype: torch.dtype | None  # of the networks' larger layers


class AttributeOffsets(nn.Module):
    """Whatever the painter can put on a face becomes an offset of its style code.

    A generator that only competes with discriminators soon forgets rare looks, and an edit with words can show nothing
    that it cannot generate. Here each look, beard, make-up or colour has an offset of w+. The loss takes textures of
    the generator, has the painter paint such things over them, and asks for the painted textures when the offsets are
    added to their codes, texel by texel. In the game against the discriminators, too, images of painted faces are met
    by textures with offsets. So random codes give people as photographs show them, and every look lies in the same
    direction from each of them.

    Args:
        config: of the attribute offsets.
        painter: of the generator's UV layout and resolution.
        levels, w_dim: of w+.
    """

    def __init__(self, config: AttributeOffsetsConfig, painter: Painter, levels: int, w_dim: int) -> None:
        super().__init__()
        self.config, self.painter = config, painter
        self.offsets = nn.Parameter(torch.zeros(len(OPTIONS), levels, w_dim))
        count, size = config.count * config.renew_every, painter.texture_size
        self.register_buffer("codes", torch.zeros(count, levels, w_dim))
        self.register_buffer("worn", torch.zeros(count, len(OPTIONS)))  # attribute vectors, by the checkpoints' name
        self.register_buffer("textures", torch.zeros(count, 3, size, size, dtype=torch.uint8))

    def forward(self, attributes: Tensor) -> Tensor:
        """Offsets [B, L, w_dim] of attribute vectors [B, K]."""
        return (attributes @ self.offsets.flatten(1)).unflatten(1, self.offsets.shape[1:])

    def loss(self, step: GeneratorStep) -> Tensor:
        """How far textures with offsets are from painted ones; now and then new ones are painted before."""
        if step.number % self.config.renew_every == 0:
            with torch.no_grad():
                codes = step.random_codes(len(self.codes))
            self.paint(step.synthesis, codes, step.seed, step.dtype)
        return self.compare(step.synthesis, step.number, step.dtype)

    @torch.no_grad()
    def paint(self, synthesis: SynthesisNetwork, codes: Tensor, seed: int, dtype: torch.dtype | None) -> None:
        """Paint over the textures of codes w+ [N, L, w_dim], and keep both."""
        rng, generator = random.Random(seed), torch.Generator(codes.device).manual_seed(seed)
        self.codes.copy_(codes)
        bases = [synthesis(part, "const", dtype).clamp(-1, 1) / 2 + 0.5 for part in codes.split(TEXTURES_AT_ONCE)]
        tones = [tone for base in bases for tone in nearest_tones((base * 255).byte())]
        faces = [self._sample(tone, rng) for tone in tones]
        self.worn.copy_(attribute_vectors(faces))
        for n, base in enumerate(bases):
            rows = slice(n * TEXTURES_AT_ONCE, n * TEXTURES_AT_ONCE + len(base))
            self.textures[rows] = (self.painter.paint(faces[rows], generator, base) * 255).round().byte()

    def _sample(self, tone: str, rng: random.Random) -> Attributes:
        look = rng.choice(LOOKS[1:]) if rng.random() < self.config.share else "none"
        # Nobody has a cap of hair: a colour of hair is that of brows, lashes and beard.
        return sample_attributes(rng, {"skin": tone, "look": look, "hair": "bald"})

    def compare(self, synthesis: SynthesisNetwork, number: int, dtype: torch.dtype | None) -> Tensor:
        """Distance of textures with offsets from the painted ones of the batch of a number."""
        place = number % self.config.renew_every * self.config.count
        rows = slice(place, place + self.config.count)
        generated = synthesis(self.codes[rows] + self(self.worn[rows]), "const", dtype)
        return pyramid_loss(generated, self.textures[rows].float() / 127.5 - 1)


def pyramid_loss(textures: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute difference of textures [B, 3, R, R], summed over their sizes from R down to COARSEST."""
    loss = (textures - targets).abs().mean()
    while textures.shape[-1] // 2 >= COARSEST:
        textures, targets = F.avg_pool2d(textures, 2), F.avg_pool2d(targets, 2)
        loss = loss + (textures - targets).abs().mean()
    return loss


class FeatureStatistics(nn.Module):
    """Fakes shall be spread in an encoder's features as photographs are.

    A discriminator looks at one image, and what it cannot blame a generator for has no gradient: that old people or
    women are missing. Here the features of many images are compared, their means and covariances, by the same Fréchet
    distance that FID is, but in the features of the project's own face encoder, and with a gradient to the newest
    images. Where several processes train together, each compares the images of all.

    Args:
        config: of the comparison.
        batch_size: images of a kind, each time, of all processes together.
    """

    def __init__(self, config: StatisticsConfig, batch_size: int) -> None:
        super().__init__()
        self.config, self.batches = config, config.batches
        # In a tuple, it is no part of this module: a checkpoint shall hold only what was trained.
        self._encoder = (load_encoder(config.encoder),)
        self._parts: list[Tensor] = []  # what the layers gave for the images at hand
        for name in config.layers:
            self.encoder.model.visual.get_submodule(name).register_forward_hook(self._keep)
        side = self.encoder.image_size
        self.sizes = [part.shape[1] for part in self._features(torch.zeros(2, 3, side, side))]
        self.register_buffer("features", torch.zeros(2, config.batches, batch_size, sum(self.sizes)))
        self.register_buffer("counted", torch.zeros(config.batches, batch_size))

    @property
    def encoder(self) -> Encoder:
        """Whose features are compared; frozen."""
        return self._encoder[0]

    def _apply(self, function: Callable[[Tensor], Tensor], recurse: bool = True) -> "FeatureStatistics":
        """Take the encoder along to another device."""
        self.encoder._apply(function, recurse)
        return super()._apply(function, recurse)

    def loss(self, step: GeneratorStep) -> Tensor:
        """Distance of the latest fakes from the latest photographs, where the batch says which images are such."""
        photographed = step.views.photographed
        counted = torch.ones(len(step.fakes), device=step.fakes.device) if photographed is None else photographed
        return self(step.views.image, step.fakes, counted, step.number)

    def forward(self, real: Tensor, fake: Tensor, counted: Tensor, number: int) -> Tensor:
        """Distance of the latest fakes from the latest real images.

        Args:
            real, fake: [B, 3, H, W] in [-1, 1], this process's.
            counted: [B], 1 for those that are compared, 0 for the others.
            number: of the batch, from 0; before there are as many as are compared, the distance is zero.

        Returns:
            Sum over the vectors and each layer of the squared Fréchet distance over the variance of real images.
            Gradient: to `fake`, as large as if all images that are compared were in the batch, and so that the mean
            over processes is right.
        """
        place = number % self.batches
        with torch.no_grad():
            self.features[0, place] = distributed.joined(torch.cat(self._features(real), 1))
            self.counted[place] = distributed.joined(counted)
        own = torch.cat(self._features(fake), 1)
        self.features[1, place] = distributed.joined(own.detach())
        if number + 1 < self.batches:
            return own.new_zeros(())
        fakes = self.features[1].clone()
        start = distributed.global_rank() * len(own)
        scaled = own.detach() + (own - own.detach()) * (self.batches * distributed.count())
        fakes[place, start : start + len(own)] = scaled
        weights = self.counted.flatten()
        pairs = zip(*(kind.flatten(0, 1).split(self.sizes, 1) for kind in (fakes, self.features[0])), strict=True)
        return sum(frechet_distance(*pair, weights, weights) for pair in pairs)

    def _features(self, images: Tensor) -> list[Tensor]:
        # A broken image must not stay among those to come; the step is skipped all the same (SkipNonfinite).
        vectors = self.encoder.encode_image((images / 2 + 0.5).nan_to_num(0.5).clamp(0, 1))
        parts, self._parts = self._parts, []
        return [vectors * LENGTH, *parts]

    def _keep(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.ndim != 4:
            raise ValueError(
                f"statistics.layers: expected layers with outputs [B, C, H, W], got one with {list(output.shape)}; "
                "name convolutional ones"
            )
        self._parts.append(output.float().mean((2, 3)))
