"""A small textured head, written as the files that readers must understand."""

from pathlib import Path

import numpy as np
import pytest

from clipface import pickles
from clipface.head import HeadData, HeadModel, read_flame

GOLDEN = Path(__file__).parent.parent / "golden" / "flame_tiny"
ROWS, COLUMNS = 6, 8


def tube() -> HeadData:
    """A tube of 6 rings with 8 vertices, whose texture has a seam; 9 texture coordinates a ring."""
    random = np.random.default_rng(0)
    row, column = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS), indexing="ij")
    angle = 2 * np.pi * column.ravel() / COLUMNS
    vertices = np.stack([0.1 * np.sin(angle), 0.04 * row.ravel() - 0.1, 0.1 * np.cos(angle)], axis=1)
    row_uv, column_uv = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS + 1), indexing="ij")
    uv = np.stack([column_uv.ravel() / COLUMNS, row_uv.ravel() / (ROWS - 1)], axis=1)
    faces, uv_faces = [], []
    for r in range(ROWS - 1):
        for c in range(COLUMNS):
            corners = [(r, c), (r, c + 1), (r + 1, c + 1), (r + 1, c)]
            vertex = [a * COLUMNS + b % COLUMNS for a, b in corners]
            texel = [a * (COLUMNS + 1) + b for a, b in corners]
            faces += [vertex[:3], [vertex[0], vertex[2], vertex[3]]]
            uv_faces += [texel[:3], [texel[0], texel[2], texel[3]]]
    count = len(vertices)
    weights = random.random((count, 5))
    regressor = random.random((5, count))
    return HeadData(
        v_template=vertices,
        faces=np.array(faces),
        shapedirs=random.normal(size=(count, 3, 7)) * 0.005,
        expression_dirs=random.normal(size=(count, 3, 4)) * 0.005,
        posedirs=random.normal(size=(count, 3, 36)) * 0.002,
        J_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        parents=np.array([-1, 0, 1, 1, 1]),
        weights=weights / weights.sum(axis=1, keepdims=True),
        uv=uv,
        uv_faces=np.array(uv_faces),
        landmark_faces=np.arange(68) % len(faces),
        landmark_barycentric=random.dirichlet(np.ones(3), size=68),
        regions={"top": np.arange(4 * COLUMNS, 6 * COLUMNS), "bottom": np.arange(2 * COLUMNS)},
        expression_names=("open", "smile"),
        expression_covariance=np.diag([1.0, 2.0, 0.0, 0.5]),
        source="tube",
    )


@pytest.fixture
def tube_data() -> HeadData:
    return tube()


@pytest.fixture(scope="session")
def tube_head() -> HeadModel:
    return HeadModel(tube())


@pytest.fixture(scope="session")
def golden_head() -> HeadModel:
    return HeadModel(read_flame(GOLDEN / "generic_model.pkl"))


@pytest.fixture(scope="session")
def golden_arrays() -> dict[str, np.ndarray]:
    """The arrays of the small FLAME file, as plain numpy."""
    content = pickles.load(GOLDEN / "generic_model.pkl")
    return {key: value for key, value in content.items() if isinstance(value, np.ndarray)}


@pytest.fixture
def open_arrays(golden_arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of a small file in the open head's format: the FLAME file's head with 86 expression slots."""
    vertices, faces = len(golden_arrays["v_template"]), golden_arrays["f"].astype(np.int32)
    covariance = np.eye(86, dtype=np.float32)
    covariance[3, 3] = 0
    return {
        **{key: golden_arrays[key] for key in ("v_template", "J_regressor")},
        "f": faces,
        "shapedirs": golden_arrays["shapedirs"][..., :386].astype(np.float16),
        "posedirs": golden_arrays["posedirs"].astype(np.float16),
        "weights": golden_arrays["weights"].astype(np.float16),
        "kintree_table": np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        "vt": np.random.default_rng(1).random((3 * len(faces), 2)).astype(np.float32),
        "ft": np.arange(3 * len(faces), dtype=np.int32).reshape(-1, 3),
        "landmark_faces": np.arange(68, dtype=np.int32),
        "landmark_barycentric": np.full((68, 3), 1 / 3, np.float32),
        "expression_names": np.array([f"slot {index}" for index in range(86)]),
        "expression_covariance": covariance,
        "region_names": np.array(["face", "neck"]),
        "region_masks": np.arange(2)[:, None] == np.arange(vertices) % 2,
        "licence": np.array("CC0-1.0"),
    }
