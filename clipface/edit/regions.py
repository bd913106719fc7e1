"""Parts of the face that an edit can be kept to, as soft masks over the texture."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from clipface.head import HeadModel
from clipface.head.regions import lacking_files
from clipface.render.uv import UVMap

JOINT = "+"  # between names of regions that are taken together: "lips+eyes"
FEATHER = 0.06  # width of a border, in distances between the eyes (62 mm or so)
EYE_DISTANCE = 0.062  # metres, of a head without landmarks
POINT_SPACING = 0.02  # of points along a curve, in the same unit
# Lies within reach of the skin around it without being part of it; only where a region names it.
INSIDE = ("right_eyeball", "left_eyeball", "mouth_interior", "tongue", "teeth")
# Of the usual 68 landmarks.
EYES = (slice(36, 42), slice(42, 48))
EYE_OUTLINES = ((36, 37, 38, 39, 40, 41, 36), (42, 43, 44, 45, 46, 47, 42))
MOUTH_OUTLINE = (*range(48, 60), 48)


class Region(NamedTuple):
    """What belongs to a region: vertices that the head names, and skin near curves through its landmarks.

    Lengths are in distances between the eyes, on the mean head at rest.
    """

    parts: tuple[str, ...] = ()  # names of the head's own regions
    curves: tuple[tuple[int, ...], ...] = ()  # through landmarks
    spots: tuple[tuple[int, ...], ...] = ()  # the middles of some landmarks
    reach: float = 0.0  # of curves and spots
    feather: float = FEATHER  # over which the edit fades away outside
    without: tuple[str, ...] = ()  # regions of this table that are left out
    everything: bool = False  # the whole texture, less `without`


REGIONS = {
    "lips": Region(parts=("lips",)),
    "eyes": Region(parts=("right_eyeball", "left_eyeball"), curves=EYE_OUTLINES, reach=0.05),
    "eyeballs": Region(parts=("right_eyeball", "left_eyeball"), feather=0.01),
    "eyelids": Region(curves=EYE_OUTLINES, reach=0.14, without=("eyeballs",)),
    "brows": Region(curves=((17, 18, 19, 20, 21), (22, 23, 24, 25, 26)), reach=0.09),
    "forehead": Region(parts=("forehead",), feather=0.15, without=("brows",)),
    "nose": Region(parts=("nose",), feather=0.1),
    "cheeks": Region(
        spots=((2, 31, 48, 41), (14, 35, 54, 46)), reach=0.3, feather=0.25, without=("lips", "nose", "eyes")
    ),
    "beard": Region(curves=(tuple(range(3, 14)), MOUTH_OUTLINE), reach=0.4, feather=0.15, without=("lips", "nose")),
    "hair": Region(parts=("scalp",), feather=0.1),
    "skin": Region(everything=True, without=("lips", "eyes", "brows", "hair")),
}


def available_regions(head: HeadModel) -> list[str]:
    """Names that `edit_mask` knows for a head: those of `REGIONS` it can serve, and the head's own."""
    return sorted({name for name in REGIONS if not _lacking(head, name)} | set(head.regions))


@torch.no_grad()
def edit_mask(head: HeadModel, names: str, size: int) -> Tensor:
    """Make a soft mask of regions over the texture: 1 inside, falling to exactly 0 across a border on the surface.

    Texels off the surface have the value of the nearest one on it, as interpolation reads them at seams.

    Args:
        head: a head with texture coordinates; for most regions with landmarks too.
        names: of regions, joined by "+".
        size: side of the texture.

    Returns:
        [1, size, size] in 0..1 on the head's device, row 0 at the top.

    Raises:
        ValueError: if the head has no such region; lists those it has.
    """
    parts = names.split(JOINT)
    known = available_regions(head)
    unknown = [name for name in parts if name not in known]
    if unknown:
        some = f"one or more of {', '.join(known)}, joined by {JOINT}"
        wanted = f"expected {some if known else f'none, since {head.source} has none'}"
        raise ValueError(f"region: {wanted}, got {names!r}{lacking_files(head)}")
    texels = _Texels(head, size)
    mask = np.maximum.reduce([texels.mask(name) for name in parts])
    if not mask.any():
        raise ValueError(f"region: {names!r} has no texel on {head.source} at {size} pixels; take a larger one")
    values = torch.from_numpy(mask).to(head.v_template.device)
    return texels.uv_map.image(values[None, :, None], continued=True)[0]


