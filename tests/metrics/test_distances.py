"""FID and KID against plain formulas; the feature networks."""

import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from clipface.metrics import Distances, load_features
from clipface.metrics.features import EfficientNet


class Means(nn.Module):
    """Six numbers of an image."""

    num_features = 6
    title = "means"

    def forward(self, images):
        return torch.cat((images.mean((2, 3)), images.std((2, 3))), 1)


def some(count: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(count, 3, 4, 4) + shift * torch.randn(count, 3, 1, 1) + shift


@pytest.fixture
def sets():
    torch.manual_seed(0)
    return some(40), some(60, 0.5)


def test_frechet_distance_is_its_formula(sets):
    distances = Distances(Means())
    for kind, images in zip((True, False), sets, strict=True):
        for part in images.split(20):
            distances.add(part, kind)
    found = distances.compute()
    real, fake = (Means()(images).double().numpy() for images in sets)
    covariances = [torch.from_numpy(features).T.cov().numpy() for features in (real, fake)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    means = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    assert found["fid"] == pytest.approx(means + (covariances[0] + covariances[1] - 2 * root).trace(), rel=1e-4)
    assert found["kid"] > 0.01


def test_real_pictures_are_kept_and_fakes_forgotten(sets):
    distances = Distances(Means())
    distances.add(sets[0], True)
    distances.add(sets[1], False)
    state = torch.get_rng_state()
    first = distances.compute()
    assert torch.equal(state, torch.get_rng_state())
    distances.add(sets[1], False)
    assert distances.compute() == first
    distances.add(sets[0], False)
    same = distances.compute()
    assert same["fid"] == pytest.approx(0, abs=1e-4) and same["kid"] < first["kid"] / 10


def test_too_few_pictures_are_named(sets):
    distances = Distances(Means())
    distances.add(sets[0], True)
    with pytest.raises(ValueError, match="(?s)at least 4.*40, 0"):
        distances.compute()


def test_efficientnet_sees_what_a_picture_shows():
    """A disc, its mirror image and the disc elsewhere are alike, noise is not."""
    features = load_features("efficientnet")
    place = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, 160)] * 2, indexing="ij"))
    disc = place.square().sum(0).sqrt() < 0.6
    orange = torch.where(disc[None], torch.tensor([1.0, 0.1, -0.9])[:, None, None], torch.full((3, 1, 1), 0.9))
    images = torch.stack((orange, orange.flip(2), orange.roll(9, 2), torch.randn(3, 160, 160).clamp(-1, 1)))
    found = features(images)
    assert found.shape == (4, features.num_features) and "EfficientNet" in features.title
    near = torch.cosine_similarity(found[0], found[1:], dim=1)
    assert near[0] > 0.95 and near[1] > 0.8 and near[2] < 0.5
    assert not any(parameter.requires_grad for parameter in features.parameters()) and not features.training


def test_errors_say_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="efficientnet, inception"):
        load_features("vgg")
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="EfficientNet"):
        EfficientNet(tmp_path / "other.pth")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for network in ("efficientnet", "inception"):
        with pytest.raises(ModuleNotFoundError, match="metrics"):
            load_features(network)
