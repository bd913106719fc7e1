"""Tiny real parts that several tests share: a head, a generator and an encoder, as files and as objects."""

# ruff: noqa: E402  startup comes before PyTorch

import os

from clipface import startup  # isort: skip

if processes := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    # Threads of several processes on the same cores wait for each other. Commands that tests start get them too.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
startup.prepare()

from pathlib import Path

import numpy as np
import pytest
import torch
from photo_fixtures import images, open_head, painted, photos  # noqa: F401

from clipface.assets import FOLDER_VARIABLE
from clipface.guidance.encoder import build_face_encoder, save_face_encoder
from clipface.head import load_head
from clipface.head.mesh import uv_map_hash
from clipface.texture.generator import TextureGenerator

TINY_ENCODER = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 12, "width": 16, "heads": 2, "layers": 1},
}
TINY_WORDS = "a photo of face zombie clown person old with".split()
# Files with tests of half a minute and more, which begin before all others: the last one keeps nobody waiting.
LONGEST = (
    "test_browser.py", "test_interrupted_networks.py", "test_interrupts.py", "test_two_processes.py", "test_tour.py",
    "test_photo_scripts.py", "test_distributed.py", "test_anchored.py", "test_own_faces.py", "test_into_photo_video.py",
    "test_into_photo_command.py", "test_browser_person.py", "test_training.py", "test_sweeps.py",
)  # fmt: skip
SIDE = 9  # vertices along each side of the tiny head


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def write_tiny_head(path: Path) -> Path:
    """Write a dome that looks along +z, about as large as a head, in the open head's format."""
    random = np.random.default_rng(0)
    y, x = np.meshgrid(np.linspace(0.12, -0.12, SIDE), np.linspace(-0.12, 0.12, SIDE), indexing="ij")
    vertices = np.stack([x, y, 0.1 - 4 * (x**2 + y**2)], -1).reshape(-1, 3)
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    lower = np.stack([corner, corner + SIDE, corner + SIDE + 1], 1)
    upper = np.stack([corner, corner + SIDE + 1, corner + 1], 1)
    faces = np.concatenate([lower, upper]).astype(np.int32)
    count, expressions = len(vertices), 6
    frequencies = 10 * random.normal(size=(300 + expressions, 3, 2))
    waves = np.sin(np.einsum("vi,sci->vcs", vertices[:, :2], frequencies))
    joints = np.zeros((5, count), np.float32)
    joints[:, count // 2] = 1
    np.savez(
        path,
        v_template=vertices.astype(np.float32),
        f=faces,
        shapedirs=(waves * 5e-4 * np.r_[np.ones(300), np.full(expressions, 10)]).astype(np.float16),
        posedirs=np.zeros((count, 3, 36), np.float16),
        J_regressor=joints,
        kintree_table=np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        weights=np.eye(5, dtype=np.float32)[np.zeros(count, int)],
        vt=np.stack([(x + 0.12) / 0.24, (y + 0.12) / 0.24], -1).reshape(-1, 2).astype(np.float32),
        ft=faces,
        landmark_faces=np.zeros(68, np.int32),
        landmark_barycentric=np.full((68, 3), 1 / 3, np.float32),
        expression_names=np.array([f"slot_{i}" for i in range(expressions)]),
        expression_covariance=np.diag(np.linspace(0.1, 1, expressions)).astype(np.float32),
        region_names=np.array(["face", "lips"]),
        region_masks=np.stack([np.ones(count, bool), np.arange(count) < SIDE]),
    )
    return path


@pytest.fixture(autouse=True)
def _the_data_folder_stays():
    """A test that leaves another folder behind lets others of its process fail, by the order in which they come."""
    before = os.environ.get(FOLDER_VARIABLE)
    yield
    assert os.environ.get(FOLDER_VARIABLE) == before


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory) -> Path:
    """A data folder with an open head, a generator (32², 16-dim codes) and both encoders (32², 16-dim)."""
    folder = tmp_path_factory.mktemp("tiny")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        write_tiny_head(folder / "open_head.npz")
        generator = TextureGenerator(32, z_dim=16, w_dim=16, mapping_layers=2, channel_base=256, channel_max=16)
        generator.config["uv_map"] = uv_map_hash(load_head(path=folder / "open_head.npz"))
        generator.save(folder / "generator.safetensors", half=False)
        for name in ("face_encoder", "scoring_encoder"):
            encoder = build_face_encoder(TINY_ENCODER, TINY_WORDS)
            save_face_encoder(folder / f"{name}.safetensors", encoder, TINY_ENCODER)
    return folder
