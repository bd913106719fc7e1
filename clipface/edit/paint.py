"""Looks painted straight onto a texture: `paint:clown`, `paint:tiger=3` with another pattern.

What the generator learnt of a look is softer than the painter's own strokes, and depends on the face; paint goes on a
photographed skin as on a generated one.
"""

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from clipface.edit.attributes import option_name
from clipface.edit.avatar import Avatar
from clipface.edit.persons.detail import keep_detail, resized
from clipface.head import HeadModel
from clipface.synthetic.looks.registry import OPTIONS
from clipface.synthetic.painted_textures import paint_option
from clipface.synthetic.painter import Painter

PREFIX = "paint:"
LARGEST = 1024  # of what is painted, texels: setting up takes 12 s of one core, once, and 2 GB; a paint 2 to 7 s
VARIETY = 2  # noise fields of the painter's: one design needs no more


def is_paint(path: str | Path) -> bool:
    """Whether a mapper's place names paint instead of a file."""
    return str(path).startswith(PREFIX)


def paint_options() -> dict[str, int]:
    """Index into `clipface.synthetic.looks.registry.OPTIONS` of all that can be painted, by its name."""
    return {option_name(*option): index for index, option in enumerate(OPTIONS)}


class Paint(nn.Module):
    """An edit of textures, not of codes; of nothing else.

    Args:
        path: `paint:`, a name and maybe `=` and a seed of pattern and colours; left out: 0.
        avatar: whose textures it paints.

    Raises:
        ValueError: if there is no such paint, or the seed is no whole number from 0 up.
    """

    region = None  # as of a `FaceMapper`: everywhere

    def __init__(self, path: str | Path, avatar: Avatar) -> None:
        super().__init__()
        name, given, seed = str(path).removeprefix(PREFIX).partition("=")
        known = paint_options()
        if name not in known:
            raise ValueError(f"mapper: expected {PREFIX} and one of {', '.join(known)}, got {str(path)!r}")
        if given and not (seed.isdecimal() and int(seed) < 2**32):
            raise ValueError(f"mapper: expected a whole number from 0 up after {PREFIX}{name}=, got {str(path)!r}")
        self.option, self.seed = known[name], int(seed or 0)
        self._head, self._backend = [avatar.head], avatar.renderer.backend  # a list: the head is no part of the edit

    @torch.no_grad()
    def forward(self, textures: Tensor, strength: float = 1.0) -> Tensor:
        """Paint over textures.

        Args:
            textures: [B, 3, R, R] in 0..1, on the head's device.
            strength: 1 the paint, 0 none (no bit changes), between them a glaze.

        Returns:
            [B, 3, R, R] in 0..1; one design for all faces. Gradient: none.
        """
        if strength == 0:
            return textures
        size = min(textures.shape[-1], LARGEST)
        plain = resized(textures, size)
        painter = _painter(self._head[0], size, self._backend, textures.device)
        painted = [paint_option(painter, self.option, each, self.seed, alike=False) for each in plain.split(1)]
        return keep_detail(textures, plain, plain.lerp(torch.cat(painted), strength).clamp(0, 1))


@lru_cache(maxsize=1)
def _painter(head: HeadModel, size: int, backend: str, device: torch.device) -> Painter:
    """One for all paints; another device needs another."""
    return Painter(head, size, backend, VARIETY)
