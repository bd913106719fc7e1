"""The head that codes' faces get, and its camera: the authors' flame_params.pkl and verts.pkl, or a code of DECA."""

import argparse
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface.edit.mapper import Codes
from clipface.fit.vertices import fit_vertices
from clipface.head import HeadModel
from clipface.photos.deca import DecaCode, code_of, read_tform
from clipface.render.camera import crop_to_image, orthographic
from clipface.tables import read_content

# How the first implementation shows its edits: DECA's projection, twice as large, in a photograph of 1024 pixels.
SHOWN_SCALE, SHOWN_PIXELS = 2.0, (1024, 1024)
SHAPES, EXPRESSIONS = 100, 50  # that DECA knows, and vertices are described by
MOST_ERROR = 1e-3  # metres, of vertices that are this head's


class HeadParams(NamedTuple):
    """One head of FLAME, and where it is seen from."""

    shape: Tensor  # [n_shape]
    expression: Tensor  # [n_expression]
    pose: Tensor  # [6]
    camera: Tensor | None  # [3] DECA's scale, tx, ty; None: the file has none

    def of(self, codes: Codes) -> Codes:
        """Faces with this head."""
        rows = {name: getattr(self, name).expand(len(codes.shape), -1) for name in ("shape", "expression", "pose")}
        return codes._replace(**rows)

    def view(self, path: str | Path, tform: str | Path | None = None) -> Tensor:
        """Where DECA's camera sees it from.

        Args:
            path: of the file, for errors.
            tform: file of a map from a photograph's pixels to the crop's (sample_deca.pkl): as the first implementation
                shows edits. None: the image is DECA's crop.

        Returns:
            Camera [1, 4, 4].

        Raises:
            ValueError: if the head has no camera, or the file holds no such map.
        """
        if self.camera is None:
            raise ValueError(f"head_camera: expected a camera in {path}, got vertices alone; give flame_params.pkl")
        scale, shift = self.camera[None, 0], self.camera[None, 1:]
        if tform is None:
            return orthographic(scale, shift)
        placed = torch.from_numpy(read_tform(Path(tform)))[None]
        return orthographic(SHOWN_SCALE * scale, shift, crop_to_image(placed, SHOWN_PIXELS).to(self.camera))


def head_camera(options: argparse.Namespace, head: HeadModel) -> Tensor | None:
    """What `add_head_camera` asks for: a camera [1, 4, 4]; None: the command's own.

    Raises:
        FileNotFoundError, ValueError: as `read_head_params`, if no file is given, or it has no camera.
    """
    if not options.head_camera:
        if options.tform:
            raise ValueError("tform: expected --head-camera with it, got none")
        return None
    if not options.head_params:
        raise ValueError("head_camera: expected --head-params with it, whose camera it is, got none")
    return read_head_params(options.head_params, head).view(options.head_params, options.tform)


def read_head_params(path: str | Path, head: HeadModel) -> HeadParams:
    """Read a head: flame_params.pkl, a code of DECA, or verts.pkl, whose vertices are described by coefficients.

    Args:
        path: of the file.
        head: of FLAME.

    Raises:
        FileNotFoundError, ValueError: if the file is missing, damaged, or of another head.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"head_params: {path} does not exist; expected flame_params.pkl or a code of DECA")
    state = path.stat()
    return _read(path, head, (state.st_mtime_ns, state.st_size, state.st_ino))


@lru_cache(maxsize=1)  # trainings ask at every step
def _read(path: Path, head: HeadModel, state: tuple[int, ...]) -> HeadParams:
    """Args: state: of the file, which may be written again."""
    if head.expression_names:
        raise ValueError(f"head_params: {path} holds FLAME's coefficients, got {head.source}; give --head flame")
    content = read_content(path)
    if isinstance(content, np.ndarray):
        return _from_vertices(path, content, head)
    code = code_of(path, content)
    return HeadParams(
        _padded(path, "shape", code, head, head.n_shape), _padded(path, "expression", code, head, head.n_expression),
        _padded(path, "pose", code, head, 6), _padded(path, "camera", code, head, 3),
    )  # fmt: skip


def _padded(path: Path, name: str, code: DecaCode, head: HeadModel, most: int) -> Tensor:
    row = torch.from_numpy(getattr(code, name)).to(head.v_template)
    if len(row) > most:
        raise ValueError(f"head_params: {path}: {name}: expected at most {most} numbers, got {len(row)}")
    return functional.pad(row, (0, most - len(row)))


def _from_vertices(path: Path, vertices: np.ndarray, head: HeadModel) -> HeadParams:
    count = len(head.v_template)
    if vertices.size != 3 * count or vertices.dtype.kind not in "fiu" or not np.isfinite(vertices).all():
        raise ValueError(f"head_params: {path}: expected ({count}, 3) finite vertices, got {vertices.shape}")
    most = min(SHAPES, head.n_shape), min(EXPRESSIONS, head.n_expression)
    given = torch.from_numpy(vertices.reshape(-1, 3).astype(np.float64))
    shape, expression, pose, error = fit_vertices(head, given, *most)
    if not error < MOST_ERROR:
        raise ValueError(
            f"head_params: {path}: expected vertices of {head.source}, in metres, got some that its first "
            f"{most[0]} shapes and {most[1]} expressions miss by {1000 * error:.3g} mm; give flame_params.pkl"
        )
    rows = (
        functional.pad(shape, (0, head.n_shape - most[0])),
        functional.pad(expression, (0, head.n_expression - most[1])),
    )
    return HeadParams(*rows, pose, None)
