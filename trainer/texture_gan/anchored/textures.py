"""A set of full textures on the training device, what is sampled from it, and its painted copies."""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface.data.textures import TABLE, read_faces_table, read_textures
from clipface.render.uv import UVMap
from clipface.synthetic.looks.registry import OPTIONS
from clipface.synthetic.painted_textures import paint_option
from clipface.synthetic.painter import Painter

COLOURS_AT = 32  # texels of the image that the colours of a mixture come from
COLOUR_SHARES = (0.2, 0.8)  # of the second texture
REGIONS_AT = 7  # points a side, between which it is random which texture a mixture's details come from
SHARPNESS = 4.0  # of those regions' borders
AT_ONCE = 64  # textures resized at once


class Faces(NamedTuple):
    """What the table says of N textures."""

    weight: Tensor  # [N] float32, how often each is sampled
    mixed_only: Tensor  # [N] bool: only in mixtures and in the linear model
    person: Tensor  # [N] int64, the same for textures of one person, who is never mixed with herself


def read_faces(folder: str | Path, names: list[str]) -> Faces:
    """Read what `faces.csv` says of textures; without a table, or a row in it, they are all alike.

    Args:
        folder: of the textures.
        names: of the textures, as `read_textures` gives them.

    Raises:
        ValueError: naming the row that does not fit.
    """
    faces = Faces(torch.ones(len(names)), torch.zeros(len(names), dtype=torch.bool), torch.arange(len(names)))
    place = {name: number for number, name in enumerate(names)}
    persons: dict[str, int] = {}
    for name, face in read_faces_table(folder, names).items():
        number = place[name]
        faces.weight[number], faces.mixed_only[number] = face.weight, face.mixed_only
        if face.person:
            faces.person[number] = persons.setdefault(face.person, number)
    shown, sampled = faces.weight * ~faces.mixed_only > 0, faces.person[faces.weight > 0].unique()
    if not shown.any() or len(sampled) < 2:
        raise ValueError(
            f"{TABLE}: expected two people with weight and a texture that is not mixed_only, got {len(sampled)} people "
            f"and {int(shown.sum())} such textures in {folder}"
        )
    return faces


