"""Masks that come with photographs, such as those that ClipFace's authors published beside their vertices."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface.fit.fitter import FittedImages
from clipface.images import PhotographError, read_photograph
from clipface.photos.examine import Cutout, crop
from clipface.photos.heads import DecaHeads, FittedHeads, VertexHeads
from clipface.photos.sources import Pairing

MASK_SUFFIXES = (".png", ".webp", ".bmp", ".tif", ".tiff", ".jpg")


class GivenMasks:
    """Heads from another source, with masks from files.

    Args:
        source: of the heads; has a `fitter`.
        pairing: of photographs and masks.
    """

    def __init__(self, source: FittedHeads | DecaHeads | VertexHeads, pairing: Pairing) -> None:
        self.source, self.pairing = source, pairing
        self.fitter = source.fitter
        self.name = f"{source.name}, given masks"

    def reason(self, file: str) -> str | None:
        """Drop what the source drops, and what has no mask or a damaged one."""
        why = self.source.reason(file)
        if why is None and file in self.pairing.reasons:
            why = self.pairing.reasons[file]
        if why is None:
            try:
                read_mask(self.pairing.paths[file])
            except ValueError as error:
                why = f"damaged mask: {error}"
        return why

    def heads(self, files: Sequence[str], cutouts: Sequence[Cutout], groups: Tensor) -> tuple[FittedImages, dict]:
        """The source's heads of a batch, with the given masks in their crops."""
        found, stored = self.source.heads(files, cutouts, groups)
        masks = [
            crop_mask(read_mask(self.pairing.paths[file]), cutout) for file, cutout in zip(files, cutouts, strict=True)
        ]
        return self.fitter.seen(found.fit, torch.from_numpy(np.stack(masks)).to(found.mask.device)), stored


def read_mask(path: Path) -> Image.Image:
    """Read a mask: the alpha channel of an image that has one, else its grey, 255 on the face.

    Raises:
        ValueError: if it is no image.
    """
    try:
        image = read_photograph(path, transparent=True).image
    except PhotographError as error:
        raise ValueError(f"{path}: expected an image with the face's mask ({error})") from error
    return image.getchannel("A") if image.mode == "RGBA" else image.convert("L")


def crop_mask(mask: Image.Image, cutout: Cutout) -> np.ndarray:
    """Cut a photograph's mask as its face was cut: [S, S] uint8; of another size than the photograph, it is resized."""
    if mask.size != tuple(cutout.photograph):
        mask = mask.resize(cutout.photograph, Image.Resampling.BILINEAR)
    cut = crop(Image.merge("RGB", [mask] * 3), cutout.matrix, len(cutout.image)).image[..., 0]
    return np.where(cutout.inside, cut, 0).astype(np.uint8)
