"""FLAME's licensed files, read without running code from them and without the packages they were written with."""

from pathlib import Path

import numpy as np

from clipface import pickles
from clipface.head.data import IDENTITY_COUNT, HeadData
from clipface.head.mesh import read_obj, reorder_corners

KEYS = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights")
LANDMARK_KEYS = ("full_lmk_faces_idx", "full_lmk_bary_coords")


def read_flame(
    path: str | Path,
    template: str | Path | None = None,
    landmarks: str | Path | None = None,
    masks: str | Path | None = None,
) -> HeadData:
    """Read a head in FLAME's layout.

    Args:
        path: `generic_model.pkl`.
        template: `head_template.obj`, for the texture coordinates.
        landmarks: `landmark_embedding.npy`.
        masks: `FLAME_masks.pkl`, for the regions.
        Without the last three files the head has no texture coordinates, landmarks or regions.

    Returns:
        Checked arrays, float32. Expression slots have no names and no covariance: they are scaled to unit variance.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if a file is cut off or asks for code, lacks an array, or the arrays disagree.
    """
    path = Path(path)
    arrays = _arrays(path, pickles.load(path, KEYS), KEYS)
    directions = arrays["shapedirs"]
    if directions.ndim != 3 or directions.shape[2] <= IDENTITY_COUNT:
        expected = f"(V, 3, more than {IDENTITY_COUNT})"
        raise ValueError(f"{path.name}: shapedirs: expected shape {expected}, got {directions.shape}")
    data = HeadData(
        v_template=arrays["v_template"],
        faces=arrays["f"].astype(np.int64) if arrays["f"].dtype.kind == "u" else arrays["f"],
        shapedirs=directions[..., :IDENTITY_COUNT],
        expression_dirs=directions[..., IDENTITY_COUNT:],
        posedirs=arrays["posedirs"],
        J_regressor=arrays["J_regressor"],
        parents=HeadData.parents_of(arrays["kintree_table"]),
        weights=arrays["weights"],
        source=path.name,
    ).check()
    if template is not None:
        _add_template(data, Path(template))
    if landmarks is not None:
        found = _arrays(Path(landmarks), pickles.load_npy(landmarks), LANDMARK_KEYS)
        data.landmark_faces = found["full_lmk_faces_idx"].reshape(-1)
        data.landmark_barycentric = found["full_lmk_bary_coords"].reshape(-1, 3)
    if masks is not None:
        content = pickles.load(masks)
        data.regions = _arrays(Path(masks), content, tuple(content) if isinstance(content, dict) else ())
    return data.check().floats()


def _add_template(data: HeadData, path: Path) -> None:
    mesh = read_obj(path)
    try:
        data.uv, data.uv_faces = mesh.uv, reorder_corners(mesh.faces, data.faces, mesh.uv_faces)
    except ValueError as error:
        raise ValueError(f"{path} does not belong to {data.source}: {error}") from error


def _arrays(path: Path, content: object, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    if not isinstance(content, dict):
        raise ValueError(f"{path.name}: expected a dict of arrays, got a {type(content).__name__}")
    missing = [key for key in keys if key not in content]
    if missing:
        raise ValueError(f"{path.name}: {', '.join(missing)} missing; it is damaged or another file")
    arrays = {}
    for key in keys:
        try:
            arrays[key] = np.asarray(content[key])
        except ValueError:
            arrays[key] = np.array(None)
        if arrays[key].dtype.kind not in "fiu":
            raise ValueError(f"{path.name}: {key}: expected an array of numbers, got type {arrays[key].dtype}")
    return arrays
