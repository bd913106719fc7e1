"""Silhouettes on Warp: against the oracle, and that their gradient leads somewhere."""

import oracle
import torch
from scenes import soup, sphere

from clipface.render.rasterize.topology import opposite_vertices


def _ball(device, size=40, shift=0.0):
    """A ball's clip positions, its faces and a white image of it on black."""
    vertices, faces, _, _ = sphere(6, 9, radius=0.6)
    clip = torch.cat([vertices + torch.tensor([shift, 0.05, 0.0]), torch.ones(len(vertices), 1)], 1)[None]
    return clip.to(device), faces.to(device)


def _silhouette(warp, clip, faces, size):
    fragments = warp.rasterize(clip, faces, size, derivatives=False)
    return warp.antialias((fragments.rast[..., 3:] > 0).float(), fragments, clip, faces)


def test_picture_and_gradients_match_the_oracle(warp, device):
    clip, faces = soup(6, seed=7, batch=1)
    ball, ball_faces = _ball("cpu")
    clip = torch.cat([clip, ball], 1)
    faces = torch.cat([faces, ball_faces + clip.shape[1] - ball.shape[1]])
    image = torch.rand(1, 26, 22, 3, generator=torch.Generator().manual_seed(0))
    cotangent = torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    leaves = [t.to(device).requires_grad_() for t in (image, clip)]
    fragments = warp.rasterize(leaves[1].detach(), faces.to(device), (26, 22))
    blended = warp.antialias(leaves[0], fragments, leaves[1], faces.to(device))
    slow = [t.double().requires_grad_() for t in (image, clip)]
    wanted = oracle.antialias(slow[0], fragments.rast.cpu().double(), slow[1], faces)
    assert (wanted - image).abs().amax(-1).gt(1e-3).sum() > 30
    assert torch.allclose(blended.cpu().double(), wanted, atol=1e-4)
    got = torch.autograd.grad(blended, leaves, cotangent.to(device))
    expected = torch.autograd.grad(wanted, slow, cotangent.double())
    for a, b in zip(got, expected, strict=True):
        assert (a.cpu().double() - b).norm() < 1e-3 * b.norm()


def test_moving_right_adds_on_the_right(warp, device):
    """A rigid shift moves an image's first moment by its area. The gradient may fall short, where triangles are seen
    edge-on, but never by much on a coarse mesh, and never overshoots."""
    clip, faces = _ball(device)
    step = torch.zeros((), device=device, requires_grad=True)
    moved = clip + step * torch.tensor([1.0, 0, 0, 0], device=device)
    image = _silhouette(warp, moved, faces, (64, 64))[0, ..., 0]
    x = torch.linspace(-1, 1, 64, device=device)
    moment = (image * x).sum()
    (slope,) = torch.autograd.grad(moment, step)
    assert 0.6 < slope / image.sum() < 1.05


def test_descent_recovers_a_shift(warp, device):
    clip, faces = _ball(device)
    target = _silhouette(warp, _ball(device, shift=0.12)[0], faces, (48, 48))
    step = torch.zeros(2, device=device, requires_grad=True)
    optimiser = torch.optim.Adam([step], lr=0.02)
    for _ in range(60):
        moved = torch.cat([clip[..., :2] + step, clip[..., 2:]], -1)
        loss = (_silhouette(warp, moved, faces, (48, 48)) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (step.detach().cpu() - torch.tensor([0.12, 0.0])).abs().max() < 0.01


def test_inner_edges_are_left_alone(warp, device):
    """An image that changes from triangle to triangle is only blended along the outline."""
    clip, faces = _ball(device)
    fragments = warp.rasterize(clip, faces, (64, 64))
    image = torch.rand(len(faces) + 1, 1, device=device)[fragments.rast[..., 3].long()]
    changed = (warp.antialias(image, fragments, clip, faces) != image)[0, ..., 0]
    background = fragments.rast[0, ..., 3] == 0
    near = torch.nn.functional.max_pool2d(background.float()[None, None], 3, 1, 1)[0, 0] > 0
    assert changed.any() and not changed[~near].any()


def test_opposite_vertices():
    faces = torch.tensor([[0, 1, 2], [2, 1, 3], [4, 5, 6]], dtype=torch.int32)
    assert opposite_vertices(faces).tolist() == [[3, -1, -1], [-1, -1, 0], [-1, -1, -1]]
    assert opposite_vertices(faces[:0]).shape == (0, 3)
    ball = opposite_vertices(sphere()[1])
    assert (ball >= 0).all()  # closed


def test_topology_may_be_given_and_drawing_is_deterministic(warp, device):
    clip, faces = _ball(device)
    fragments = warp.rasterize(clip, faces, (64, 64))
    image = torch.rand(1, 64, 64, 3, device=device)
    once = warp.antialias(image, fragments, clip, faces)
    assert torch.equal(once, warp.antialias(image, fragments, clip, faces, warp.topology(faces)))
