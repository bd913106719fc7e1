import pytest
import torch

from clipface.guidance.encoder import Encoder, build_face_encoder

WORDS = "a photo of face zombie smiling angry man woman with beard wrinkles".split()


@pytest.fixture
def architecture() -> dict:
    """The shipped encoder's kind, as small as it gets."""
    return {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "head_width": 8, "patch_size": None},
        "text_cfg": {"context_length": 12, "width": 16, "heads": 2, "layers": 1},
    }


@pytest.fixture
def encoder(architecture: dict) -> Encoder:
    torch.manual_seed(0)
    return build_face_encoder(architecture, WORDS).freeze()
