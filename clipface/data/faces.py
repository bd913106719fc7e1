"""Data sets of masked faces with fitted heads, read face by face (see clipface/data/shards.py for the files).

Parameters of a face, float32: shape (S,), expression (E,), pose (6,), camera (4, 4); maybe neck_pose (3,) and eye_pose
(6,), zero if left out; vertices (V, 3), which then stand for all of these; visibility (U, U) uint8. A data set may hold
more of them (light, texture, the crop's matrix ...), which `MaskedFaces.parameters` gives.

`camera` maps the head frame to the image's clip space, y down (see clipface/render/camera.py).
"""

import io
import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from clipface.arrays import read_arrays
from clipface.data.shards import Shard, read_manifest, survey
from clipface.images import MOST_PIXELS

# Shape of each; None: any length.
PARAMETERS: dict[str, tuple[int | None, ...]] = {
    "shape": (None,), "expression": (None,), "pose": (6,), "camera": (4, 4), "neck_pose": (3,), "eye_pose": (6,),
}  # fmt: skip
NO_CHECKSUM = -1  # of a file in an older data set
OPTIONAL = ("neck_pose", "eye_pose")
EXTRA: dict[str, tuple[int | None, ...]] = {"vertices": (None, 3), "visibility": (None, None)}


class FaceBatch(NamedTuple):
    """Masked images and the heads in them (without the first axis: one face)."""

    image: Tensor  # [B, 3, H, W] in [-1, 1], on the background
    mask: Tensor  # [B, 1, H, W] in [0, 1], 1 where the face is
    shape: Tensor  # [B, S]
    expression: Tensor  # [B, E]
    pose: Tensor  # [B, 6]
    camera: Tensor  # [B, 4, 4]
    neck_pose: Tensor  # [B, 3]
    eye_pose: Tensor  # [B, 6]
    vertices: Tensor | None = None  # [B, V, 3]; they stand for shape, expression and poses
    visibility: Tensor | None = None  # [B, 1, U, U] in [0, 1]: which texels of the texture the image shows
    attribute_vector: Tensor | None = None  # [B, K]: what is painted over the face (see clipface.synthetic)
    photographed: Tensor | None = None  # [B], 1 for images of the first source, 0 for heads in baked textures

    def select(self, rows: Tensor | slice) -> "FaceBatch":
        """Some faces of the batch."""
        return FaceBatch(*(None if part is None else part[rows] for part in self))

    def to(self, device: torch.device | str) -> "FaceBatch":
        """The batch on another device; from pinned memory the copy runs while the host goes on."""
        return FaceBatch(*(None if part is None else part.to(device, non_blocking=True) for part in self))


def collate(faces: Sequence[FaceBatch]) -> FaceBatch:
    """Make a batch of single faces (`collate_fn` of a DataLoader)."""
    return FaceBatch(*(None if parts[0] is None else torch.stack(parts) for parts in zip(*faces, strict=True)))


def composite(image: Tensor, mask: Tensor, background: float) -> Tensor:
    """Put the masked part of images on a plain background.

    Args:
        image: [B, C, H, W].
        mask: [B, 1, H, W] in [0, 1].
        background: grey value, in the range of `image`.

    Gradient: to image and mask.
    """
    return background + mask * (image - background)


