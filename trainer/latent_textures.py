"""Textures as functions of latent codes: a linear model of baked skins below, painted hair, eyes and looks above."""

from pathlib import Path

import torch
from torch import Tensor

from clipface.data.skins import read_skins
from clipface.fit.chart import Chart
from clipface.head import HeadModel
from clipface.metrics.baselines import LinearTextures
from clipface.render import Renderer
from clipface.synthetic.attributes import CHOICES
from clipface.synthetic.latent_choices import LatentChoices
from clipface.synthetic.painter import Painter
from trainer.baked_stream import nearest_tones, worn

NUMBERS = 16  # entries of a code for chances that have no options
PAINTED_AT_ONCE = 64


class LatentTextures:
    """Gives codes and the textures that they stand for.

    Of a code, the first entries are coefficients of the linear model, the next choose what is painted; the rest means
    nothing yet. Chances that the painter takes (the lie of hair, shades within a colour) are in no code.

    Args:
        folder: of skins (see clipface/data/skins.py); each counts in its mirror image too.
        head: the textures are of its chart; everything is made on its device.
        renderer: of this head's mesh.
        size: side of the textures, texels.
        directions: of the linear model, at most.
        painted: share of faces with more paint than eyes and hair.

    Raises:
        FileNotFoundError, ValueError: if the folder is missing or holds something else, or `directions` are too many.
    """

    def __init__(
        self, folder: str | Path, head: HeadModel, renderer: Renderer, size: int, directions: int, painted: float
    ) -> None:
        self.device, self.texture_size, self.painted = head.v_template.device, size, painted
        skins = read_skins(folder, size)[1].to(self.device).float() / 255
        mirror = Chart(head, size, renderer.backend).mirrored
        self.skins = LinearTextures(torch.cat((skins, mirror(skins))), directions)
        self.painter = Painter(head, size, renderer.backend)
        options = dict.fromkeys(str(value) for values in CHOICES.values() for value in values)
        self.entries = {option: number for number, option in enumerate(options)}

    @property
    def used(self) -> int:
        """Entries of a code that mean something."""
        return len(self.skins.directions) + len(self.entries) + NUMBERS

    @torch.no_grad()
    def sample(self, count: int, seed: int, z_dim: int) -> tuple[Tensor, Tensor]:
        """Draw codes [count, z_dim] and their textures [count, 3, R, R] uint8.

        Raises:
            ValueError: if z_dim is smaller than `used`.
        """
        if z_dim < self.used:
            raise ValueError(
                f"generator.z_dim: {self.used} or more are wanted for so many directions and options, {z_dim} was "
                "given; take fewer directions"
            )
        codes = torch.randn(count, z_dim, generator=torch.Generator().manual_seed(seed)).to(self.device)
        chances = torch.Generator(self.device).manual_seed(seed)
        return codes, torch.cat([self._paint(part, chances) for part in codes.split(PAINTED_AT_ONCE)])

    def _paint(self, codes: Tensor, chances: torch.Generator) -> Tensor:
        directions = len(self.skins.directions)
        skin = self.skins.textures(codes[:, :directions]).clamp(0, 1)
        worn_codes = codes[:, directions : self.used].cpu()
        tones = nearest_tones((skin * 255).round().byte())
        faces = [
            worn(tone, LatentChoices(code, self.entries), self.painted)
            for tone, code in zip(tones, worn_codes, strict=True)
        ]
        return (self.painter.paint(faces, chances, skin) * 255).round().byte()
