"""Codes of DECA, EMOCA and SMIRK: read from `.mat`, `.pkl` or `.npz` files without running code in them, and made
fitted heads.

Source: Feng et al., "Learning an animatable detailed 3D face model from in-the-wild images" (2021), section 4. Its head
is FLAME, its camera s (X + t) into [-1, 1] of a square crop of 224 pixels, which `tform` maps a photograph's pixels to.
The other two have its head, camera and crop, and other names (SMIRK's lids are none of FLAME's and are not read).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from clipface.bake.head_fit import COEFFICIENTS, HeadFit, white_light
from clipface.head import HeadModel
from clipface.render.camera import DECA_CROP_SIZE, crop_to_image, orthographic, project
from clipface.render.light import harmonic_basis
from clipface.tables import read_content

SUFFIXES = (".mat", ".pkl", ".npz")
NAMES = {
    "shape": ("shape", "shapecode", "shape_params"),
    "expression": ("exp", "expression", "expcode", "expression_params"),
    "pose": ("pose", "posecode", "pose_params"),
    "camera": ("cam", "camera"),
}
JAW, LIGHT = "jaw_params", ("light", "lightcode")  # SMIRK's pose is the head's alone
LENGTHS = {"pose": 6, "camera": 3}
DIRECTIONS = 64  # at which a light is compared with itself when it is turned
MOST_SHEAR = 1e-3  # of a similarity, relative to its scale


class DecaCode(NamedTuple):
    """One face: shape [S], expression [E], pose [6], camera [3] = scale, tx, ty; `tform` [3, 3] and `light` [9, 3] or
    None."""

    shape: np.ndarray
    expression: np.ndarray
    pose: np.ndarray
    camera: np.ndarray
    tform: np.ndarray | None
    light: np.ndarray | None = None

    def placed(self, photograph: tuple[int, int]) -> "DecaCode":
        """The same with a tform: that of a square photograph of this width and height, if there is none.

        Raises:
            ValueError: if there is none, and the photograph is not square.
        """
        return self if self.tform is not None else self._replace(tform=full_image(photograph))


def read_deca(path: str | Path) -> DecaCode:
    """Read the code of one photograph.

    Texture and detail belong to DECA's own models and are not kept.

    Raises:
        ValueError: if the file is damaged, lacks a key, or holds anything but one face's finite numbers.
    """
    return code_of(Path(path), read_content(Path(path)))


def code_of(path: Path, content: Any) -> DecaCode:
    """The code that a file's content is, see `read_deca`."""
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: expected a table with shape, exp, pose and cam, got {type(content).__name__}")
    values = {}
    for name, keys in NAMES.items():
        key = next((key for key in keys if key in content), None)
        if key is None:
            has = ", ".join(sorted(str(k) for k in content if not str(k).startswith("_")))
            remedy = "give it as --tform, and flame_params.pkl here" if has == "tform" else "write all of DECA's code"
            raise ValueError(f"{path}: expected {' or '.join(keys)}, got {has or 'nothing'}; {remedy}")
        values[name] = _numbers(path, key, content[key]).reshape(-1)
        if name == "pose" and JAW in content:
            values[name] = np.concatenate([values[name], _numbers(path, JAW, content[JAW]).reshape(-1)])
        if values[name].size != LENGTHS.get(name, values[name].size) or not values[name].size:
            raise ValueError(f"{path}: {key}: expected {LENGTHS.get(name, 'some')} numbers, got {values[name].size}")
    tform = read_tform(path, content["tform"]) if content.get("tform") is not None else None
    return DecaCode(**values, tform=tform, light=_read_light(path, content))


def _read_light(path: Path, content: Mapping) -> np.ndarray | None:
    key = next((key for key in LIGHT if content.get(key) is not None), None)
    if key is None:
        return None
    light = _numbers(path, key, content[key])
    if light.size != 3 * COEFFICIENTS:
        raise ValueError(f"{path}: {key}: expected {3 * COEFFICIENTS} numbers, got {light.size}")
    return light.reshape(COEFFICIENTS, 3)


def read_tform(path: Path, value: Any = None) -> np.ndarray:
    """Read a map from a photograph's pixels to those of DECA's crop, from a file or a value of it.

    A matrix whose last column, and not its last row, is (0, 0, 1) is what DECA's own program hands on: inverted and
    transposed. That is turned back.

    Returns:
        [3, 3] float64.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such matrix, or stretches or mirrors the image.
    """
    if value is None:
        if not path.is_file():
            raise FileNotFoundError(f"tform: {path} does not exist; expected sample_deca.pkl or a file with a tform")
        content = read_content(path)
        value = content.get("tform") if isinstance(content, Mapping) else content
    value = getattr(value, "params", value)
    matrix = _numbers(path, "tform", value).reshape(-1)
    if matrix.size != 9:
        raise ValueError(f"{path}: tform: expected a 3 x 3 matrix, got {matrix.size} numbers")
    matrix = matrix.reshape(3, 3)
    row, column = (np.allclose(part, (0, 0, 1), atol=1e-6) for part in (matrix[2], matrix[:, 2]))
    if abs(np.linalg.det(matrix)) < 1e-9 or not (row or column):
        raise ValueError(f"{path}: tform: expected an invertible map of the plane, got {matrix.tolist()}")
    matrix = matrix if row else np.linalg.inv(matrix.T)
    try:
        _similarity(matrix[None, :2, :2])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return matrix


