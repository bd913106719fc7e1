"""Painted faces in the place of photographs."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from clipface.head import HeadModel, load_head
from clipface.render import Renderer
from clipface.synthetic import PaintedFaces


class Painted(NamedTuple):
    """Images [B, S, S, 3] uint8, what they were painted from, and the head."""

    images: np.ndarray
    batch: Any
    head: HeadModel


@pytest.fixture(scope="session")
def open_head():
    head = load_head("open")
    return head, Renderer(head.faces, head.uv, head.uv_faces)


@pytest.fixture(scope="session")
def painted(open_head):
    """Paints ordinary faces of the shipped head, which the face networks take for real ones."""
    painter = PaintedFaces(*open_head, 128)

    def paint(count: int, size: int = 320, seed: int = 0) -> Painted:
        generator = torch.Generator().manual_seed(seed)
        wanted = {"look": "none", "sex": "man", "beard": "none", "makeup": "none", "expression": "neutral"}
        batch = painter.sample(count, generator, size, 10.0, 0.6, wanted, zoom=(1.2, 1.2))
        images = (batch.image.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).numpy()
        return Painted(images, batch, open_head[0])

    return paint


@pytest.fixture(scope="session")
def images(painted):
    """Six painted photographs."""
    pytest.importorskip("onnxruntime")
    return painted(6, 256, seed=1)


@pytest.fixture
def photos(tmp_path, images):
    folder = tmp_path / "photos"
    (folder / "more images").mkdir(parents=True)
    for name, image in zip(("a.png", "b.png", "c.jpg", "more images/a.png"), images.images, strict=False):
        Image.fromarray(image).save(folder / name)
    (folder / "empty.jpg").touch()
    Image.new("RGB", (256, 256), "grey").save(folder / "grey.png")
    (folder / "readme.txt").write_text("words")
    return folder
