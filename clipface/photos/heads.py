"""Heads for a data set: fitted to the images, or imported as DECA's codes or as vertices.

Vertices have the layout of ClipFace's authors: `FFHQ_512_filtered/*.png` and, of the same names,
`FFHQ_verts_filtered/*.pt` with the vertices as DECA projects them: x to the right and y down in [-1, 1] of the image,
or of DECA's crop if a `tform` says where that lies; a smaller z is nearer.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from clipface.bake.head_fit import HeadFit, white_light
from clipface.fit.fitter import FittedImages, Fitter
from clipface.head import HeadModel
from clipface.images import image_size
from clipface.photos.deca import DecaCode, fit_from_codes, read_deca
from clipface.photos.examine import Cutout
from clipface.photos.sources import Pairing
from clipface.render.camera import DECA_CROP_SIZE
from clipface.render.renderer import Renderer
from clipface.texture.published import load_published

VERTEX_SUFFIXES = (".pt",)
LARGEST = 4.0  # half images from the middle; vertices further out are not in image coordinates


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
        return self.fitter(*stacked(cutouts), groups), {}


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
        return None if file in self._codes else _reason(self.pairing, file, self._read)

    def _read(self, file: str) -> None:
        code, head = read_deca(self.pairing.paths[file]), self.fitter.head
        lengths = len(code.shape), len(code.expression)
        self._lengths = self._lengths or lengths
        if lengths != self._lengths or lengths[0] > head.n_shape or lengths[1] > head.n_expression:
            expected = f"{self._lengths} shape and expression coefficients as in the first file, and as the head has"
            raise ValueError(f"{self.pairing.paths[file]}: expected {expected}, got {lengths}")
        self._codes[file] = code.placed(image_size(self.photos / file))

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
        tform: [3, 3], if the vertices are in DECA's crop (see the top of this file).
    """

    name = "vertices"

    def __init__(self, head: HeadModel, renderer: Renderer, pairing: Pairing, tform: np.ndarray | None = None) -> None:
        self.fitter, self.pairing, self.tform = Fitter(GivenVertices(head), renderer), pairing, tform
        self.count = len(head.v_template)

    def reason(self, file: str) -> str | None:
        """Drop what has no vertices, or damaged ones."""
        return _reason(self.pairing, file, lambda file: read_vertices(self.pairing.paths[file], self.count))

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


class GivenVertices(nn.Module):
    """A head whose identity coefficients are its vertices, for what asks a head for them.

    Args:
        head: whose mesh, regions and texture coordinates they have.
    """

    def __init__(self, head: HeadModel) -> None:
        super().__init__()
        self.faces, self.uv, self.uv_faces = head.faces, head.uv, head.uv_faces
        self.v_template, self.regions, self.source = head.v_template, head.regions, head.source
        self.expression_names = ()

    def forward(self, shape: Tensor, *others: Tensor | None, **named: Tensor | None) -> Tensor:
        """Return `shape` [B, 3 V] as vertices [B, V, 3]."""
        return shape.unflatten(1, (-1, 3))


def heads_of_codes(fitter: Fitter, paths: Sequence[Path], cutouts: Sequence[Cutout]) -> FittedImages:
    """Heads of one person from the codes of photographs; they share the mean of the codes' shapes.

    Args:
        fitter: of FLAME.
        paths: P files of codes.
        cutouts: of the P photographs.

    Raises:
        ValueError: if a file is damaged, has more coefficients than the head, or has no tform and its photograph is not
            square; or the head is not FLAME.
    """
    head = fitter.head
    if head.expression_names:
        raise ValueError(f"fits: {paths[0]} holds FLAME's coefficients, got {head.source}; give --head flame")
    codes = []
    for path, cutout in zip(paths, cutouts, strict=True):
        code = read_deca(path)
        most, given = (head.n_shape, head.n_expression), (len(code.shape), len(code.expression))
        if given[0] > most[0] or given[1] > most[1]:
            raise ValueError(f"{path}: expected at most {most} coefficients of shape and expression, got {given}")
        try:
            codes.append(code.placed(cutout.photograph))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    shape = np.mean(_same_lengths(paths, [code.shape for code in codes]), 0)
    codes = [code._replace(shape=shape) for code in codes]
    fit = fit_from_codes(head, codes, np.stack([cutout.matrix for cutout in cutouts]), len(cutouts[0].image))
    return _masked(fitter, fit, cutouts)


