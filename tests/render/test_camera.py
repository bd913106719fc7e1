"""Cameras: conventions, DECA's crop, and the standard framing."""

import pytest
import torch

from clipface.render import crop_to_image, orthographic, perspective, random_views, rotation, view, viewing_axes
from clipface.render.camera import FRAME_CENTRE, FRAME_HALF_WIDTH, project


def place(camera, points):
    """Where a camera puts points [N, 3], after the division by w."""
    clip = torch.cat([points, torch.ones(len(points), 1)], 1) @ camera[0].T
    assert torch.allclose(clip, project(points[None], camera)[0], atol=1e-6)
    return clip[:, :3] / clip[:, 3:]


def test_orthographic_is_deca_s_projection():
    scale, translation = torch.tensor([7.5]), torch.tensor([[0.02, -0.03]])
    points = torch.randn(20, 3) * 0.1
    got = place(orthographic(scale, translation), points)
    wanted = 7.5 * (points[:, :2] + translation) * torch.tensor([1.0, -1.0])
    assert torch.allclose(got[:, :2], wanted, atol=1e-6)
    assert (got[:, 2].argsort() == (-points[:, 2]).argsort()).all()  # what is nearer to the viewer has a smaller depth


def test_a_crop_puts_the_head_where_it_is_in_the_photograph():
    """The same pixels as mapping a crop's points back by the inverse of `tform`, done by hand."""
    c, s = 0.49, 0.1
    tform = torch.tensor([[c, -s, 12.0], [s, c, -40.0], [0, 0, 1]])
    scale, translation, size = torch.tensor([8.0]), torch.tensor([[0.01, 0.02]]), (480, 640)
    points = torch.randn(30, 3) * 0.08
    in_crop = (place(orthographic(scale, translation), points)[:, :2] * 0.5 + 0.5) * 224
    in_photo = (torch.cat([in_crop, torch.ones(30, 1)], 1) @ torch.linalg.inv(tform).T)[:, :2]
    crop = crop_to_image(tform[None], size)
    got = (place(orthographic(scale, translation, crop), points)[:, :2] * 0.5 + 0.5) * torch.tensor([640.0, 480.0])
    assert torch.allclose(got, in_photo, atol=1e-2)
    back = orthographic(scale, translation, torch.linalg.inv(crop) @ crop)
    assert torch.allclose(back, orthographic(scale, translation), atol=1e-4)


def test_yaw_turns_right_and_pitch_turns_up():
    nose = torch.tensor([0.0, 0.0, 1.0])
    right = rotation(torch.tensor([30.0]), torch.tensor([0.0]))[0] @ nose
    up = rotation(torch.tensor([0.0]), torch.tensor([20.0]))[0] @ nose
    assert right[0] > 0.4 and right[2] > 0
    assert up[1] > 0.3 and up[2] > 0


def test_the_standard_view_is_centred_and_y_points_down():
    camera = view(torch.tensor([0.0]), torch.tensor([0.0]))
    centre = torch.tensor(FRAME_CENTRE)
    points = torch.stack([centre, centre + torch.tensor([FRAME_HALF_WIDTH, FRAME_HALF_WIDTH, 0])])
    assert torch.allclose(place(camera, points)[:, :2], torch.tensor([[0.0, 0.0], [1.0, -1.0]]), atol=1e-6)
    shifted = view(torch.tensor([0.0]), torch.tensor([0.0]), 2.0, torch.tensor([[0.25, 0.5]]))
    assert torch.allclose(place(shifted, points)[:, :2], torch.tensor([[0.25, 0.5], [2.25, -1.5]]), atol=1e-6)


def test_perspective_keeps_the_centre_and_shrinks_what_is_far():
    camera = perspective(
        rotation(torch.zeros(1), torch.zeros(1)), torch.tensor([1.0]), torch.tensor([30.0]), aspect=2.0
    )
    centre = torch.tensor(FRAME_CENTRE)
    points = torch.stack([centre, centre + torch.tensor([0.1, 0.1, 0.0]), centre + torch.tensor([0.1, 0.1, -1.0])])
    got = place(camera, points)
    assert torch.allclose(got[0, :2], torch.zeros(2), atol=1e-6)
    assert got[1, 0] > 0 > got[1, 1]
    assert torch.isclose(got[1, 1], -0.1 / torch.tan(torch.deg2rad(torch.tensor(15.0))), atol=1e-5)
    assert torch.allclose(got[1, 0] * 2, -got[1, 1], atol=1e-6)
    assert torch.allclose(got[2, :2] * 2, got[1, :2], atol=1e-6)
    assert got[1, 2] < got[2, 2]


@pytest.mark.parametrize("kind", ["orthographic", "perspective"])
def test_viewing_axes(kind):
    yaw, pitch = torch.tensor([25.0]), torch.tensor([-10.0])
    turn = rotation(yaw, pitch)
    camera = view(yaw, pitch) if kind == "orthographic" else perspective(turn, torch.ones(1), torch.tensor([20.0]))
    assert torch.allclose(viewing_axes(camera), turn, atol=1e-5)


def test_random_views_stay_within_their_bounds_and_repeat():
    cameras = random_views(200, torch.Generator().manual_seed(0), max_yaw=30, max_pitch=10)
    assert torch.equal(cameras, random_views(200, torch.Generator().manual_seed(0), max_yaw=30, max_pitch=10))
    nose = viewing_axes(cameras)[:, :, 2]
    yaw = torch.rad2deg(torch.atan2(nose[:, 0], torch.linalg.vector_norm(nose[:, 1:], dim=1)))
    assert 25 < yaw.abs().max() <= 30.01
    assert cameras.shape == (200, 4, 4)
    assert (cameras[:, 3] == torch.tensor([0.0, 0, 0, 1])).all()


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="translation: expected shape"):
        orthographic(torch.ones(2), torch.zeros(3, 2))
    with pytest.raises(ValueError, match="pitch: expected shape"):
        view(torch.zeros(2), torch.zeros(1))
