"""Silhouettes of meshes finer than pixels: following the surface to its edge gives them their true gradient."""

import pytest
import torch
from scenes import sphere

from clipface.head import load_head
from clipface.render import Renderer, view
from clipface.render.rasterize.topology import Topology, neighbours


def _area(renderer, vertices, yaw, size, **options):
    """The share of the image that a head covers."""
    camera = view(torch.tensor([yaw]), torch.zeros(1), 0.8).to(vertices.device)
    texture = torch.zeros(1, 1, 8, 8, device=vertices.device)
    return renderer(vertices, texture, camera, size, 0.0, **options).mask.mean()


@pytest.mark.parametrize("yaw", [0.0, 35.0, 70.0])
def test_the_gradient_of_a_head_s_area_is_true(device, yaw):
    """Against scale, at 256 x 256, compared with finite differences of the area at 2048 x 2048."""
    head = load_head("open")
    renderer = Renderer(head.faces, head.uv, head.uv_faces).to(device)
    vertices, step = head().detach().to(device), 0.01
    scale = torch.ones((), device=device, requires_grad=True)
    area = _area(renderer, vertices * scale, yaw, 256)
    (gradient,) = torch.autograd.grad(area, scale)
    with torch.no_grad():
        larger, smaller = (
            _area(renderer, vertices * (1 + s), yaw, 2048, antialias=False).item() for s in (step, -step)
        )
    assert gradient.item() == pytest.approx((larger - smaller) / (2 * step), rel=0.05)
    assert area.item() == pytest.approx((larger + smaller) / 2, rel=2e-3)


def _fine_ball(device, size, follow, warp):
    vertices, faces, _, _ = sphere(120, 200, radius=0.6)
    clip = torch.cat([vertices, torch.ones(len(vertices), 1)], 1)[None].to(device)
    faces, step = faces.to(device), torch.zeros((), device=device, requires_grad=True)
    moved = clip + step * torch.tensor([1.0, 0, 0, 0], device=device)
    fragments = warp.rasterize(moved, faces, size, derivatives=False)
    image = warp.antialias((fragments.rast[..., 3:] > 0).float(), fragments, moved, faces, follow=follow)[0, ..., 0]
    return image, step


def test_a_shift_moves_the_first_moment_by_the_area(warp, device):
    slopes = []
    for follow in (False, True):
        image, step = _fine_ball(device, (64, 48), follow, warp)
        x = torch.linspace(-1, 1, 97, device=device)[1::2]
        (slope,) = torch.autograd.grad((image * x).sum(), step)
        slopes.append((slope / image.sum()).item())
    assert slopes[0] < 0.7
    assert slopes[1] == pytest.approx(1.0, abs=0.03)


def test_following_leaves_the_inside_alone(warp, device):
    image, _ = _fine_ball(device, (64, 64), True, warp)
    inside = torch.nn.functional.max_pool2d((image == 0).float()[None, None], 5, 1, 2)[0, 0] == 0
    assert inside.sum() > 500
    assert (image[inside] == 1).all()


def test_neighbours():
    faces = torch.tensor([[0, 1, 2], [2, 1, 3], [4, 5, 6]], dtype=torch.int32)
    assert neighbours(faces).tolist() == [[1, -1, -1], [-1, -1, 0], [-1, -1, -1]]
    assert (Topology.of(sphere()[1]).triangles >= 0).all()


def test_nvdiffrast_does_not_follow():
    nvdiffrast = pytest.importorskip("clipface.render.rasterize.nvdiffrast_backend")
    with pytest.raises(ValueError, match="follow: expected False for nvdiffrast"):
        nvdiffrast.antialias(None, None, None, None, follow=True)