def blend(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """Go from one texture to another inside a mask.

    Args:
        before, after: [B, C, R, R].
        mask: [1, R, R] in 0..1.

    Returns:
        [B, C, R, R]: where the mask is 0 the bits of `before`, where it is 1 those of `after`. Gradient: to both.
    """
    return torch.where(mask == 0, before, torch.where(mask == 1, after, before.lerp(after, mask)))


def _lacking(head: HeadModel, name: str) -> bool:
    region = REGIONS[name]
    if region.parts and not any(part in head.regions for part in region.parts):
        return True
    if (region.curves or region.spots) and not head.has_landmarks:
        return True
    return any(_lacking(head, other) for other in region.without)


class _Texels:
    """The N texels that lie on a head's surface, at rest."""

    def __init__(self, head: HeadModel, size: int) -> None:
        self.head = head
        self.names = list(head.regions)
        self.uv_map = UVMap(head, size)
        values = torch.cat([head.v_template, *(head.regions[name].float()[:, None] for name in self.names)], 1)
        values = self.uv_map.on_texels(values[None])[0].cpu().numpy()
        self.landmarks = head.landmarks(head.v_template[None])[0].cpu().numpy() if head.has_landmarks else None
        self.unit = self._eye_distance()
        self.position = values[:, :3] / self.unit  # [N, 3]
        self.belongs = values[:, 3:] > 0.5  # [N, names]
        self.inside = self.part(INSIDE)

    def _eye_distance(self) -> float:
        if self.landmarks is None:
            return EYE_DISTANCE
        right, left = (self.landmarks[eye].mean(0) for eye in EYES)
        distance = float(np.linalg.norm(right - left))
        if distance == 0:
            raise ValueError(f"{self.head.source}: expected landmarks of two eyes, got both at one place")
        return distance

    def part(self, names: Sequence[str]) -> np.ndarray:
        """[N] whether texels belong to any of the head's own regions of these names, as far as it has them."""
        columns = [self.names.index(name) for name in names if name in self.names]
        return self.belongs[:, columns].any(1)

    def mask(self, name: str) -> np.ndarray:
        """[N] in 0..1."""
        region = REGIONS.get(name, Region(parts=(name,)))
        core = np.full(len(self.position), region.everything) | self.part(region.parts)
        if region.curves or region.spots:
            near, _ = cKDTree(self._points(region)).query(self.position, distance_upper_bound=region.reach)
            core |= np.isfinite(near) & ~self.inside
        mask = self._feathered(core, region.feather)
        for other in region.without:
            mask = mask * (1 - self.mask(other))
        return mask

    def _points(self, region: Region) -> np.ndarray:
        marks = self.landmarks / self.unit
        points = [marks[list(spot)].mean(0, keepdims=True) for spot in region.spots]
        for curve in region.curves:
            for start, end in zip(marks[list(curve[:-1])], marks[list(curve[1:])], strict=True):
                count = max(round(float(np.linalg.norm(end - start)) / POINT_SPACING), 1)
                points.append(start + np.linspace(0, 1, count + 1)[:, None] * (end - start))
        return np.concatenate(points).astype(self.position.dtype)

    def _feathered(self, core: np.ndarray, width: float) -> np.ndarray:
        if core.all() or not core.any():
            return core.astype(np.float32)
        distance, _ = cKDTree(self.position[core]).query(self.position, distance_upper_bound=width)
        fade = np.clip(1 - np.minimum(distance, width) / width, 0, 1)
        mask = fade**2 * (3 - 2 * fade)
        mask[self.inside & ~core] = 0
        mask[core] = 1
        return mask.astype(np.float32)