class MaskedFaces(Dataset):
    """A data set folder. Only its index is held in memory; files are opened for each face, in whatever process asks.

    Args:
        path: the folder.
        image_size: side of the images handed out, pixels; others are resized, which leaves the camera as it is.
        background: grey value around the face, in [-1, 1].
        mirror: after all faces as they are, all once more mirrored: image, mask and camera, as if the same head with
            the same texture stood before a mirror.
        match: regular expression of the photographs' names (with their folders) to take, or of faces' names without
            photographs.

    Attributes:
        names, captions (None without), sources (None without): of the faces.
        head: name of the head that the parameters belong to.
        sizes: shape of each parameter.

    Raises:
        FileNotFoundError: if the folder is missing or no data set.
        ValueError: if the data set is empty, damaged or made in part, or nothing in it matches.
    """

    def __init__(
        self, path: str | Path, image_size: int, background: float = 1.0, mirror: bool = False, match: str = ""
    ) -> None:
        self.path, self.image_size, self.background, self.mirror = Path(path), image_size, background, mirror
        self.head: str = read_manifest(self.path)["head"]
        shards, damaged = survey(self.path)
        if damaged:
            name, why = next(iter(damaged.items()))
            repair = "run the command that wrote the data set again; prepare_photos.py repairs it"
            raise ValueError(f"dataset: {len(damaged)} shards of {self.path} are damaged; {name}: {why}; {repair}")
        shards = [shard for shard in shards if shard.faces]
        if not shards:
            raise ValueError(f"dataset: {self.path} holds no faces; prepare more photographs")
        self.sizes = _common_sizes(shards)
        found = [(number, face) for number, shard in enumerate(shards) for face in shard.faces if _fits(face, match)]
        if not found:
            raise ValueError(f"match: expected faces of {self.path} that {match!r} finds, got none")
        place, entries = zip(*found, strict=True)
        self.names = [face["name"] for face in entries]
        self.captions = [face["caption"] for face in entries] if all("caption" in face for face in entries) else None
        self.sources = [face["source"] for face in entries] if all("source" in face for face in entries) else None
        self._archives = [shard.path for shard in shards]
        self._archive = np.array(place)
        self._spans = np.array([_spans(face["files"]) for face in entries])  # [N, 3, 3]: image, mask, parameters

    def __len__(self) -> int:
        return len(self.names) * (1 + self.mirror)

    def __getitem__(self, index: int) -> FaceBatch:
        """Read one face, as a FaceBatch without the first axis."""
        turns, place = divmod(index, len(self.names))
        if not 0 <= turns <= int(self.mirror):
            raise IndexError(f"index: expected 0 to {len(self) - 1}, got {index}")
        pixels, grey, archive = self._read(place)
        image, mask = self._pixels(pixels, place, "RGB") * 2 - 1, self._pixels(grey, place, "L")
        arrays = self._arrays(archive, place, (*PARAMETERS, *EXTRA))
        parts = {key: torch.from_numpy(array.astype(np.float32)) for key, array in arrays.items()}
        for key in OPTIONAL:
            parts.setdefault(key, torch.zeros(PARAMETERS[key]))
        if turns:
            image, mask = image.flip(-1), mask.flip(-1)
            parts["camera"] = parts["camera"] * torch.tensor([[-1.0], [1], [1], [1]])
        if "visibility" in parts:
            parts["visibility"] = parts["visibility"][None] / 255
        return FaceBatch(composite(image, mask, self.background), mask, **parts)

    def parameters(self, index: int) -> dict[str, np.ndarray]:
        """Read all that is stored of one face but its images."""
        return self._arrays(self._read(index)[2], index, None)

    def images(self, index: int) -> tuple[Image.Image, Image.Image]:
        """Read the full image (RGB) and the mask (L) of one face, as they are stored."""
        image, grey, _ = self._read(index)
        return self._decoded(image, index, "RGB"), self._decoded(grey, index, "L")

    def _read(self, index: int) -> list[bytes]:
        """Bytes of image, mask and parameters: they lie side by side, so one read gets them."""
        spans = self._spans[index]
        start, stop = int(spans[:, 0].min()), int(spans[:, :2].sum(1).max())
        with open(self._archives[self._archive[index]], "rb", buffering=0) as file:
            file.seek(start)
            block = file.read(stop - start)
        if len(block) != stop - start:
            raise ValueError(self._trouble(index, "it is cut off"))
        parts = [block[offset - start : offset - start + size] for offset, size, _ in spans]
        for part, (_, _, expected) in zip(parts, spans, strict=True):
            if expected >= 0 and zlib.crc32(part) != expected:
                raise ValueError(self._trouble(index, "it was changed since it was written: its checksum is wrong"))
        return parts

    def _arrays(self, content: bytes, index: int, keys: Sequence[str] | None) -> dict[str, np.ndarray]:
        try:
            arrays = read_arrays(io.BytesIO(content), "parameters")
            for name, sizes in self.sizes.items():
                if name in arrays and (list(arrays[name].shape) != sizes or arrays[name].dtype.kind not in "biuf"):
                    raise ValueError(f"{name}: expected numbers of shape {sizes}, got {arrays[name].shape}")
            lacking = sorted(self.sizes.keys() - arrays.keys())
            if lacking:
                raise ValueError(f"{', '.join(lacking)} missing")
        except ValueError as error:
            raise ValueError(self._trouble(index, str(error))) from error
        return arrays if keys is None else {key: arrays[key] for key in keys if key in arrays}

    def _pixels(self, content: bytes, index: int, mode: str) -> Tensor:
        image = self._decoded(content, index, mode)
        if image.size != (self.image_size, self.image_size):
            # Bilinear filters when it shrinks, and unlike sharper kernels never overshoots, so masks stay masks.
            image = image.resize((self.image_size, self.image_size), Image.Resampling.BILINEAR)
        levels = torch.from_numpy(np.array(image)).view(self.image_size, self.image_size, -1)
        return levels.permute(2, 0, 1).contiguous() / 255

    def _decoded(self, content: bytes, index: int, mode: str) -> Image.Image:
        try:
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as file:
                if file.width * file.height > MOST_PIXELS:
                    raise ValueError(f"{file.width} x {file.height} pixels")
                return file.convert(mode)
        except Exception as error:  # decoders of damaged files fail in as many ways as there are formats
            raise ValueError(self._trouble(index, str(error))) from error

    def _trouble(self, index: int, why: str) -> str:
        archive = self._archives[self._archive[index]]
        return f"dataset: {self.names[index]} in {archive} cannot be read ({why}); remove this file and run its maker"


