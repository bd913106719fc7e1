"""From photographs of a person, or a data set of fitted faces, to textures as PNG files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.functional import to_pil_image
from tqdm import tqdm

from clipface.bake.texture import TextureBaker, previews
from clipface.data.faces import MaskedFaces
from clipface.fit.fitter import Fitter, stored_batches
from clipface.photos.crop import SIZE
from clipface.photos.examine import Cutout, examine
from clipface.photos.filter import ANY_FACE
from clipface.photos.heads import stacked
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig

BATCH = 8
PREVIEW = 384  # pixels


@dataclass
class TextureOptions:
    """What is written of each texture, and where it is computed."""

    size: int  # side of the texture, pixels
    unlit: float  # how much of the fitted light is taken out, 0 to 1
    preview: bool = True  # beside each texture the head from the front and from 30 degrees
    device: str = "cpu"


def bake_photographs(photographs: Sequence[Path], out: Path, head: str, options: TextureOptions) -> None:
    """Fit a head to photographs of one person, and write its texture.

    Args:
        photographs: image files.
        out: PNG file; the preview lies beside it.
        head: name of the head to fit.
        options: size, light, preview and device.

    Raises:
        ValueError: if a photograph cannot be read or shows no face.
    """
    model, renderer = load_head_and_renderer(HeadConfig(head), RendererConfig(), options.device)
    cutouts = [_cut_out(path) for path in photographs]
    crops, points, person, inside = stacked(cutouts)
    fitted = Fitter(model, renderer)(crops, points, person, inside, torch.zeros(len(cutouts), dtype=torch.long))
    baker = TextureBaker(model, renderer, size=options.size, unlit=options.unlit)
    texture = baker.of_one_person(fitted.fit, crops.to(options.device), fitted.mask)
    _write(texture[0], out)
    print(out)
    if options.preview:
        _write(previews(model, renderer, fitted.fit.shape[:1], texture, PREVIEW)[0], _preview_of(out))
        print(_preview_of(out))


def bake_dataset(dataset: Path, out: Path, options: TextureOptions) -> None:
    """Write a texture of each face of a data set into a folder, under the face's name.

    Args:
        dataset: that scripts/prepare_photos.py wrote.
        out: folder.
        options: size, light, preview and device.
    """
    faces = MaskedFaces(dataset, SIZE)
    head, renderer = load_head_and_renderer(HeadConfig(faces.head), RendererConfig(), options.device)
    baker = TextureBaker(head, renderer, size=options.size, unlit=options.unlit)
    names = iter(faces.names)
    batches = stored_batches(faces, range(len(faces)), BATCH, options.device)
    for fit, crops, mask in tqdm(batches, total=-(-len(faces) // BATCH), unit="batch"):
        textures = baker(fit, crops, mask)
        shown = previews(head, renderer, fit.shape, textures, PREVIEW) if options.preview else [None] * len(textures)
        for texture, preview, name in zip(textures, shown, names, strict=False):
            path = out / f"{name}.png"
            _write(texture, path)
            if preview is not None:
                _write(preview, _preview_of(path))


def _cut_out(path: Path) -> Cutout:
    cutout = examine(str(path), ANY_FACE, SIZE)
    if isinstance(cutout, str):
        raise ValueError(f"{path}: {cutout}")
    return cutout


def _write(image: Tensor, path: Path) -> None:
    """Write [3, H, W] in 0..1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    to_pil_image(image.mul(255).round().byte().cpu()).save(path)


def _preview_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}_preview.png")
