"""The open head, free of any licence to sign, read from one `.npz`."""

from pathlib import Path

import numpy as np

from clipface.arrays import read_arrays
from clipface.head.data import IDENTITY_COUNT, HeadData

EXPRESSION_COUNT = 100  # as many as FLAME has, so coefficients made for one head fit the other
KEYS = (
    "v_template", "f", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights", "vt", "ft", "landmark_faces",
    "landmark_barycentric", "expression_names", "expression_covariance", "region_names", "region_masks",
)  # fmt: skip


def read_open_head(path: str | Path) -> HeadData:
    """Read the open head; its unused expression slots are filled with zeros.

    Args:
        path: the `.npz` that scripts/recipes/build_open_head.py writes.

    Returns:
        Checked arrays, float32.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is cut off, lacks an array, or its arrays disagree.
    """
    path = Path(path)
    arrays = read_arrays(path, "open head", KEYS, "fetch it again, or scripts/recipes/build_open_head.py writes it")
    texts = [name for name in KEYS if (arrays[name].dtype.kind in "US") != name.endswith("_names")]
    if texts:
        raise ValueError(f"{path.name}: {texts[0]}: expected {'text' if texts[0].endswith('_names') else 'numbers'}")
    directions = arrays["shapedirs"].astype(np.float32)
    if directions.ndim != 3 or not IDENTITY_COUNT < directions.shape[2] <= IDENTITY_COUNT + EXPRESSION_COUNT:
        expected = f"(V, 3, {IDENTITY_COUNT + 1} to {IDENTITY_COUNT + EXPRESSION_COUNT})"
        raise ValueError(f"{path.name}: shapedirs: expected shape {expected}, got {directions.shape}")
    expressions = directions[:, :, IDENTITY_COUNT:]
    unused = EXPRESSION_COUNT - expressions.shape[2]
    weights = arrays["weights"].astype(np.float32)
    names, masks = arrays["region_names"], arrays["region_masks"]
    expected = (names.size, *arrays["v_template"].shape[:1])
    if masks.shape != expected:
        raise ValueError(f"{path.name}: region_masks: expected shape {expected}, got {masks.shape}")
    data = HeadData(
        v_template=arrays["v_template"],
        faces=arrays["f"],
        shapedirs=directions[:, :, :IDENTITY_COUNT],
        expression_dirs=np.pad(expressions, ((0, 0), (0, 0), (0, unused))),
        posedirs=arrays["posedirs"],
        J_regressor=arrays["J_regressor"],
        parents=HeadData.parents_of(arrays["kintree_table"]),
        weights=weights,
        uv=arrays["vt"],
        uv_faces=arrays["ft"],
        landmark_faces=arrays["landmark_faces"],
        landmark_barycentric=arrays["landmark_barycentric"],
        regions={str(name): np.flatnonzero(mask) for name, mask in zip(names.ravel(), masks, strict=True)},
        expression_names=tuple(str(name) for name in arrays["expression_names"].ravel()),
        expression_covariance=np.pad(arrays["expression_covariance"], (0, unused)),
        source=path.name,
        uv_map_changed=True,
    ).check()
    # Stored as float16 the weights sum to one only nearly, which would scale the head by as much.
    data.weights = weights / weights.sum(axis=1, keepdims=True)
    return data.floats()