def _same_lengths(paths: Sequence[Path], rows: list[np.ndarray]) -> list[np.ndarray]:
    for path, row in zip(paths, rows, strict=True):
        if len(row) != len(rows[0]):
            raise ValueError(f"{path}: expected {len(rows[0])} coefficients of shape as in {paths[0]}, got {len(row)}")
    return rows


def read_vertices(path: Path, count: int) -> np.ndarray:
    """Read the vertices of one photograph, without running code in the file.

    Args:
        path: a `.pt` file of one tensor, or of a dict with one.
        count: V, that the head has.

    Returns:
        [V, 3] float64; of vertices in clip space (x, y, z, w) divided by w.

    Raises:
        ValueError: if the file is damaged or holds something else.
    """
    content = load_published(path)
    if isinstance(content, dict) and len(content) == 1:
        content = next(iter(content.values()))
    if not isinstance(content, Tensor) or content.shape[-2:] not in ((count, 3), (count, 4)):
        given = tuple(content.shape) if isinstance(content, Tensor) else type(content).__name__
        raise ValueError(f"{path}: expected one tensor of ({count}, 3 or 4) vertices, got {given}")
    if content.numel() != count * content.shape[-1]:
        raise ValueError(f"{path}: expected the vertices of one photograph, got {tuple(content.shape)}")
    vertices = content.detach().reshape(count, -1).double().numpy()
    if vertices.shape[1] == 4:  # clip space
        with np.errstate(divide="ignore", invalid="ignore"):
            vertices = vertices[:, :3] / vertices[:, 3:]
    if not np.isfinite(vertices).all() or np.abs(vertices[:, :2]).max() > LARGEST:
        raise ValueError(f"{path}: expected finite x and y in about -1..1 of the image, got others")
    return vertices


def place_vertices(
    vertices: np.ndarray, matrix: np.ndarray, size: int, photograph: tuple[int, int], tform: np.ndarray | None
) -> np.ndarray:
    """Take vertices from a photograph to its crop, in a head frame that `orthographic(1, 0)` projects back.

    Args:
        vertices: [V, 3], see the top of this file.
        matrix: [3, 3], pixels of the photograph to pixels of the crop.
        size: side of the crop, pixels.
        photograph: width and height, pixels.
        tform: [3, 3], pixels of the photograph to those of DECA's crop that the vertices are in; None: they are in the
            photograph.

    Returns:
        [V, 3] float32: y up, a larger z is nearer, in half crops.
    """
    sides = photograph if tform is None else (DECA_CROP_SIZE, DECA_CROP_SIZE)
    pixels = np.concatenate([(vertices[:, :2] + 1) / 2 * sides, np.ones((len(vertices), 1))], 1)
    to_crop = matrix if tform is None else matrix @ np.linalg.inv(tform)
    placed = (pixels @ to_crop.T)[:, :2] / size * 2 - 1
    # Depth grows with the image, by the mean scale of the map from half images to half crops.
    depth = vertices[:, 2] * np.sqrt(abs(np.linalg.det(to_crop[:2, :2])) * sides[0] * sides[1]) / size
    return np.stack([placed[:, 0], -placed[:, 1], -depth], 1).astype(np.float32)


def fit_from_vertices(vertices: Tensor) -> HeadFit:
    """Vertices [B, V, 3] from `place_vertices` as a fit of `GivenVertices`."""
    batch, device = len(vertices), vertices.device
    none = torch.zeros(batch, 0, device=device)
    return HeadFit(
        vertices.flatten(1), none, torch.zeros(batch, 6, device=device), torch.zeros(batch, 6, device=device),
        torch.ones(batch, device=device), torch.zeros(batch, 2, device=device), white_light(batch, device), none,
    )  # fmt: skip


def stacked(cutouts: Sequence[Cutout]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images [B, S, S, 3], points [B, 478, 3], person and inside [B, S, S] of cut out faces as tensors."""
    names = ("image", "points", "person", "inside")
    return tuple(torch.from_numpy(np.stack([getattr(cutout, name) for cutout in cutouts])) for name in names)


def _masked(fitter: Fitter, fit: HeadFit, cutouts: Sequence[Cutout]) -> FittedImages:
    crops, _, person, inside = (part.to(fitter.head.v_template.device) for part in stacked(cutouts))
    return fitter.masked(fit, crops, person, inside)


def _reason(pairing: Pairing, file: str, read: Callable[[str], object]) -> str | None:
    """Why a photograph's file cannot be used: there is none, or reading it fails."""
    if file in pairing.reasons:
        return pairing.reasons[file]
    try:
        read(file)
    except (OSError, ValueError) as error:
        return f"damaged fit: {error}"
    return None
