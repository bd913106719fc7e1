"""Parameters of faces, as DECA gives them."""

import pickle
from pathlib import Path

import numpy as np
import torch

from clipface.head import load_head

from .pickled import classes
from .sizes import Sizes

SHAPES, TEXTURES = 100, 50  # that DECA knows
FRAMES = 6
CAMERA = (8.0, 0.0, 0.0)  # scale, tx, ty
# From a photograph of 1024 pixels to DECA's crop: the first implementation shows a head twice as large.
TFORM = 0.5 * np.eye(3) + [[0, 0, -144], [0, 0, -144], [0, 0, 0.5]]
DIRECTIONS = {"FLAME_texture.npz": 200, "FLAME_albedo_from_BFM.npz": 199}


def write_faces(folder: Path, sizes: Sizes, random: np.random.Generator) -> None:
    """Write flame_params.pkl, verts.pkl, sample_deca.pkl, and talking_aligned, a file for each frame of a video."""
    face = {
        "shape": random.normal(size=(1, SHAPES)), "expression": random.normal(size=(1, sizes.coefficients)),
        "pose": random.normal(0, 0.1, (1, 6)), "tex": random.normal(size=(1, TEXTURES)),
        "camera": np.array([CAMERA]), "light": random.normal(size=(1, 9, 3)),
    }  # fmt: skip
    face = {name: array.astype(np.float32) for name, array in face.items()}
    (folder / "flame_params.pkl").write_bytes(pickle.dumps(face))
    head = load_head("flame", folder / "flame" / "generic_model.pkl")
    vertices = head(*(torch.from_numpy(face[name]) for name in ("shape", "expression", "pose")))[0]
    (folder / "verts.pkl").write_bytes(pickle.dumps(vertices.numpy()))
    with classes({"skimage.transform._geometric": "SimilarityTransform"}) as (transform,):
        placed = transform()
        placed.params = TFORM
        (folder / "sample_deca.pkl").write_bytes(pickle.dumps({"tform": placed}))
    (folder / "talking_aligned").mkdir(parents=True, exist_ok=True)
    for number in range(FRAMES):
        frame = {"exp": random.normal(size=(1, sizes.coefficients)), "pose": random.normal(0, 0.1, (1, 6))}
        frame = {name: array.astype(np.float32) for name, array in frame.items()}
        (folder / "talking_aligned" / f"{number:05d}.pkl").write_bytes(pickle.dumps(frame))


def write_textures(folder: Path, sizes: Sizes, random: np.random.Generator) -> None:
    """Write FLAME_texture.npz and FLAME_albedo_from_BFM.npz."""
    side = sizes.resolution
    for name, count in DIRECTIONS.items():
        mean = random.random((side, side, 3), np.float32)
        directions = 0.01 * random.standard_normal((side, side, 3, count), np.float32)
        if name.startswith("FLAME_texture"):
            uv, triangles = np.zeros((4, 2), np.float32), np.zeros((2, 3), np.int64)
            np.savez(folder / name, mean=255 * mean, tex_dir=255 * directions, vt=uv, ft=triangles)
        else:
            np.savez(folder / name, MU=mean, PC=directions)
