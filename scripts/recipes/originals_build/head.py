"""A head of random numbers in FLAME's files: a dome with waves on it."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix
from scipy.spatial import Delaunay

from .pickled import classes
from .sizes import Sizes

RADIUS = 0.12  # metres
# Names of FLAME_masks.pkl, and about where each lies in the disc: x, y, radius.
REGIONS = {
    "face": (0, 0, 0.75), "neck": (0, -0.85, 0.25), "scalp": (0, 0.9, 0.4), "boundary": (0, -1, 0.2),
    "right_eyeball": (-0.28, 0.2, 0.12), "left_eyeball": (0.28, 0.2, 0.12), "right_ear": (-0.9, 0, 0.2),
    "left_ear": (0.9, 0, 0.2), "forehead": (0, 0.5, 0.25), "eye_region": (0, 0.2, 0.4), "nose": (0, 0, 0.2),
    "lips": (0, -0.35, 0.2), "right_eye_region": (-0.28, 0.2, 0.2), "left_eye_region": (0.28, 0.2, 0.2),
}  # fmt: skip
STATIC, DYNAMIC, TURNS = 51, 17, 79  # landmarks: fixed ones, the contour's, and for how many turns of the head


def write_model(path: Path, sizes: Sizes, random: np.random.Generator) -> np.ndarray:
    """Write generic_model.pkl, and return the triangles [F, 3]."""
    flat, faces = disc(sizes)
    height = np.sqrt(np.maximum(1 - (flat**2).sum(1), 0))
    vertices = RADIUS * np.c_[flat, height]
    count = sizes.shapes + sizes.expressions
    waves = np.sin(np.einsum("vi,cji->vjc", 4 * flat, random.normal(size=(count, 3, 2))) + random.normal(size=count))
    joints = np.zeros((5, sizes.vertices))
    joints[np.arange(5)[:, None], random.integers(sizes.vertices, size=(5, 8))] = 1
    joints /= joints.sum(1, keepdims=True)
    weights = random.random((sizes.vertices, 5)) ** 4 + 1e-3
    arrays = {
        "v_template": vertices, "shapedirs": 1e-3 * waves, "posedirs": random.normal(0, 1e-4, (*vertices.shape, 36)),
        "weights": weights / weights.sum(1, keepdims=True),
    }  # fmt: skip
    write_arrays(path, arrays, faces, joints)
    return faces


def write_arrays(path: Path, arrays: dict[str, np.ndarray], faces: np.ndarray, joints: np.ndarray) -> None:
    """Write generic_model.pkl of arrays that are to be chumpy's, triangles [F, 3] and a joint regressor [5, V]."""
    with classes({"chumpy.ch": "Ch"}) as (chumpy_array,):

        def as_chumpy(array: np.ndarray) -> Any:
            held = chumpy_array()
            held.x = array
            return held

        model: dict[str, Any] = {name: as_chumpy(array) for name, array in arrays.items()}
        model |= {"f": faces.astype(np.uint32), "J_regressor": csc_matrix(joints)}
        model["kintree_table"] = np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]])
        model |= {"bs_style": "lbs", "bs_type": "lrotmin", "J": joints @ arrays["v_template"]}
        path.write_bytes(pickle.dumps(model, protocol=2))


def write_template(path: Path, sizes: Sizes, random: np.random.Generator) -> None:
    """Write head_template.obj; the seam's vertices have two texture coordinates each."""
    flat, faces = disc(sizes)
    uv = flat * 0.48 + 0.5
    doubled = uv[: sizes.seam]
    corners = faces.copy()
    for vertex in range(sizes.seam):
        row, column = np.argwhere(faces == vertex)[0]
        corners[row, column] = sizes.vertices + vertex
    lines = [f"v {x} {y} {z}" for x, y, z in (np.c_[flat, 1 - (flat**2).sum(1)] * RADIUS).tolist()]
    lines += [f"vt {u} {v}" for u, v in np.concatenate([uv, doubled]).tolist()]
    order = random.permutation(len(faces))
    pairs = np.stack([faces, corners], -1)[order] + 1
    lines += ["f " + " ".join(f"{v}/{t}" for v, t in face) for face in pairs.tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def disc(sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Points of a disc [V, 2] and its triangles [F, 3], counter-clockwise."""
    inside, turn = sizes.vertices - sizes.rim, np.pi * (3 - np.sqrt(5))
    radius = 0.97 * np.sqrt((np.arange(inside) + 0.5) / inside)
    spiral = np.stack([np.cos(turn * np.arange(inside)), np.sin(turn * np.arange(inside))], 1) * radius[:, None]
    angle = 2 * np.pi * np.arange(sizes.rim) / sizes.rim
    points = np.concatenate([spiral, np.stack([np.cos(angle), np.sin(angle)], 1)])
    faces = Delaunay(points).simplices.astype(np.int64)
    first, second, third = points[faces].transpose(1, 0, 2)
    area = np.cross(np.c_[second - first, np.zeros(len(faces))], np.c_[third - first, np.zeros(len(faces))])[:, 2]
    faces[area < 0] = faces[area < 0][:, ::-1]
    return points, faces


def write_landmarks(path: Path, faces: np.ndarray, random: np.random.Generator) -> None:
    """Write landmark_embedding.npy."""
    import torch

    def some(*shape: int) -> tuple[np.ndarray, np.ndarray]:
        return random.integers(len(faces), size=shape), random.dirichlet(np.ones(3), size=shape)

    static, moving, full = some(STATIC), some(TURNS, DYNAMIC), some(1, STATIC + DYNAMIC)
    content = {
        "static_lmk_faces_idx": static[0], "static_lmk_bary_coords": static[1],
        "dynamic_lmk_faces_idx": torch.from_numpy(moving[0]), "dynamic_lmk_bary_coords": torch.from_numpy(moving[1]),
        "full_lmk_faces_idx": full[0], "full_lmk_bary_coords": full[1],
    }  # fmt: skip
    np.save(path, np.array(content, dtype=object), allow_pickle=True)


def write_masks(path: Path, sizes: Sizes) -> None:
    """Write FLAME_masks.pkl."""
    flat, _ = disc(sizes)
    masks = {name: np.flatnonzero(np.hypot(*(flat - (x, y)).T) < size) for name, (x, y, size) in REGIONS.items()}
    path.write_bytes(pickle.dumps(masks, protocol=2))
