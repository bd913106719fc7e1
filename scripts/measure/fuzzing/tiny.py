"""The tiny head, generator and avatar that files are made of and read for."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from clipface.edit.avatar import Avatar
from clipface.head import HeadModel, load_head
from clipface.head.mesh import uv_map_hash
from clipface.render import Renderer
from clipface.texture.generator import TextureGenerator

DIM, LEVELS, SIZE = 16, 8, 32  # of the generator
SIDE = 9  # vertices along each side of the head


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] and triangles [F, 3] of a dome."""
    y, x = np.meshgrid(np.linspace(0.12, -0.12, SIDE), np.linspace(-0.12, 0.12, SIDE), indexing="ij")
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    lower = np.stack([corner, corner + SIDE, corner + SIDE + 1], 1)
    upper = np.stack([corner, corner + SIDE + 1, corner + 1], 1)
    return np.stack([x, y, 0.1 - 4 * (x**2 + y**2)], -1).reshape(-1, 3), np.concatenate([lower, upper])


def head_arrays() -> dict[str, np.ndarray]:
    """A head in FLAME's layout."""
    (vertices, faces), random = grid(), np.random.default_rng(0)
    joints = np.zeros((5, len(vertices)))
    joints[:, len(vertices) // 2] = 1
    return {
        "v_template": vertices, "f": faces.astype(np.uint32),
        "shapedirs": random.normal(0, 1e-4, (len(vertices), 3, 306)).astype(np.float32),
        "posedirs": np.zeros((len(vertices), 3, 36), np.float32), "J_regressor": joints,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "weights": np.eye(5)[np.zeros(len(vertices), int)],
    }  # fmt: skip


def write_open_head(path: Path) -> None:
    """Write a head as the open one is written."""
    arrays, names = head_arrays(), [f"slot_{number}" for number in range(6)]
    count = len(arrays["v_template"])
    arrays |= {"kintree_table": np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]])}
    np.savez(
        path, **arrays, vt=np.random.default_rng(0).random((count, 2), np.float32), ft=arrays["f"],
        landmark_faces=np.zeros(68, np.int32), landmark_barycentric=np.full((68, 3), 1 / 3, np.float32),
        expression_names=np.array(names), expression_covariance=np.eye(6, dtype=np.float32),
        region_names=np.array(["face", "lips"]), region_masks=np.stack([np.ones(count, bool), np.arange(count) < SIDE]),
    )  # fmt: skip


@cache
def head(of_authors: bool = False) -> HeadModel:
    """The head."""
    with TemporaryDirectory() as folder:
        write_open_head(Path(folder) / "head.npz")
        return load_head(path=Path(folder) / "head.npz")


@cache
def generator() -> TextureGenerator:
    """The generator."""
    torch.manual_seed(0)
    return TextureGenerator(SIZE, DIM, DIM, 2, 256, 16)


@cache
def avatar(of_authors: bool = False) -> Avatar:
    """The generator on the head, whose UV map the authors' codes belong to or not."""
    model = head(of_authors)
    model.uv_map_changed = not of_authors
    network = generator()
    network.config["uv_map"] = uv_map_hash(model)
    return Avatar(network.eval(), model, Renderer(model.faces, model.uv, model.uv_faces), None, "0" * 64, None)