class TextureSet:
    """Textures and their mirror images as bytes on one device, sampled by weight without the host waiting.

    Args:
        folder: of textures, maybe with a table (see `read_faces`).
        uv_map: of the textures' layout, at the largest size that is asked for; on the device.

    Attributes:
        textures: [N, 3, R, R] uint8, the mirror images after the others; R is set by `resize`.
        weight: [N], how often each is sampled; full_weight: the same, 0 for those that are for mixtures only.
    """

    def __init__(self, folder: str | Path, uv_map: UVMap) -> None:
        names, textures = read_textures(folder, uv_map.size)
        faces = read_faces(folder, names)
        device = uv_map.texels.device
        # People one after the other, so that leaving one of them out is leaving out one interval.
        order = faces.person.argsort(stable=True)
        weight, person = faces.weight[order], faces.person[order]
        textures = textures[order].to(device)
        mirrored = torch.cat([uv_map.mirrored(part) for part in textures.split(AT_ONCE)])
        self._largest = self.textures = torch.cat((textures, mirrored))
        full = weight * ~faces.mixed_only[order]
        self.weight, self.full_weight = weight.repeat(2).to(device), full.repeat(2).to(device)
        self._bounds, self._full_bounds = (w.double().cumsum(0).to(device) for w in (weight, full))
        same = (person[:, None] == person).double().to(device)  # [n, n]
        self._own = same @ weight.to(device).double()  # weight of each texture's person
        first = same.argmax(1)
        self._begin = torch.where(first > 0, self._bounds[(first - 1).clamp_min(0)], 0.0)  # of her interval

    def __len__(self) -> int:
        return len(self.textures)

    def resize(self, resolution: int) -> None:
        """Hand out textures of this size from now on."""
        self.textures = resized(self._largest, resolution)

    def small(self, resolution: int) -> Tensor:
        """All textures [N, 3, resolution, resolution] in [-1, 1], made from the largest ones."""
        return as_floats(resized(self._largest, resolution, torch.float32))

    def sample(self, count: int) -> Tensor:
        """Rows [count] by weight, of textures that may be shown as they are."""
        places = self._uniform(count) * self._full_bounds[-1]
        return self._either_side(_interval(self._full_bounds, places))

    def sample_pairs(self, count: int) -> tuple[Tensor, Tensor]:
        """Rows [count] by weight, and as many of other people."""
        first = _interval(self._bounds, self._uniform(count) * self._bounds[-1])
        places = self._uniform(count) * (self._bounds[-1] - self._own[first])
        places = places + self._own[first] * (places >= self._begin[first])
        return self._either_side(first), self._either_side(_interval(self._bounds, places))

    def _uniform(self, count: int) -> Tensor:
        return torch.rand(count, dtype=torch.float64, device=self._bounds.device)

    def _either_side(self, rows: Tensor) -> Tensor:
        """Half of the rows [B] exchanged for their mirror images."""
        return rows + len(self._bounds) * torch.randint(2, rows.shape, device=rows.device)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Textures [B, 3, R, R] in [-1, 1] of rows [B]."""
        return as_floats(self.textures[rows])

    def targets(self, count: int) -> Tensor:
        """Textures [count, 3, R, R] in [-1, 1], the first half as they are, the others mixtures."""
        return torch.cat((self[self.sample(count // 2)], self.mixtures(count - count // 2)))

    def mixtures(self, count: int) -> Tensor:
        """Mixtures of two [count, 3, R, R]: colours between both, details of one or the other by symmetric regions."""
        first, second = (self[rows] for rows in self.sample_pairs(count))
        size, device = self.textures.shape[-1], first.device
        first_colours, second_colours = (_colours(texture) for texture in (first, second))
        low, high = COLOUR_SHARES
        share = torch.rand(count, 1, 1, 1, device=device) * (high - low) + low
        field = torch.randn(count, 1, REGIONS_AT, REGIONS_AT, device=device)
        field = F.interpolate(field, (size, size), mode="bicubic")
        region = torch.sigmoid(SHARPNESS * (field + field.flip(3)))
        details = torch.lerp(first - first_colours, second - second_colours, region)
        return (torch.lerp(first_colours, second_colours, share) + details).clamp(-1, 1)


class PaintedTextures:
    """Textures of a set with one option of the painter each; made from a seed, so no checkpoint needs them.

    Args:
        textures: of which some are painted over, at the painter's size.
        painter: of the same layout.
        count: textures for each option.
        seed: of the choice, and of what is painted: each option has one pattern.

    Attributes:
        textures: [M, 3, R, R] uint8; R is set by `resize`.
        options: [M] into OPTIONS; bases: [M] rows of the set.
    """

    def __init__(self, textures: TextureSet, painter: Painter, count: int, seed: int) -> None:
        device = textures.textures.device
        self.options = torch.arange(len(OPTIONS), device=device).repeat_interleave(count)
        random = torch.Generator().manual_seed(seed)
        weight = textures.full_weight.cpu()
        rows = torch.multinomial(weight, count * len(OPTIONS), replacement=True, generator=random)
        self.bases = rows.to(device)
        painted = []
        for option, chosen in enumerate(self.bases.split(count)):
            result = paint_option(painter, option, textures[chosen] / 2 + 0.5, seed)
            painted.append((result * 255).round().clamp(0, 255).byte())
        self._largest = self.textures = torch.cat(painted)

    def resize(self, resolution: int) -> None:
        """Hand out textures of this size from now on."""
        self.textures = resized(self._largest, resolution)

    def sample(self, count: int) -> Tensor:
        """Rows [count], all alike."""
        return torch.randint(len(self.options), (count,), device=self.options.device)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Textures [B, 3, R, R] in [-1, 1] of rows [B]."""
        return as_floats(self.textures[rows])


def _interval(bounds: Tensor, places: Tensor) -> Tensor:
    """Which interval, by its upper bound, each place lies in; never one without length, but for rounding at the end."""
    return torch.searchsorted(bounds, places, right=True).clamp_max(len(bounds) - 1)


def as_floats(textures: Tensor) -> Tensor:
    """Numbers 0..255 as such in [-1, 1]."""
    return textures.float() / 127.5 - 1


def resized(textures: Tensor, resolution: int, dtype: torch.dtype = torch.uint8) -> Tensor:
    """Bytes [N, 3, S, S] averaged to [N, 3, resolution, resolution], S a multiple of it; rounded for bytes."""
    factor = textures.shape[-1] // resolution
    if factor == 1:
        return textures.to(dtype)
    parts = (F.avg_pool2d(part.float(), factor) for part in textures.split(AT_ONCE))
    return torch.cat([part.round().to(dtype) if dtype == torch.uint8 else part for part in parts])


def _colours(textures: Tensor) -> Tensor:
    size = textures.shape[-1]
    small = F.avg_pool2d(textures, max(2, size // COLOURS_AT))
    return F.interpolate(small, (size, size), mode="bilinear", align_corners=False)