def fit_from_codes(head: HeadModel, codes: list[DecaCode], matrices: np.ndarray, size: int) -> HeadFit:
    """Turn codes into heads in crops.

    The crop may be turned against DECA's; that becomes part of the head's pose.

    Args:
        head: FLAME, or another head that the codes are of.
        codes: B of them, each with its tform (see `full_image`).
        matrices: [B, 3, 3], photograph pixels to pixels of the crops (see `examine.crop_matrix`).
        size: side of the crops, pixels.

    Returns:
        Heads on the head's device; no texture; light from everywhere, unless all codes have theirs.

    Raises:
        ValueError: if a code has no tform, more coefficients than the head or others, or its map is no similarity.
    """
    device = head.v_template.device
    if any(code.tform is None for code in codes):
        raise ValueError("codes: expected a tform in each, which places the head in the photograph; one has none")
    rows = {name: _stack([getattr(code, name) for code in codes], device) for name in NAMES}
    placed = np.stack([code.tform for code in codes]) @ np.linalg.inv(matrices)  # crop pixels to DECA's
    to_crop = crop_to_image(torch.from_numpy(placed), (size, size), DECA_CROP_SIZE)  # [B, 3, 3] float64
    scale, turn = _similarity(to_crop[:, :2, :2].numpy())
    pose = _turned(rows["pose"], turn)
    with torch.no_grad():
        before = head(rows["shape"], rows["expression"], rows["pose"])
        after = head(rows["shape"], rows["expression"], pose)
    camera = orthographic(rows["camera"][:, 0], rows["camera"][:, 1:], to_crop.float().to(device))
    new_scale = rows["camera"][:, 0] * torch.from_numpy(scale).float().to(device)
    # The mean of all vertices gives the translation: the turn has its pivot in the neck.
    target = project(before, camera)[..., :2].mean(1) / new_scale[:, None]
    translation = target * target.new_tensor([1.0, -1.0]) - after[..., :2].mean(1)
    batch = len(codes)
    return HeadFit(
        rows["shape"], rows["expression"], pose, torch.zeros(batch, 6, device=device), new_scale, translation,
        _turned_light(codes, turn).to(device), torch.zeros(batch, 0, device=device),
    )  # fmt: skip


def _turned(pose: Tensor, turn: np.ndarray) -> Tensor:
    """Poses [B, 6] after their images were turned by `turn` [B], radians, x towards y."""
    # The map is in the image's plane, y down: seen from the front, a head turns the other way about z.
    about_z = Rotation.from_rotvec(np.stack([0 * turn, 0 * turn, -turn], 1))
    turned = about_z * Rotation.from_rotvec(pose[:, :3].double().cpu().numpy())
    return torch.cat([torch.from_numpy(turned.as_rotvec()).to(pose), pose[:, 3:]], 1)


def _turned_light(codes: list[DecaCode], turn: np.ndarray) -> Tensor:
    """Light [B, 9, 3] after the images were turned, as `_turned`."""
    if any(code.light is None for code in codes):
        return white_light(len(codes))
    normals = Rotation.random(DIRECTIONS, random_state=0).apply([0.0, 0.0, 1.0])
    turned = np.stack([Rotation.from_rotvec([0, 0, -angle]).apply(normals) for angle in turn])
    light = torch.from_numpy(np.stack([code.light for code in codes]))
    before, after = harmonic_basis(torch.from_numpy(normals)), harmonic_basis(torch.from_numpy(turned))
    return torch.linalg.lstsq(after, before @ light).solution.float()


def full_image(photograph: tuple[int, int]) -> np.ndarray:
    """The tform of a square photograph that DECA read as it is.

    Raises:
        ValueError: if it is not square.
    """
    if photograph[0] != photograph[1]:
        raise ValueError(f"tform: expected one, or a square photograph that is DECA's crop, got {photograph}")
    return np.diag([DECA_CROP_SIZE / photograph[0], DECA_CROP_SIZE / photograph[1], 1.0])


def _similarity(linear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale [B] and turn [B] (radians, x towards y) of maps [B, 2, 2]."""
    cosine, sine = (linear[:, 0, 0] + linear[:, 1, 1]) / 2, (linear[:, 1, 0] - linear[:, 0, 1]) / 2
    scale = np.hypot(cosine, sine)
    rest = np.abs(linear - np.stack([cosine, -sine, sine, cosine], 1).reshape(-1, 2, 2)).max((1, 2))
    if (rest > MOST_SHEAR * np.maximum(scale, 1e-9)).any():
        raise ValueError("tform: expected a turn, a scale and a shift, got a map that stretches or mirrors the image")
    return scale, np.arctan2(sine, cosine)


def _numbers(path: Path, key: str, value: Any) -> np.ndarray:
    try:
        numbers = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{path}: {key}: expected numbers, got {type(value).__name__}") from None
    if not np.isfinite(numbers).all():
        raise ValueError(f"{path}: {key} holds values that are no finite numbers")
    return numbers


def _stack(rows: list[np.ndarray], device: torch.device) -> Tensor:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise ValueError(f"codes: expected as many coefficients in each, got {sorted(lengths)}")
    return torch.from_numpy(np.stack(rows)).float().to(device)
