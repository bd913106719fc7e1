"""Paths of cameras: where each frame looks from, and that rounds close."""

import pytest
import torch

from clipface.render.camera import rotation, view, viewing_axes
from clipface.render.camera_path import camera_path


def yaws(cameras: torch.Tensor) -> torch.Tensor:
    """Degrees [T] by which each camera's image turns the head to the right, in -180..180."""
    right = viewing_axes(cameras)[:, 0]
    return torch.rad2deg(torch.atan2(right[:, 2], right[:, 0]))


def test_the_yaw_that_the_other_tests_read_is_that_of_the_standard_camera():
    wanted = torch.tensor([0.0, 30.0, -75.0, 120.0])
    assert torch.allclose(yaws(view(wanted, torch.zeros(4))), wanted, atol=1e-3)


def test_front_stands_still():
    cameras = camera_path("front", 3, scale=1.2, pitch=5.0)
    assert cameras.shape == (3, 4, 4) and cameras.dtype == torch.float32
    assert torch.equal(cameras, view(torch.zeros(3), torch.full((3,), 5.0), 1.2))


def test_turntable_goes_round_once_and_closes():
    cameras = camera_path("turntable", 36)
    steps = torch.diff(torch.cat([yaws(cameras), yaws(cameras[:1])])) % 360  # the last step leads to the first frame
    assert torch.allclose(steps, torch.full((36,), 10.0), atol=1e-3)
    again = camera_path("turntable", 72, period=36)
    assert torch.allclose(again[:36], cameras) and torch.allclose(again[36:], cameras)


def test_sway_reaches_both_sides_and_comes_back():
    cameras = camera_path("sway", 40, degrees=20.0)
    angles = yaws(cameras)
    assert angles[0].abs() < 1e-4 and angles[20].abs() < 1e-3
    assert angles[10] == pytest.approx(20, abs=1e-3) and angles[30] == pytest.approx(-20, abs=1e-3)
    assert torch.allclose(camera_path("sway", 80, degrees=20.0, period=40)[40:], cameras, atol=1e-5)


def test_a_long_path_stays_even():
    steps = torch.diff(yaws(camera_path("turntable", 20000, period=250))) % 360
    assert (steps - 360 / 250).abs().max() < 1e-3


def test_pitch_and_scale_hold_for_all_frames():
    camera = camera_path("sway", 5, pitch=-10.0, scale=1.3)[1:2]
    turn = rotation(yaws(camera_path("sway", 5))[1:2], torch.tensor([-10.0]))
    assert torch.allclose(viewing_axes(camera), turn, atol=1e-5)
    front = camera_path("front", 1)
    assert torch.allclose(camera_path("front", 1, scale=1.3)[:, :3, :3], front[:, :3, :3] * 1.3)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="name: expected one of front, turntable, sway, got 'orbit'"):
        camera_path("orbit", 5)
    with pytest.raises(ValueError, match="count: expected at least 1"):
        camera_path("front", 0)
    with pytest.raises(ValueError, match="period: expected a positive"):
        camera_path("sway", 5, period=0)
