"""Cut-outs and tilts that the camera makes."""

import pytest
import torch
from scenes import sphere
from torch.nn import functional

from clipface.render import Renderer, random_views
from clipface.render.camera import project, view
from clipface.render.jitter import random_warps, warp_image

RANDOM = dict(crop=0.4, tilt=0.3)


def in_image(camera: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    clip = project(points, camera)
    return clip[..., :3] / clip[..., 3:]


@pytest.mark.parametrize("lens", [0.0, 1.0])
def test_points_land_where_the_warp_takes_them_and_keep_their_order_in_depth(lens):
    generator = torch.Generator().manual_seed(0)
    points = (torch.rand(1, 200, 3, generator=generator) - 0.5) * 0.2
    camera, warp = random_views(8, generator, lens=lens), random_warps(8, generator, **RANDOM)
    plain, warped = (in_image(c, points.expand(8, -1, -1)) for c in (camera, warp_image(camera, warp)))
    flat = torch.cat([plain[..., :2], torch.ones_like(plain[..., :1])], -1) @ warp.mT
    torch.testing.assert_close(warped[..., :2], flat[..., :2] / flat[..., 2:], atol=1e-4, rtol=1e-4)
    inside = (plain[..., :2].abs() <= 1).all(-1)
    assert inside.any() and (warped[inside].abs()[:, 2] <= 1).all()
    # Two points of one ray: what was nearer stays nearer.
    depth = torch.tensor([-0.5, 0.0, 0.5])
    ray = torch.tensor([[0.3, -0.2, z, 1.0] for z in depth])
    after = warp_image(torch.eye(4).expand(8, 4, 4), warp) @ ray.T
    assert ((after[:, 2] / after[:, 3]).diff(dim=1) > 0).all()


def test_a_warped_camera_draws_the_warped_picture():
    vertices, faces, uv, uv_faces = sphere()
    renderer = Renderer(faces, uv, uv_faces)
    colours = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    texture = functional.interpolate(colours, (64, 64), mode="bilinear")
    camera = view(torch.tensor([20.0]), torch.tensor([10.0]))
    warp = random_warps(1, torch.Generator().manual_seed(3), **RANDOM)
    drawn = renderer(vertices[None], texture, warp_image(camera, warp), 96).image
    still = renderer(vertices[None], texture, camera, 384).image
    y, x = torch.meshgrid((torch.arange(96) + 0.5) / 48 - 1, (torch.arange(96) + 0.5) / 48 - 1, indexing="ij")
    back = torch.stack([x, y, torch.ones_like(x)], -1) @ torch.linalg.inv(warp[0]).T
    resampled = functional.grid_sample(
        still, (back[..., :2] / back[..., 2:])[None], align_corners=False, padding_mode="border"
    )
    assert (drawn - renderer(vertices[None], texture, camera, 96).image).abs().mean() > 0.05  # it did warp
    assert (drawn - resampled).abs().mean() < 0.01


def test_a_cut_out_lies_within_the_picture_and_nothing_changes_by_default():
    warp = random_warps(300, torch.Generator().manual_seed(0), crop=0.5)
    corners = torch.tensor([[-1.0, -1, 1], [1, 1, 1]])
    seen = corners @ torch.linalg.inv(warp).mT  # where the new image's corners were
    assert seen[..., :2].abs().max() <= 1 + 1e-5 and seen[:, 1, 0].sub(seen[:, 0, 0]).min() < 1.1
    assert torch.equal(random_warps(5, torch.Generator()), torch.eye(3).expand(5, 3, 3))


def test_views_through_a_lens_are_as_large_as_parallel_ones():
    parallel, lens = (random_views(50, torch.Generator().manual_seed(0), lens=share) for share in (0.0, 1.0))
    ring = torch.tensor([[0.0, 0.088, -0.02], [0.08, 0.008, -0.02], [-0.08, 0.008, -0.02], [0.0, -0.072, -0.02]])
    first, second = (in_image(camera, ring.expand(50, 4, 3))[..., :2] for camera in (parallel, lens))
    assert (first - second).abs().max() < 0.12 and (first.mean(1) - second.mean(1)).abs().max() < 0.02
    mixed = random_views(200, torch.Generator().manual_seed(0), lens=0.5)
    assert 60 < (mixed[:, 3, :3] != 0).any(1).sum() < 140


def test_gradient_and_errors():
    warp = random_warps(1, torch.Generator().manual_seed(0), **RANDOM).double().requires_grad_()
    camera = view(torch.tensor([20.0]), torch.tensor([10.0])).double().requires_grad_()
    assert torch.autograd.gradcheck(warp_image, (camera, warp))
    with pytest.raises(ValueError, match="crop: expected a number from 0 to below 1, got 1.5"):
        random_warps(1, torch.Generator(), crop=1.5)
    with pytest.raises(ValueError, match="tilt"):
        random_warps(1, torch.Generator(), tilt=0.5)
    with pytest.raises(ValueError, match="warp"):
        warp_image(torch.eye(4).expand(3, 4, 4), torch.eye(3).expand(2, 3, 3))
