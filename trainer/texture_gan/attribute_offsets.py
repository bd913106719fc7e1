"""Lessons in looks: whatever the painter can put on a face becomes an offset of its style code.

A generator that only competes with discriminators soon forgets looks that are seldom seen, and an edit with words can
show nothing that it cannot draw. Here each look, beard, make-up or colour has an offset of w+. A offsets_loss takes a texture
of the generator, has the painter paint such things over it, and asks for the painted texture when their offsets are
added to its code, texel by texel. In the game against the discriminators, too, images of painted faces are met by
textures with offsets. So random codes give people as photographs show them, and looks lie beside each of them, all in
the same direction.
"""

import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface.synthetic.attribute_vector import OPTIONS, attribute_vectors
from clipface.synthetic.attributes import LOOKS, Attributes, sample_attributes
from clipface.synthetic.painter import Painter
from clipface.texture.generator import SynthesisNetwork
from trainer.texture_gan.baked_stream import nearest_tones
from trainer.texture_gan.config import AttributeOffsetsConfig

COARSEST = 8  # texels, the smallest of the sizes at which textures are compared, each half the one before
DRAWN_AT_ONCE = 64  # textures
SEED_STEP = 1_000_003  # between the seeds of two paintings


class AttributeOffsets(nn.Module):
    """Offsets of w+ for what is attribute_vector, and textures to learn them from.

    Lessons lie in buffers, so that a run which is taken up again learns the same.

    Args:
        config: of the attribute offsets.
        painter: of the generator's uv_map and resolution.
        levels, w_dim: of w+.
    """

    def __init__(self, config: AttributeOffsetsConfig, painter: Painter, levels: int, w_dim: int) -> None:
        super().__init__()
        self.config, self.painter = config, painter
        self.offsets = nn.Parameter(torch.zeros(len(OPTIONS), levels, w_dim))
        count, size = config.count * config.renew_every, painter.texture_size
        self.register_buffer("codes", torch.zeros(count, levels, w_dim))
        self.register_buffer("attribute_vector", torch.zeros(count, len(OPTIONS)))
        self.register_buffer("textures", torch.zeros(count, 3, size, size, dtype=torch.uint8))

    def forward(self, attribute_vector: Tensor) -> Tensor:
        """Offsets [B, L, w_dim] for what is attribute_vector [B, K]."""
        return (attribute_vector @ self.offsets.flatten(1)).unflatten(1, self.offsets.shape[1:])

    def due(self, number: int) -> bool:
        """Whether new textures are painted before the batch of a number."""
        return number % self.config.renew_every == 0

    @torch.no_grad()
    def paint(self, synthesis: SynthesisNetwork, codes: Tensor, seed: int, dtype: torch.dtype | None) -> None:
        """Paint over the textures of codes w+, as many as there are attribute offsets."""
        rng, chances = random.Random(seed), torch.Generator(codes.device).manual_seed(seed)
        self.codes.copy_(codes)
        bases = [synthesis(part, "const", dtype).clamp(-1, 1) / 2 + 0.5 for part in codes.split(DRAWN_AT_ONCE)]
        tones = [tone for base in bases for tone in nearest_tones((base * 255).byte())]
        faces = [self._drawn(tone, rng) for tone in tones]
        self.attribute_vector.copy_(attribute_vectors(faces))
        for n, base in enumerate(bases):
            rows = slice(n * DRAWN_AT_ONCE, n * DRAWN_AT_ONCE + len(base))
            self.textures[rows] = (self.painter.paint(faces[rows], chances, base) * 255).round().byte()

    def _drawn(self, tone: str, rng: random.Random) -> Attributes:
        look = rng.choice(LOOKS[1:]) if rng.random() < self.config.share else "none"
        # Hair can be painted over hair, a bald head cannot.
        return sample_attributes(rng, {"skin": tone, "look": look, "hair": "hair"})

    def loss(self, synthesis: SynthesisNetwork, number: int, dtype: torch.dtype | None) -> Tensor:
        """Compare textures of the batch of a number with the painted ones."""
        place = number % self.config.renew_every * self.config.count
        rows = slice(place, place + self.config.count)
        drawn = synthesis(self.codes[rows] + self(self.attribute_vector[rows]), "const", dtype)
        return pyramid_loss(drawn, self.textures[rows].float() / 127.5 - 1)


def pyramid_loss(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of textures [B, 3, R, R], summed over their sizes from R down to COARSEST."""
    loss = (drawn - wanted).abs().mean()
    while drawn.shape[-1] // 2 >= COARSEST:
        drawn, wanted = F.avg_pool2d(drawn, 2), F.avg_pool2d(wanted, 2)
        loss = loss + (drawn - wanted).abs().mean()
    return loss
