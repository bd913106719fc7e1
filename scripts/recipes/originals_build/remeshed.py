"""A head of any arrays in FLAME's files."""

import pickle
from pathlib import Path

import numpy as np
import torch

from clipface.head.data import HeadData

from .head import DYNAMIC, STATIC, TURNS, write_arrays


def write_head(folder: Path, head: HeadData) -> None:
    """Write generic_model.pkl, head_template.obj, landmark_embedding.npy and FLAME_masks.pkl into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "v_template": head.v_template, "shapedirs": np.concatenate([head.shapedirs, head.expression_dirs], 2),
        "posedirs": head.posedirs, "weights": head.weights,
    }  # fmt: skip
    arrays = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    write_arrays(folder / "generic_model.pkl", arrays, head.faces, head.J_regressor)
    lines = [f"v {x} {y} {z}" for x, y, z in head.v_template.tolist()]
    lines += [f"vt {u} {v}" for u, v in head.uv.tolist()]
    corners = np.stack([head.faces, head.uv_faces], -1) + 1
    lines += ["f " + " ".join(f"{v}/{t}" for v, t in face) for face in corners.tolist()]
    (folder / "head_template.obj").write_text("\n".join(lines) + "\n")
    _write_landmarks(folder / "landmark_embedding.npy", head)
    (folder / "FLAME_masks.pkl").write_bytes(pickle.dumps(head.regions, protocol=2))


def _write_landmarks(path: Path, head: HeadData) -> None:
    faces, weights = head.landmark_faces, head.landmark_barycentric
    moving = np.tile(faces[:DYNAMIC], (TURNS, 1)), np.tile(weights[:DYNAMIC], (TURNS, 1, 1))
    content = {
        "static_lmk_faces_idx": faces[-STATIC:], "static_lmk_bary_coords": weights[-STATIC:],
        "dynamic_lmk_faces_idx": torch.from_numpy(moving[0]), "dynamic_lmk_bary_coords": torch.from_numpy(moving[1]),
        "full_lmk_faces_idx": faces[None], "full_lmk_bary_coords": weights[None],
    }  # fmt: skip
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
