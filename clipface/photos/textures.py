"""From photographs of a person, or a data set of fitted faces, to textures as PNG files."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from clipface.bake import UNLIT
from clipface.bake.head_fit import HeadFit
from clipface.bake.texture import TextureBaker, previews
from clipface.data.faces import MaskedFaces
from clipface.files import read_list
from clipface.fit.fitter import Fitter, stored_batches
from clipface.head import HeadModel
from clipface.images import read_photograph
from clipface.parts import begin_part, digest, end_part, shares
from clipface.photos.examine import SIZE, crop
from clipface.photos.heads import heads_of_codes, stacked
from clipface.photos.remarks import take_faces
from clipface.render import Renderer
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig

BATCH = 8
PREVIEW = 384  # pixels
SHARP = 1024  # side of the crops that textures are baked from, pixels: heads are fitted to smaller ones


def bake_photographs(options: Namespace) -> None:
    """Fit a head to photographs of one person, and write its texture, and maybe a preview beside it.

    Args:
        options: of `scripts/bake_texture.py`; see its help.

    Raises:
        ValueError: if a photograph cannot be read or shows no face.
    """
    head, renderer = load_head_and_renderer(HeadConfig(options.head), RendererConfig(), options.device)
    baked = bake_person(options.photo, head, renderer, options.size, options.which_face, options.unlit)
    print(_write(baked.texture[0], options.out))
    if options.preview:
        shown = previews(head, renderer, baked.fit.shape[:1], baked.texture, PREVIEW)[0]
        print(_write(shown, _preview_of(options.out)))


class BakedPerson(NamedTuple):
    """What P photographs show of one person."""

    texture: Tensor  # [1, 3, R, R] in 0..1, complete and without the photographs' light
    fit: HeadFit  # P heads of one identity, in the crops
    matrices: Tensor  # [P, 3, 3] float64, pixels of the upright photographs to those of crops of `SIZE`
    sizes: Tensor  # [P, 2] int64, width and height of the photographs


def bake_person(
    paths: Sequence[Path], head: HeadModel, renderer: Renderer, size: int, which_face: int = 1, unlit: float = UNLIT,
    fits: Sequence[Path] = (),
) -> BakedPerson:  # fmt: skip
    """Fit a head to photographs of one person, and make its texture of them.

    Args:
        paths: P files.
        head, renderer: of one mesh, on one device.
        size: R, texels.
        which_face: where a photograph shows several; 1 is the largest.
        unlit: how much of the fitted light is taken out, 0 to 1.
        fits: codes of DECA, EMOCA or SMIRK, one of each photograph, whose heads are taken; none: heads are fitted.

    Raises:
        ValueError: if a photograph cannot be read, shows no face or not as many, or a child's, or a code does not fit;
            names the file.
        ImportError: if onnxruntime is missing; says how to get it.
    """
    device = head.v_template.device
    cutouts = take_faces(paths, which_face)
    fitter, baker = _tools(head, renderer, size, unlit, device)
    if fits:
        fitted = heads_of_codes(fitter, fits, cutouts)
    else:
        fitted = fitter(*stacked(cutouts), torch.zeros(len(cutouts), dtype=torch.long))
    sharp = sharp_crops(paths, [cutout.matrix for cutout in cutouts]).to(device)
    texture = baker.of_one_person(fitted.fit, sharp, enlarged(fitted.mask))
    matrices = torch.from_numpy(np.stack([cutout.matrix for cutout in cutouts]))
    return BakedPerson(texture, fitted.fit, matrices, torch.tensor([cutout.photograph for cutout in cutouts]))


@lru_cache(maxsize=1)
def _tools(
    head: HeadModel, renderer: Renderer, size: int, unlit: float, device: torch.device
) -> tuple[Fitter, TextureBaker]:
    """What depends on the head alone: the next person needs it again, and its maps take a second or two."""
    return Fitter(head, renderer), TextureBaker(head, renderer, size=size, unlit=unlit)


def bake_dataset(options: Namespace) -> None:
    """Write a texture of each face of a data set into a folder, under the face's name, and maybe previews.

    Args:
        options: of `scripts/bake_texture.py`; see its help.

    Raises:
        ValueError: if the folder has parts of other faces or settings.
    """
    faces = MaskedFaces(options.dataset, SIZE, match=options.match)
    head, renderer = load_head_and_renderer(HeadConfig(faces.head), RendererConfig(), options.device)
    baker = TextureBaker(head, renderer, size=options.size, unlit=options.unlit, neutral=options.neutral)
    rows = included_rows(faces, options.exclude)
    settings = {name: getattr(options, name) for name in ("size", "unlit", "neutral")}
    settings |= {"faces": digest([faces.names[row] for row in rows]), "sharp": options.photos is not None}
    mark = begin_part(options.out, options.part, settings) if options.part else None
    rows = shares(rows, BATCH, options.part)
    for own, fit, crops, mask in sharp_batches(faces, rows, BATCH, options.photos, options.device):
        textures = baker(fit, crops, mask)
        shown = previews(head, renderer, fit.shape, textures, PREVIEW) if options.preview else [None] * len(textures)
        for texture, preview, row in zip(textures, shown, own, strict=True):
            path = options.out / f"{faces.names[row]}.png"
            _write(texture, path)
            if preview is not None:
                _write(preview, _preview_of(path))
    if mark is not None:
        end_part(mark, options.part, settings)


def included_rows(faces: MaskedFaces, exclude: Path | None) -> list[int]:
    """Which faces of a data set a text file of photographs (None: no file) does not name.

    Raises:
        ValueError: if it names them all.
    """
    excluded = set(read_list(exclude)) if exclude else set()
    rows = [row for row, source in enumerate(faces.sources or faces.names) if source not in excluded]
    if not rows:
        raise ValueError(f"exclude: expected some faces of {faces.path} to be left, got all of them in {exclude}")
    return rows


def sharp_batches(
    faces: MaskedFaces, rows: Sequence[int], size: int, photos: Path | None, device: torch.device | str = "cpu"
) -> Iterator[tuple[list[int], HeadFit, Tensor, Tensor]]:
    """Read heads, images and masks of a data set, cut out of the photographs anew where those are at hand.

    Args:
        faces: the data set.
        rows: which faces.
        size: of a batch.
        photos: the folder it was prepared from; None: images are as large as they are stored.
        device: where they go.

    Yields:
        The batch's rows, and what `stored_images` gives; with `photos`, images and masks of `SHARP` pixels.
    """
    places = iter(rows)
    for fit, crops, mask in stored_batches(faces, rows, size, device):
        own = [next(places) for _ in crops]
        if photos is not None:
            paths = [photos / faces.sources[row] for row in own]
            crops = sharp_crops(paths, [faces.parameters(row)["matrix"] for row in own]).to(device)
            mask = enlarged(mask)
        yield own, fit, crops, mask


def sharp_crops(paths: Sequence[Path], matrices: Sequence[np.ndarray]) -> Tensor:
    """Cut faces out of their photographs once more, larger than for the fit.

    Args:
        paths: N files.
        matrices: N times [3, 3], pixels of the upright file to those of a crop of `SIZE`.

    Returns:
        [N, SHARP, SHARP, 3] uint8.

    Raises:
        ValueError: if a file cannot be read.
    """
    crops = []
    for path, matrix in zip(paths, matrices, strict=True):
        photograph = read_photograph(path)
        reduction = photograph.size[0] / photograph.image.width
        larger = np.diag([SHARP / SIZE, SHARP / SIZE, 1]) @ matrix @ np.diag([reduction, reduction, 1])
        crops.append(torch.tensor(crop(photograph.image, larger, SHARP).image))
    return torch.stack(crops)


def enlarged(mask: Tensor) -> Tensor:
    """Masks [N, S, S] uint8 at the size of sharp crops, in 0..1."""
    return functional.interpolate(mask[:, None].float() / 255, (SHARP, SHARP), mode="bilinear")[:, 0]


def _write(image: Tensor, path: Path) -> Path:
    """Write [3, H, W] in 0..1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = image.mul(255).round().byte().cpu()
    Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy()).save(path)
    return path


def _preview_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}_preview.png")
