"""Textures of the open head's UV map as it was before `clipface.head.uv_stretch`, carried over to the map of today."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from clipface.files import replacing
from clipface.head.uv_stretch import COLUMNS, ROWS, STRIP
from clipface.images import SUFFIXES, PhotographError, image_size, read_photograph
from clipface.startup import warn

LOBES = 3  # of the Lanczos kernel
IMAGES = (".png", ".jpg", ".jpeg")  # that are written; others are read too, and become .png


def convert_files(sources: Sequence[Path], out: Path, size: int | None = None) -> int:
    """Convert image files, 8 bits a channel.

    Args:
        sources: images, and folders of images, whose inner folders stay as they are.
        out: with one image, that file; with several or a folder, the folder to write into under the same names.
        size: as in `convert_texture`.

    Returns:
        How many were written.

    Raises:
        FileNotFoundError: if a source is missing, or there is no image in a folder.
        ValueError: if an image is damaged or not square, would overwrite its source, or two have one name; or `out` is
            an image's name for several, or of another kind.
    """
    if size is not None and size < 1:
        raise ValueError(f"size: expected a number of texels from 1 up, got {size}")
    return change_files(sources, out, partial(convert_texture, size=size))


def change_files(sources: Sequence[Path], out: Path, change: Callable[[np.ndarray], np.ndarray]) -> int:
    """Write image files anew, 8 bits a channel.

    Args:
        sources, out: as of `convert_files`, and so are the result and the errors.
        change: what becomes of pixels [H, W, 3 or 4] in 0..255.
    """
    pairs = _pairs(sources, out)
    for source, target in pairs:
        try:
            image = read_photograph(source, transparent=True).image
        except PhotographError as error:
            raise ValueError(f"texture: {source} is cut off or no image ({error})") from error
        if image.width != image.height:
            raise ValueError(f"texture: expected a square one, got {image.width} x {image.height} in {source}")
        try:
            result = change(np.asarray(image)).round().clip(0, 255).astype(np.uint8)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error
        png = target.suffix.lower() == ".png"
        with replacing(target) as partial:
            Image.fromarray(result if png else result[..., :3]).save(partial, "PNG" if png else "JPEG", quality=95)
    return len(pairs)


def _pairs(sources: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Each image, and the file to write."""
    alone = len(sources) == 1 and not sources[0].is_dir()
    image = out.suffix.lower() in SUFFIXES and not out.is_dir()
    if image and (not alone or out.suffix.lower() not in IMAGES):
        wanted = f"a file {' '.join(IMAGES)}" if alone else "a folder for several textures"
        raise ValueError(f"out: expected {wanted}, got {out}; give another name")
    pairs = []
    for source in sources:
        found = [(source, Path(source.name))]
        if source.is_dir():
            every = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
            found = [(path, path.relative_to(source)) for path in every if not path.name.startswith(".")]
            found = _textures(found)
        if not source.exists() or not found:
            raise FileNotFoundError(f"texture: expected an image or a folder of {' '.join(IMAGES)}, got {source}")
        pairs += [(path, out if image else out / _written(name)) for path, name in found]
    targets = [target for _, target in pairs]
    for source, target in pairs:
        if targets.count(target) > 1 or target.resolve() == source.resolve():
            raise ValueError(f"texture: expected a place of its own for {source}, got {target}; choose another folder")
    return pairs


def _textures(found: list[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Pass over images of a folder that are not square, such as views of textures, and say so."""
    square = [pair for pair in found if _is_square(pair[0])]
    if square and len(square) < len(found):
        other = next(path for path, _ in found if not _is_square(path))
        warn([f"{len(found) - len(square)} images are not square and so no textures, and are passed over: {other} ..."])
    return square or found


def _is_square(path: Path) -> bool:
    """Also of what is no image, which is told when it is read."""
    try:
        width, height = image_size(path)
    except PhotographError:
        return True
    return width == height


def _written(name: Path) -> Path:
    """The name of a file that is written for an image of this name."""
    return name if name.suffix.lower() in IMAGES else name.with_suffix(".png")


def convert_texture(texture: np.ndarray, size: int | None = None) -> np.ndarray:
    """Resample a texture of the former UV map for the present one.

    Args:
        texture: [H, H, C] numbers of any range, row 0 the texture's top.
        size: of the result, texels; None: H.

    Returns:
        [size, size, C] float32. The kernel overshoots at edges, so colours may leave their range a little.

    Raises:
        ValueError: if the texture is not square.
    """
    if texture.ndim != 3 or texture.shape[0] != texture.shape[1]:
        raise ValueError(f"texture: expected a square [H, H, C], got {texture.shape}; give a texture of the open head")
    side = len(texture)
    size = size or side
    edges = np.arange(size + 1) / size
    v = 1 - edges  # v points up, rows count down
    rows = _lanczos((1 - np.where(v > STRIP, ROWS.unstretch(v), v)) * side, side)
    across = np.einsum("rh,hwc->rwc", rows, texture.astype(np.float32), optimize=True)
    skin = (v[:-1] + v[1:]) / 2 > STRIP
    columns = _lanczos(COLUMNS.unstretch(edges) * side, side), _lanczos(edges * side, side)
    moved, kept = (np.einsum("rwc,ow->roc", across, weights, optimize=True) for weights in columns)
    return np.where(skin[:, None, None], moved, kept)


def _lanczos(edges: np.ndarray, size: int) -> np.ndarray:
    """Weights [N, size] of pixels for N new ones between `edges` [N + 1], in pixels; each row sums to one."""
    middle, width = (edges[1:] + edges[:-1]) / 2, np.abs(np.diff(edges)).clip(1)
    x = (np.arange(size) + 0.5 - middle[:, None]) / width[:, None]
    weights = np.where(np.abs(x) < LOBES, np.sinc(x) * np.sinc(x / LOBES), 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
