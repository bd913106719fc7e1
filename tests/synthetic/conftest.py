import pytest
import torch

from clipface.head import load_head
from clipface.render.renderer import Renderer
from clipface.synthetic import PaintedFaces

TEXTURE = 64


@pytest.fixture(scope="session")
def painter() -> PaintedFaces:
    """The painter of the project's own head, at a small size."""
    torch.set_num_threads(2)
    head = load_head("open")
    return PaintedFaces(head, Renderer(head.faces, head.uv, head.uv_faces), TEXTURE)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
