"""Motions: checks, resampling, smoothing, and how much each frame matters."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from clipface.animation import Motion, importance


def still(frames: int, slots: int = 4, rate: float = 30.0, names: tuple[str, ...] = ()) -> Motion:
    sizes = (slots, 6, 3, 6)
    return Motion(*(torch.zeros(frames, size) for size in sizes), rate, names)


def moving(frames: int, rate: float = 30.0) -> Motion:
    generator = torch.Generator().manual_seed(0)
    parts = (
        torch.rand(frames, 4, generator=generator),
        *(torch.randn(frames, n, generator=generator) for n in (6, 3, 6)),
    )
    return Motion(*parts, rate)


def turns(axis_angles):
    return Rotation.from_rotvec(axis_angles.double().reshape(-1, 3).numpy()).as_matrix()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pose": torch.zeros(3, 6)}, r"pose: expected shape \(2, 6\), got \(3, 6\)"),
        ({"eye_pose": torch.zeros(2, 3)}, "eye_pose: expected shape"),
        ({"neck_pose": torch.tensor([[0.0, 0, 0], [0, float("nan"), 0]])}, "neck_pose: expected finite .* frame 1"),
        ({"rate": 0.0}, "rate: expected a positive number"),
        ({"rate": float("nan")}, "rate: expected a positive number"),
        ({"rate": True}, "rate: expected a positive number"),
    ],
)
def test_what_is_no_motion_is_refused(change, words):
    given = dict(zip(("expression", "pose", "neck_pose", "eye_pose"), still(2).parts, strict=True)) | {"rate": 30.0}
    with pytest.raises(ValueError, match=words):
        Motion(**given | change)


def test_an_empty_motion_is_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        still(0)


def test_rows_and_device_keep_the_rest():
    motion = moving(5)
    part = motion.rows(torch.tensor([3, 1])).to("cpu")
    assert len(part) == 2 and part.rate == motion.rate
    assert torch.equal(part.pose, motion.pose[[3, 1]])


@pytest.mark.parametrize("rate", [15.0, 24.0, 60.0])
def test_resampling_keeps_the_duration_and_meets_old_frames(rate):
    motion = moving(31)
    result = motion.resampled(rate)
    assert len(result) == round(rate) + 1 and result.rate == rate  # one second
    torch.testing.assert_close(result.expression[[0, -1]], motion.expression[[0, -1]])
    np.testing.assert_allclose(turns(result.pose[[0, -1]]), turns(motion.pose[[0, -1]]), atol=1e-6)
    if rate == 60:
        torch.testing.assert_close(result.rows(slice(0, None, 2)).eye_pose, motion.eye_pose)
        torch.testing.assert_close(result.expression[1], motion.expression[:2].mean(0))


def test_resampling_turns_evenly_the_shortest_way():
    first, last = Rotation.from_rotvec([0, 3.0, 0]), Rotation.from_rotvec([0, -3.0, 0])  # 0.28 rad apart, through pi
    pose = torch.zeros(2, 6)
    pose[:, :3] = torch.from_numpy(np.stack([first.as_rotvec(), last.as_rotvec()]))
    base = still(2, rate=1.0)
    result = Motion(base.expression, pose, base.neck_pose, base.eye_pose, 1.0).resampled(4.0)
    steps = [Rotation.from_matrix(a).inv() * Rotation.from_matrix(b) for a, b in zip(*_pairs(result), strict=True)]
    np.testing.assert_allclose([step.magnitude() for step in steps], (2 * np.pi - 6) / 4, atol=1e-6)


def _pairs(motion):
    matrices = turns(motion.pose[:, :3])
    return matrices[:-1], matrices[1:]


def test_one_frame_can_be_resampled():
    assert len(moving(1).resampled(60.0)) == 1


def test_smoothing_does_not_lag_and_takes_noise():
    generator = torch.Generator().manual_seed(1)
    times = torch.arange(300) / 30.0
    true = 0.5 + 0.4 * torch.sin(2 * torch.pi * 0.5 * times)
    noise = 0.1 * torch.randn(2, 300, generator=generator)
    base = still(300, slots=1)
    pose = torch.zeros(300, 6)
    pose[:, 1] = true + noise[1]
    noisy = Motion((true + noise[0])[:, None], pose, base.neck_pose, base.eye_pose, 30.0)
    smooth = noisy.smoothed(0.08)
    for result, before in ((smooth.expression[:, 0], noise[0]), (smooth.pose[:, 1], noise[1])):
        assert (result - true).std() < 0.5 * before.std()
        lags = [torch.corrcoef(torch.stack([result[5 + k : 295 + k], true[5:295]]))[0, 1].item() for k in range(-3, 4)]
        assert int(np.argmax(lags)) == 3
    assert torch.equal(smooth.pose[:, 3:], pose[:, 3:])
    assert noisy.smoothed(0.0) is noisy
    with pytest.raises(ValueError, match="seconds: expected 0 or more"):
        noisy.smoothed(-1.0)


def test_smoothing_a_turn_through_pi_keeps_it_there():
    angles = torch.pi + 0.05 * torch.sin(torch.arange(60.0))
    pose = torch.zeros(60, 6)
    pose[:, 0] = torch.where(angles > torch.pi, angles - 2 * torch.pi, angles)  # as trackers write it: the sign flips
    base = still(60)
    smooth = Motion(base.expression, pose, base.neck_pose, base.eye_pose, 30.0).smoothed(0.1)
    assert (smooth.pose[:, 0].abs() > torch.pi - 0.06).all()


def test_importance_is_the_normalised_squared_distance_from_neutral():
    base = still(4)
    expression, pose = base.expression.clone(), base.pose.clone()
    expression[1, 2], pose[2, 3], expression[3, 0] = 1.0, 0.5, 2.0
    neck = torch.full((4, 3), 0.3)  # how the head is held says nothing
    motion = Motion(expression, pose, neck, base.eye_pose, 30.0)
    torch.testing.assert_close(importance(motion), torch.tensor([0.0, 0.25, 0.0625, 1.0]))


def test_importance_of_a_still_motion():
    base = still(3)
    assert torch.equal(importance(base), torch.zeros(3))
    angry = Motion(base.expression + 0.3, base.pose, base.neck_pose, base.eye_pose, 30.0)
    assert torch.equal(importance(angry), torch.ones(3))


def test_a_blink_by_name_is_no_expression():
    base = still(3, 3, names=("eyeBlinkLeft", "jawOpen"))
    expression = base.expression.clone()
    expression[1, 0], expression[2, 1], expression[1, 2] = 1.0, 0.5, 0.25
    motion = Motion(expression, base.pose, base.neck_pose, base.eye_pose, 30.0, base.expression_names)
    torch.testing.assert_close(importance(motion), torch.tensor([0.0, 0.25, 1.0]))


def test_smoothed_importance_is_calmer_and_still_from_0_to_1(motion_of_syllables):
    plain, smooth = importance(motion_of_syllables), importance(motion_of_syllables, 0.12)
    assert smooth.min() == 0 and smooth.max() == 1
    steps = [(each[1:] - each[:-1]).abs().mean() for each in (plain, smooth)]
    assert steps[1] < 0.5 * steps[0]
    assert torch.equal(importance(motion_of_syllables, 0.0), plain)


@pytest.fixture
def motion_of_syllables() -> Motion:
    """A mouth that opens six times a second, more and more."""
    times = torch.arange(60) / 30
    expression = torch.zeros(60, 4)
    expression[:, 1] = times * (1 + torch.sin(2 * torch.pi * 6 * times)) / 2
    return Motion(expression, torch.zeros(60, 6), torch.zeros(60, 3), torch.zeros(60, 6), 30.0)
