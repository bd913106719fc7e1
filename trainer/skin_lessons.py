"""Lessons in skins: no photographed skin may be beyond the generator.

In the game against discriminators a generator can do well with the people that it draws best, and leave out the others:
few women, few old faces. Here every skin that was baked from a photograph gets one of many random codes, such that all
together come nearest, and draws that code's texture nearer. So there are codes for everybody, and likely ones: they
were drawn at random.

Source: implicit maximum likelihood estimation (Li and Malik, arXiv 1809.09087), but no code serves two skins: a few
would serve most of them.
"""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from clipface.head.regions import region_texture_mask
from clipface.texture.generator import TextureGenerator
from trainer.baked_stream import BakedFaces
from trainer.look_lessons import DRAWN_AT_ONCE, pyramid_loss
from trainer.texture_gan_config import SkinsConfig

MATCHED = 16  # texels, the side at which textures are compared when codes are chosen
ROUGHNESS = 4.0  # weight of what is finer than that; wrinkles differ less in it than skins do in colour


class SkinLessons(nn.Module):
    """Baked skins, and a code for each.

    Lessons lie in buffers, so that a run which is taken up again learns the same.

    Args:
        config: of the lessons.
        skins: where they come from, of the generator's chart and resolution.
        z_dim: size of a latent code.
    """

    def __init__(self, config: SkinsConfig, skins: BakedFaces, z_dim: int) -> None:
        super().__init__()
        self.config, self.skins = config, skins
        count, size = config.count * config.renew_every, skins.look.texture_size
        # Of no more than the face: hair is painted, as it comes.
        self.register_buffer("face", region_texture_mask(skins.head, "face", size)[None], persistent=False)
        self.register_buffer("codes", torch.zeros(count, z_dim))
        self.register_buffer("textures", torch.zeros(count, 3, size, size, dtype=torch.uint8))

    def due(self, number: int) -> bool:
        """Whether new skins are drawn before the batch of a number."""
        return number % self.config.renew_every == 0

    @torch.no_grad()
    def draw(self, generator: TextureGenerator, seed: int, dtype: torch.dtype | None) -> None:
        """Draw skins, and for each a code of its own from `candidates` times as many."""
        count = len(self.codes)
        textures = torch.cat([self.skins.plain_textures(n, seed + at) for at, n in _parts(count)])
        self.textures.copy_((textures * 127.5 + 127.5).round())
        codes = torch.randn(count * self.config.candidates, self.codes.shape[1], device=self.codes.device)
        wanted = self._features(lambda at, n: textures[at : at + n], count)
        drawn = self._features(lambda at, n: _drawn(generator, codes[at : at + n], dtype), len(codes))
        chosen = linear_sum_assignment(torch.cdist(wanted, drawn).cpu().numpy())[1]
        self.codes.copy_(codes[torch.from_numpy(chosen).to(codes.device)])

    def loss(self, generator: TextureGenerator, number: int, dtype: torch.dtype | None) -> Tensor:
        """Compare textures of the batch of a number with their skins, within the face."""
        place = number % self.config.renew_every * self.config.count
        rows = slice(place, place + self.config.count)
        wanted = self.textures[rows].float() / 127.5 - 1
        return pyramid_loss(_drawn(generator, self.codes[rows], dtype) * self.face, wanted * self.face)

    def _features(self, textures: Callable[[int, int], Tensor], count: int) -> Tensor:
        """Colour and roughness of faces, place by place, [count, N]."""
        found = []
        for at, n in _parts(count):
            faces = textures(at, n).float() * self.face
            coarse = F.adaptive_avg_pool2d(faces, MATCHED)
            rough = (faces - F.interpolate(coarse, faces.shape[-2:], mode="bilinear")).abs()
            found.append(torch.cat((coarse, ROUGHNESS * F.adaptive_avg_pool2d(rough, MATCHED)), 1).flatten(1))
        return torch.cat(found)


def _drawn(generator: TextureGenerator, codes: Tensor, dtype: torch.dtype | None) -> Tensor:
    return generator.synthesis(generator.mapping(codes), "const", dtype)


def _parts(count: int) -> Iterable[tuple[int, int]]:
    """Places and numbers of what is drawn at once."""
    return ((at, min(DRAWN_AT_ONCE, count - at)) for at in range(0, count, DRAWN_AT_ONCE))
