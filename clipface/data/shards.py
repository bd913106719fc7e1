"""How a data set of faces lies on disk, and how its files are written so that a crash never leaves a broken face.

A data set is a folder:

    dataset.json        layout number, the head its parameters belong to, the settings it was made with
    shards/00000.tar    for each face NAME.jpg or .png (RGB), NAME.mask.png (grey, 255 where the face is) and NAME.npz
                        (its parameters, see clipface/data/faces.py), maybe NAME.txt (a caption); an uncompressed POSIX
                        archive in the order that the package webdataset reads
    shards/00000.json   its index: where each file begins, its size and CRC-32 (older sets have none), size and SHA-256
                        of the archive, its sources
    distribution.npz    mean and covariance of the heads (see clipface/data/distribution.py), where they were fitted

An archive is written under another name, renamed when complete, and counts only once its index is there.
"""

import io
import json
import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from clipface.assets import checksum
from clipface.data.shard_index import check_index
from clipface.documents import read_json
from clipface.files import partial_path, regular, write_atomic

LAYOUT = 1
MANIFEST = "dataset.json"
DIVISION = "parts"  # in the manifest, while several machines prepare parts
SHARDS = "shards"
DISTRIBUTION = "distribution.npz"
JPEG_QUALITY = 95  # with full chroma: 0.5 to 1 grey value of error, a quarter of PNG's size


class Face(NamedTuple):
    """What is stored of one face."""

    name: str  # unique in the data set; no "."
    image: np.ndarray  # [H, W, 3] uint8
    mask: np.ndarray  # [H, W] uint8, 255 where the face is
    parameters: dict[str, np.ndarray]
    caption: str | None = None
    source: str | None = None  # the photograph it came from, relative to its folder


@dataclass(frozen=True)
class Shard:
    """A complete archive: `path` of the .tar, `record` what its index says."""

    path: Path
    record: dict[str, Any]

    @property
    def faces(self) -> list[dict[str, Any]]:
        """Of each: `name`, `files` (suffix → [offset, size, maybe CRC-32] there), maybe `caption`, `source`."""
        return self.record["faces"]


def write_json(path: Path, content: Any) -> None:
    """Write JSON; atomic."""
    write_atomic(path, json.dumps(content, indent=1))


def create_dataset(folder: Path, head: str, settings: dict[str, Any], division: dict[str, Any] | None = None) -> None:
    """Create an empty data set.

    `settings` is kept with it, for later runs to compare; `division` says how photographs are divided among parts, and
    keeps others from reading it until those are joined.
    """
    (folder / SHARDS).mkdir(parents=True, exist_ok=True)
    divided = {} if division is None else {DIVISION: division}
    write_json(folder / MANIFEST, {"layout": LAYOUT, "head": head, "settings": settings, **divided})


def join_parts(folder: Path) -> None:
    """Make a data set that parts have written one that can be read."""
    manifest = read_manifest(folder, divided=True)
    if manifest.pop(DIVISION, None) is not None:
        write_json(folder / MANIFEST, manifest)


def read_manifest(folder: str | Path, divided: bool = False) -> dict[str, Any]:
    """Read `dataset.json`: layout, head, settings; of one that parts are writing to, if that may be, `DIVISION`.

    Raises:
        FileNotFoundError: if the folder holds no data set.
        ValueError: if the file is damaged or of another layout, or parts are not joined.
    """
    remedy = (
        "give the folder of a data set (dataset.path=...), for instance one that `python scripts/prepare_photos.py` "
        "or `python scripts/recipes/paint_faces.py` wrote"
    )
    path = regular(Path(folder) / MANIFEST, "dataset", remedy)
    manifest = read_json(path, "dataset", "it is damaged; write the data set again")
    layout = manifest.get("layout")
    known = isinstance(manifest.get("head"), str) and isinstance(manifest.get("settings"), dict)
    if layout != LAYOUT or not known:
        raise ValueError(f"dataset: {path}: expected layout {LAYOUT}, got {layout}; write the data set again")
    if DIVISION in manifest and not divided:
        join = "run scripts/prepare_photos.py as for the parts, but without --part"
        raise ValueError(f"dataset: expected a complete one, got parts in {folder}; when all are done, {join}")
    return manifest


