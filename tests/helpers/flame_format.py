"""The open head written as FLAME's files, its vertices and triangles in another order."""

import pickle
from pathlib import Path

import numpy as np

from clipface import assets
from clipface.head.open_head import read_open_head

NAMES = ("face", "neck", "scalp", "boundary", "right_eyeball", "left_eyeball", "right_ear", "left_ear", "forehead",
         "eye_region", "nose", "lips", "right_eye_region", "left_eye_region")  # fmt: skip
EXPRESSIONS = 50


def write_flame(folder: Path) -> np.ndarray:
    """Write generic_model.pkl, head_template.obj, landmark_embedding.npy and FLAME_masks.pkl.

    Returns:
        [V] where each vertex of the open head went.
    """
    head, random = read_open_head(assets.resolve("open_head")), np.random.default_rng(0)
    order = random.permutation(len(head.v_template))  # new vertex -> old vertex
    new = np.argsort(order)
    rows = random.permutation(len(head.faces))
    faces = new[head.faces[rows]]
    directions = np.concatenate([head.shapedirs, head.expression_dirs[..., :EXPRESSIONS]], 2)
    model = {
        "v_template": head.v_template[order], "f": faces.astype(np.uint32), "shapedirs": directions[order],
        "posedirs": head.posedirs[order], "J_regressor": head.J_regressor[:, order], "weights": head.weights[order],
        "kintree_table": np.stack([head.parents % 2**32, np.arange(5)]),
    }  # fmt: skip
    (folder / "generic_model.pkl").write_bytes(pickle.dumps(model, protocol=2))
    lines = [f"v {x} {y} {z}" for x, y, z in model["v_template"].tolist()]
    lines += [f"vt {u} {v}" for u, v in head.uv.tolist()]
    corners = np.stack([faces, head.uv_faces[rows]], -1) + 1
    lines += ["f " + " ".join(f"{v}/{t}" for v, t in face) for face in corners.tolist()]
    (folder / "head_template.obj").write_text("\n".join(lines))
    embedding = {
        "full_lmk_faces_idx": np.argsort(rows)[head.landmark_faces][None],
        "full_lmk_bary_coords": head.landmark_barycentric[None],
    }
    np.save(folder / "landmark_embedding.npy", np.array(embedding, dtype=object), allow_pickle=True)
    masks = {name: new[head.regions[name]] for name in NAMES}
    (folder / "FLAME_masks.pkl").write_bytes(pickle.dumps(masks, protocol=2))
    return new