def _fits(face: dict, match: str) -> bool:
    return bool(re.search(match, face.get("source") or face["name"]))


def _spans(files: dict[str, list[int]]) -> list[list[int]]:
    spans = files["jpg"] if "jpg" in files else files["png"], files["mask.png"], files["npz"]
    return [span if len(span) == 3 else [*span, NO_CHECKSUM] for span in spans]


def _common_sizes(shards: list[Shard]) -> dict[str, list[int]]:
    """Shapes of the parameters, which must be the same in all shards."""
    sizes = shards[0].record["sizes"]
    for shard in shards:
        if shard.record["sizes"] != sizes:
            given = shard.record["sizes"]
            raise ValueError(f"dataset: {shard.path}: expected parameters {sizes} as in the first, got {given}")
    lacking = [key for key in PARAMETERS if key not in sizes and key not in OPTIONAL]
    if lacking:
        raise ValueError(f"dataset: {shards[0].path} lacks {', '.join(lacking)}; it has {', '.join(sorted(sizes))}")
    for key, expected in (PARAMETERS | EXTRA).items():
        given = sizes.get(key)
        if given and (
            len(given) != len(expected) or any(e not in (None, g) for g, e in zip(given, expected, strict=True))
        ):
            words = str(expected).replace("None", "any")
            raise ValueError(f"dataset: {key} in {shards[0].path}: expected shape {words}, got {tuple(given)}")
    return sizes


def endless_batches(count: int, batch_size: int, seed: int, start: int = 0) -> Iterator[list[int]]:
    """Give batches of indices for ever: one shuffled round through all faces after the other.

    Args:
        count: faces.
        batch_size: indices a batch; a batch may span two rounds.
        seed: of the shuffling.
        start: number of the first batch, so that a resumed run goes on where it stopped.
    """
    first, passed = divmod(start * batch_size, count)
    generators = (torch.Generator().manual_seed(seed + number) for number in itertools.count(first))
    rounds = (torch.randperm(count, generator=generator).tolist() for generator in generators)
    indices = itertools.islice(itertools.chain.from_iterable(rounds), passed, None)
    while True:
        yield list(itertools.islice(indices, batch_size))
