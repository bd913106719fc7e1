"""One face followed from image to image: exact points give back the head they are of."""

import pytest
import torch

from clipface.fit.landmark_objective import LandmarkObjective
from clipface.fit.live import IDENTITY_IMAGES, LiveFit
from clipface.fit.priors import FitParameters
from clipface.head import load_head

IMAGES = 8
YAW, JAW, SMILE = torch.linspace(0, 0.3, IMAGES), torch.linspace(0, 0.3, IMAGES), torch.linspace(0.6, 0, IMAGES)


@pytest.fixture(scope="module")
def head():
    return load_head("open")


@pytest.fixture(scope="module")
def film(head):
    """MediaPipe's points [T, 478, 2] in pixels: at rest, then turning, opening the mouth and ending a smile."""
    count = IDENTITY_IMAGES + IMAGES
    objective = LandmarkObjective(head, torch.rand(count, 478, 2), torch.zeros(count, dtype=torch.long))
    slots = objective.prior.slots.tolist()
    expression, pose = torch.zeros(count, len(slots)), torch.zeros(count, 6)
    for side in ("Left", "Right"):
        expression[IDENTITY_IMAGES:, slots.index(head.expression_names.index(f"mouthSmile{side}"))] = SMILE
    pose[:IDENTITY_IMAGES, 1] = torch.linspace(-0.2, 0.2, IDENTITY_IMAGES)
    pose[IDENTITY_IMAGES:, 1], pose[IDENTITY_IMAGES:, 3] = YAW, JAW
    scale, place = torch.full((count,), 6.0).log(), torch.zeros(count, 2)
    acted = FitParameters(objective.prior.shape_mean[None], expression, pose, torch.zeros(count, 6), scale, place)
    points = torch.zeros(count, 478, 2)
    points[:, objective.on.numbers] = objective.predicted(acted)[0]
    return (300 + 200 * points).numpy()


def test_a_face_is_followed_and_found_again_after_a_jump_or_as_another_person(head, film):
    fit = LiveFit(head)
    assert [fit(points) for points in film[: IDENTITY_IMAGES - 1]] == [None] * (IDENTITY_IMAGES - 1)
    assert fit.lacking == 1 and fit(film[IDENTITY_IMAGES - 1]) is not None
    found = [fit(points) for points in film[IDENTITY_IMAGES:]]
    yaw, jaw = (torch.cat([one.pose[:, number] for one in found]) for number in (1, 3))
    smile = torch.cat([one.expression[:, head.expression_names.index("mouthSmileLeft")] for one in found])
    assert (yaw - YAW).abs().max() < 0.04, yaw
    assert (jaw - JAW).abs().max() < 0.08 and torch.corrcoef(torch.stack([jaw, JAW]))[0, 1] > 0.98, jaw
    assert (smile - SMILE).abs().max() < 0.2 and torch.corrcoef(torch.stack([smile, SMILE]))[0, 1] > 0.98, smile
    expression = torch.cat([one.expression for one in found])
    assert expression.min() >= 0 and expression.max() <= 1
    turned = torch.tensor([[0.0, -1.0], [1.0, 0.0]]).numpy()
    jumped = fit((film[-1] - 300) @ turned + 300)  # a head that lies, in the very next image
    assert abs(float(jumped.pose[0, 3]) - 0.3) < 0.12 and abs(abs(float(jumped.pose[0, 2])) - torch.pi / 2) < 0.1
    fit.forget()
    assert fit.lacking == IDENTITY_IMAGES and fit(film[0]) is None