def survey(folder: str | Path) -> tuple[list[Shard], dict[str, str]]:
    """Look through a data set's archives without reading them.

    Returns:
        The complete ones in order, and for each damaged one its name and what is wrong. Leftovers of a write that never
        ended are neither.
    """
    good, damaged = [], {}
    for index in sorted((Path(folder) / SHARDS).glob("*.json")):
        archive = index.with_suffix(".tar")
        try:
            record = read_json(index, "index")
            size = check_index(record)
        except (OSError, ValueError) as error:
            damaged[archive.name] = f"its index is damaged ({error})"
            continue
        if not archive.is_file():
            damaged[archive.name] = "it is missing"
        elif archive.stat().st_size != size:
            damaged[archive.name] = f"expected {size} bytes, got {archive.stat().st_size}"
        else:
            good.append(Shard(archive, record))
    return good, damaged


def verify(shard: Shard) -> bool:
    """Whether an archive still has its checksum (reads all of it)."""
    return checksum(shard.path) == shard.record["sha256"]


class ShardWriter:
    """Writes one archive and its index.

    Args:
        folder: of the data set.
        number: of the archive; one of this number is replaced.
        lossless: keep images as PNG, not as JPEG.
    """

    def __init__(self, folder: Path, number: int, lossless: bool = False) -> None:
        self.path = folder / SHARDS / f"{number:05d}.tar"
        self.lossless = lossless
        self.sizes: dict[str, list[int]] | None = None  # of each parameter
        self.faces: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._partial = partial_path(self.path)
        self._file = self._partial.open("wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(self, face: Face) -> None:
        """Append a face.

        Raises:
            ValueError: if its name, image, mask or parameters do not fit.
            OSError: if it cannot be written.
        """
        self._check(face)
        image = Image.fromarray(face.image)
        suffix, options = ("png", {}) if self.lossless else ("jpg", {"quality": JPEG_QUALITY, "subsampling": 0})
        parameters = io.BytesIO()
        np.savez(parameters, **face.parameters)
        contents = {
            suffix: _encoded(image, "PNG" if self.lossless else "JPEG", **options),
            "mask.png": _encoded(Image.fromarray(face.mask), "PNG"),
            "npz": parameters.getvalue(),
        }
        if face.caption is not None:
            contents["txt"] = face.caption.encode()
        files = {suffix: self._append(f"{face.name}.{suffix}", content) for suffix, content in contents.items()}
        extra = {key: getattr(face, key) for key in ("caption", "source") if getattr(face, key) is not None}
        self.faces.append({"name": face.name, "files": files, **extra})
        self._names.add(face.name)

    def close(self, record: dict[str, Any] | None = None) -> Shard:
        """Make the archive count; `record` is added to its index."""
        try:
            self._tar.close()
            self._file.close()
            entries = {
                "bytes": self._partial.stat().st_size, "sha256": checksum(self._partial), "sizes": self.sizes or {},
                "faces": self.faces, **(record or {}),
            }  # fmt: skip
            self.path.with_suffix(".json").unlink(missing_ok=True)  # it must never describe another archive
            os.replace(self._partial, self.path)
            write_json(self.path.with_suffix(".json"), entries)
        except BaseException:
            self.discard()
            raise
        return Shard(self.path, entries)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def _append(self, name: str, content: bytes) -> list[int]:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        self._tar.addfile(info, io.BytesIO(content))
        padded = -(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        return [self._tar.offset - padded, len(content), zlib.crc32(content)]

    def _check(self, face: Face) -> None:
        if "." in face.name or face.name in self._names or not face.name:
            raise ValueError(f'name: expected a new one without ".", got {face.name!r}')
        if face.image.dtype != np.uint8 or face.image.shape != (*face.mask.shape, 3) or face.mask.dtype != np.uint8:
            shapes = f"{face.image.shape} with {face.mask.shape}"
            raise ValueError(f"image: expected uint8 (H, W, 3) with a mask (H, W), got {shapes}")
        sizes = {key: list(value.shape) for key, value in face.parameters.items()}
        if self.sizes is not None and sizes != self.sizes:
            raise ValueError(f"parameters: expected {self.sizes} as of the face before, got {sizes}")
        self.sizes = sizes
        for key, value in face.parameters.items():
            if not np.isfinite(value).all():
                raise ValueError(f"parameters: {key} of {face.name} holds values that are no finite numbers")


def _encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()
