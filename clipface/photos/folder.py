"""All faces of a folder of photographs with their landmarks, for what measures fits or learns from many."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from clipface.arrays import read_arrays
from clipface.files import read_table
from clipface.photos.examine import SIZE
from clipface.photos.filter import ANY_FACE
from clipface.photos.sources import find_sources
from clipface.photos.workers import Examiners

POINTS = 478  # landmarks of a face


class ExaminedFaces(NamedTuple):
    """Faces of B photographs: `files` below the folder; `crops` [B, S, S, 3] uint8; `points` [B, 478, 3] crop pixels;
    `person` [B, S, S] uint8 and `inside` [B, S, S] bool as of `examine.Cutout`."""

    files: np.ndarray
    crops: np.ndarray
    points: np.ndarray
    person: np.ndarray
    inside: np.ndarray

    @property
    def places(self) -> Tensor:
        """[B, 478, 2] landmarks in the crop's [-1, 1]."""
        return torch.from_numpy(self.points[..., :2]).float() / (SIZE / 2) - 1

    def tensors(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Crops, points, person and inside of some faces, as `Fitter` takes them."""
        return tuple(torch.from_numpy(part[rows]) for part in (self.crops, self.points, self.person, self.inside))


def examine_folder(photos: Path, cache: Path | None = None, count: int = 0, processes: int = 2) -> ExaminedFaces:
    """Find and cut out the face of every photograph in a folder and those below it, whatever it looks like.

    Args:
        photos: the folder.
        cache: `.npz` to read if it is there, else to write. It is not compared with the folder.
        count: of photographs, spread evenly over the folder; 0: all.
        processes: that examine photographs.
    """
    if cache is not None and cache.exists():
        return _read_examined(cache)
    sources, _ = find_sources(photos, photos / "none")
    sources = sources[:: max(1, len(sources) // count)][:count] if count else sources
    rows, files = [], []
    with Examiners(processes, ANY_FACE, SIZE) as examiners:
        results = examiners.examine(str(photos / source.file) for source in sources)
        for source, result in tqdm(zip(sources, results, strict=True), total=len(sources), unit="photograph"):
            if isinstance(result, str):
                print(f"{source.file}: {result}")
                continue
            rows.append((result.image, result.points, result.person, result.inside))
            files.append(source.file)
    faces = ExaminedFaces(np.array(files), *(np.stack(part) for part in zip(*rows, strict=True)))
    if cache is not None:
        np.savez(cache, **faces._asdict())
    return faces


def _read_examined(cache: Path) -> ExaminedFaces:
    arrays = read_arrays(cache, "cache", ExaminedFaces._fields, "take it away")
    faces = ExaminedFaces(*(arrays[name] for name in ExaminedFaces._fields))
    sizes = faces.crops.shape[:3] if faces.crops.ndim == 4 else (0, 0, 0)
    expected = ("U", sizes[:1]), ("u", (*sizes, 3)), ("f", (sizes[0], POINTS, 3)), ("u", sizes), ("b", sizes)
    if not sizes[0] or any(
        array.dtype.kind != kind or array.shape != shape for array, (kind, shape) in zip(faces, expected, strict=True)
    ):
        raise ValueError(f"cache: expected examined photographs in {cache}, got arrays of others; take it away")
    return faces


class PhotographLabels(NamedTuple):
    """`person` [B] int64 numbers, every unlabelled image its own; `expression` [B], empty where not labelled."""

    person: Tensor
    expression: np.ndarray


def read_labels(path: Path | None, files: np.ndarray) -> PhotographLabels:
    """Read a CSV file with the columns file, person and maybe expression; without a file nothing is labelled.

    Args:
        path: of the table.
        files: [B] names of the photographs.
    """
    rows = {}
    if path is not None:
        rows = {row["file"]: row for row in read_table(path, ("file", "person"), "labels")}
    people = [rows.get(file, {}).get("person") or f"only on {file}" for file in files.tolist()]
    number = {person: place for place, person in enumerate(dict.fromkeys(people))}
    expression = np.array([rows.get(file, {}).get("expression", "") for file in files.tolist()])
    return PhotographLabels(torch.tensor([number[person] for person in people]), expression)
