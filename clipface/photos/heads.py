"""Heads for `prepare`: fitted to the images, or imported."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.fit.fitter import FittedImages, Fitter
from clipface.head import HeadModel
from clipface.photos.deca import DecaCode, fit_from_codes, full_image, read_deca
from clipface.photos.examine import Cutout
from clipface.photos.given_vertices import GivenVertices, fit_from_vertices, place_vertices, read_vertices
from clipface.photos.pairing import Pairing
from clipface.render.renderer import Renderer


class FittedHeads:
    """Fits a head to each image (see `fitter`).

    Args:
        head: the head to fit.
        renderer: of its mesh, on the same device.
    """

    name = "fitted"

    def __init__(self, head: HeadModel, renderer: Renderer) -> None:
        self.fitter = Fitter(head, renderer)

    def reason(self, file: str) -> str | None:
        """Every photograph can be fitted."""
        return None

    def heads(self, files: Sequence[str], cutouts: Sequence[Cutout], groups: Tensor) -> tuple[FittedImages, dict]:
        """Fit a batch; images of one group share the identity."""
        crops, points, person, inside = stacked(cutouts)
        return self.fitter(crops, points, person, inside, groups), {}


class DecaHeads:
    """Heads from DECA's codes.

    Args:
        head, renderer: as above; the head is the one that the codes are of.
        pairing: of photographs and code files.
        photos: the folder of photographs.
    """

    name = "deca"

    def __init__(self, head: HeadModel, renderer: Renderer, pairing: Pairing, photos: Path) -> None:
        self.fitter, self.pairing, self.photos = Fitter(head, renderer), pairing, photos
        self._codes: dict[str, DecaCode] = {}  # read to see that they can be, and not used yet
        self._lengths: tuple[int, int] | None = None  # shape and expression coefficients of the first

    def reason(self, file: str) -> str | None:
        """Drop what has no code, or a damaged one."""
        if file in self.pairing.reasons:
            return self.pairing.reasons[file]
        if file not in self._codes:
            try:
                self._codes[file] = self._read(file)
            except (OSError, ValueError) as error:
                return f"damaged fit: {error}"
        return None

    def _read(self, file: str) -> DecaCode:
        code, head = read_deca(self.pairing.paths[file]), self.fitter.head
        lengths = len(code.shape), len(code.expression)
        self._lengths = self._lengths or lengths
        if lengths != self._lengths or lengths[0] > head.n_shape or lengths[1] > head.n_expression:
            wanted = f"{self._lengths} shape and expression coefficients as in the first file, which the head has,"
            raise ValueError(f"{self.pairing.paths[file]}: expected {wanted}, got {lengths}")
        if code.tform is None:
            with Image.open(self.photos / file) as photograph:  # reads no pixels
                code = code._replace(tform=full_image(photograph.size))
        return code

    def heads(self, files: Sequence[str], cutouts: Sequence[Cutout], groups: Tensor) -> tuple[FittedImages, dict]:
        """Place the heads of a batch."""
        codes = [self._codes.pop(file) for file in files]
        matrices = np.stack([cutout.matrix for cutout in cutouts])
        fit = fit_from_codes(self.fitter.head, codes, matrices, len(cutouts[0].image))
        return _masked(self.fitter, fit, cutouts), {}


class VertexHeads:
    """Heads that are known by their vertices.

    Args:
        head, renderer: as above.
        pairing: of photographs and vertex files.
        tform: [3, 3], if the vertices are in DECA's crop (see `given_vertices`).
    """

    name = "vertices"

    def __init__(self, head: HeadModel, renderer: Renderer, pairing: Pairing, tform: np.ndarray | None = None) -> None:
        self.fitter, self.pairing, self.tform = Fitter(GivenVertices(head), renderer), pairing, tform
        self.count = len(head.v_template)

    def reason(self, file: str) -> str | None:
        """Drop what has no vertices, or damaged ones."""
        if file in self.pairing.reasons:
            return self.pairing.reasons[file]
        try:
            read_vertices(self.pairing.paths[file], self.count)
        except (OSError, ValueError) as error:
            return f"damaged fit: {error}"
        return None

    def heads(self, files: Sequence[str], cutouts: Sequence[Cutout], groups: Tensor) -> tuple[FittedImages, dict]:
        """Place the vertices of a batch."""
        placed = [
            place_vertices(
                read_vertices(self.pairing.paths[file], self.count), cutout.matrix, len(cutout.image),
                cutout.photograph, self.tform,
            )
            for file, cutout in zip(files, cutouts, strict=True)
        ]  # fmt: skip
        vertices = torch.from_numpy(np.stack(placed)).to(self.fitter.head.v_template.device)
        stored = {"vertices": np.stack(placed), "shape": np.zeros((len(files), 0), np.float32)}
        return _masked(self.fitter, fit_from_vertices(vertices), cutouts), stored


def stacked(cutouts: Sequence[Cutout]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images [B, S, S, 3], points [B, 478, 3], person and inside [B, S, S] of cut out faces as tensors."""
    names = ("image", "points", "person", "inside")
    return tuple(torch.from_numpy(np.stack([getattr(cutout, name) for cutout in cutouts])) for name in names)


def _masked(fitter: Fitter, fit: HeadFit, cutouts: Sequence[Cutout]) -> FittedImages:
    crops, _, person, inside = (part.to(fitter.head.v_template.device) for part in stacked(cutouts))
    return fitter.masked(fit, crops, person, inside)
