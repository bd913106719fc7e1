"""Heads: pickles, arrays, meshes, and maps between heads."""

import pickle
from pathlib import Path

import numpy as np
import scipy.sparse
import torch

from clipface import pickles
from clipface.fit.transfer import KIND, save_map
from clipface.fit.transfer_files import landmark_pairs, load_surface
from clipface.head import load_head
from clipface.head.expressions import ARKIT_NAMES
from clipface.head.flame_file import read_flame
from clipface.head.mesh import read_obj, uv_map_hash
from clipface.head.open_head import read_open_head
from clipface.texture.carry import HeadMap, describe, read_head_map

from .. import lies, text_lies, tiny
from ..reader import NOTES, Reader

MAP_SIDE = 16


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"expression": np.random.default_rng(0).random((4, 6))}, protocol=2))


def _flame_pickle(path: Path) -> None:
    """A head as FLAME's, its regressor sparse."""
    arrays = tiny.head_arrays()
    arrays["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    path.write_bytes(pickle.dumps(arrays, protocol=2))


def _landmarks(path: Path) -> None:
    found = {"full_lmk_faces_idx": np.zeros((1, 68), int), "full_lmk_bary_coords": np.full((1, 68, 3), 1 / 3)}
    np.save(path, np.array(found, object), allow_pickle=True)


def _obj(path: Path) -> None:
    """A mesh with texture coordinates."""
    vertices, faces = tiny.grid()
    lines = [f"v {x} {y} {z}" for x, y, z in vertices] + [f"vt {x + 0.5} {y + 0.5}" for x, y, _ in vertices]
    lines += ["f " + " ".join(f"{corner + 1}/{corner + 1}" for corner in face) for face in faces]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _map(path: Path) -> None:
    """A map between the tiny head and itself, with expressions."""
    head = tiny.head()
    count, places = len(head.v_template), torch.zeros(MAP_SIDE, MAP_SIDE, 2, dtype=torch.uint16)
    tensors = {f"to_{name}": places.clone() for name in ("source", "target")}
    tensors |= {f"{name}_sure": torch.ones(MAP_SIDE, MAP_SIDE, dtype=torch.bool) for name in tensors}
    tensors |= {"arkit": torch.zeros(len(ARKIT_NAMES), count, 3), "arkit_weight": torch.full((count,), 1 / count)}
    tensors |= {"shape": torch.eye(head.n_shape), "expression": torch.eye(head.n_expression)}
    notes = {KIND: 1, "size": MAP_SIDE, "source": describe(head), "target": describe(head)}
    save_map(HeadMap(tensors, notes, path), path)


def _read_map(path: Path) -> object:
    head, found = tiny.head(), read_head_map(path)
    found.check_target(head)
    return found.carrier(uv_map_hash(head))(torch.zeros(1, 3, 8, 8))


def _points(path: Path) -> None:
    path.write_text("landmark,vertex\n" + "".join(f"{n},{n}\n" for n in range(1, 20)), encoding="utf-8")


READERS = (
    Reader("pickles", "data.pkl", _pickle, pickles.load, lies.pickles),
    Reader("arrays, .npy", "landmarks.npy", _landmarks, pickles.load_npy),
    Reader("FLAME's head", "generic_model.pkl", _flame_pickle, read_flame, lies.pickles),
    Reader("the open head", "head.npz", tiny.write_open_head, read_open_head, lies.npz),
    Reader("OBJ", "head.obj", _obj, read_obj, text_lies.meshes),
    Reader("OBJ as a head", "head.obj", _obj, lambda path: load_surface(str(path)), text_lies.meshes),
    Reader("maps between heads", "from_open.safetensors", _map, _read_map, lies.tensors, NOTES),
    Reader("tables of points", "points.csv", _points,
           lambda path: landmark_pairs(path, load_head(), tiny.head()), text_lies.texts),
)  # fmt: skip
