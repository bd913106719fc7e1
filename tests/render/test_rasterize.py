"""Coverage, barycentrics and interpolation on Warp, against the oracle and against what must never happen."""

import oracle
import pytest
import torch
from scenes import grid, soup

from clipface.render.rasterize.warp import runtime


@pytest.mark.parametrize("size", [(40, 56), (33, 17)])
def test_the_nearest_triangle_is_seen(warp, device, size):
    clip, faces = soup(12, seed=1)
    seen = warp.rasterize(clip.to(device), faces.to(device), size).rast[..., 3].cpu()
    wanted = oracle.cover(clip, faces, size)
    # Where a tenth of a pixel would change the answer, snapping to 1/16 pixel may change it too.
    around = [oracle.cover(clip, faces, size, shift) for shift in ((0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1))]
    clear = torch.stack([near == wanted for near in around]).all(0)
    assert clear.float().mean() > 0.7
    assert torch.equal(seen[clear], wanted[clear].float())


def test_fragments_and_gradients_match_the_oracle(warp, device):
    clip, faces = soup(10, seed=2)
    size = (36, 28)
    attributes = torch.randn(2, clip.shape[1], 3, generator=torch.Generator().manual_seed(0))
    leaf, values_leaf = clip.to(device).requires_grad_(), attributes.to(device).requires_grad_()
    fragments = warp.rasterize(leaf, faces.to(device), size)
    got = (*warp.interpolate(values_leaf, fragments, faces.to(device), True), fragments.rast[..., :2])
    clip64, attributes64 = clip.double().requires_grad_(), attributes.double().requires_grad_()
    seen = fragments.rast[..., 3].detach().cpu()
    uv, slopes = oracle.shade(clip64, faces, seen)
    wanted = (*oracle.interpolate(attributes64, faces, seen, uv, slopes), uv)
    # Pixels whose clamped weights differ from the true ones are left out: the clamp carries no gradient.
    inner = ((uv > 0.02).all(-1) & (uv.sum(-1) < 0.98) & (seen > 0)).unsqueeze(-1)
    generator = torch.Generator().manual_seed(1)
    loss = expected = 0
    for g, w in zip(got, wanted, strict=True):
        assert torch.allclose(g.cpu().double() * inner, w * inner, rtol=1e-3, atol=1e-3 * w.abs().mean().item())
        cotangent = torch.randn(w.shape, generator=generator).double() * inner
        loss = loss + (g.cpu().double() * cotangent).sum()
        expected = expected + (w * cotangent).sum()
    gradients = torch.autograd.grad(loss, (leaf, values_leaf))
    for g, w in zip(gradients, torch.autograd.grad(expected, (clip64, attributes64)), strict=True):
        assert (g.cpu().double() - w).norm() < 1e-4 * w.norm()


def test_the_oracle_s_gradients_are_true():
    clip, faces = soup(4, seed=3, batch=1)
    seen = oracle.cover(clip, faces, (10, 10))
    attributes = torch.randn(1, clip.shape[1], 2, dtype=torch.float64, requires_grad=True)

    def draw(clip, attributes):
        return oracle.interpolate(attributes, faces, seen, *oracle.shade(clip, faces, seen))

    assert torch.autograd.gradcheck(draw, (clip.double().requires_grad_(), attributes), atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_sheets_have_no_gaps_and_no_overlaps(warp, device, seed):
    """Every pixel of a sheet is drawn, and drawn by one triangle whatever the order of the triangles."""
    clip, faces = grid(9, seed)
    clip[..., :2] = (clip[..., :2] * 64).round() / 64  # many corners and edges exactly on pixel centres
    forwards = warp.rasterize(clip.to(device), faces.to(device), (64, 64)).rast[..., 3]
    backwards = warp.rasterize(clip.to(device), faces.flip(0).contiguous().to(device), (64, 64)).rast[..., 3]
    assert (forwards > 0).all()
    assert torch.equal(forwards, len(faces) + 1 - backwards)


def test_degenerate_and_broken_triangles_draw_nothing(warp, device):
    clip = torch.tensor(
        [[[0.0, 0, 0, 1], [0.5, 0.5, 0, 1], [-0.5, -0.5, 0, 1], [torch.nan, 0, 0, 1], [0.5, -0.5, 0, 1]]]
    )
    clip = torch.cat([clip, torch.tensor([[[torch.inf, 0, 0, 1], [0, 0, 0, 0]]])], 1)
    faces = torch.tensor([[0, 1, 2], [0, 0, 1], [3, 1, 4], [5, 1, 4], [6, 6, 6]], dtype=torch.int32)
    leaf = clip.to(device).requires_grad_()
    fragments = warp.rasterize(leaf, faces.to(device), (16, 16))
    assert (fragments.rast == 0).all() and (fragments.derivatives == 0).all()
    (gradient,) = torch.autograd.grad(fragments.rast.sum() + fragments.derivatives.sum(), leaf)
    assert (gradient == 0).all()


@pytest.mark.parametrize("shift", [(3.0, 0.0), (0.0, -3.0), (1e6, 1e6)])
def test_what_lies_off_screen_draws_nothing(warp, device, shift):
    clip, faces = soup(5, seed=4)
    clip[..., :2] += torch.tensor(shift) * clip[..., 3:]
    assert (warp.rasterize(clip.to(device), faces.to(device), (16, 24)).rast == 0).all()


def test_a_triangle_larger_than_the_world_fills_the_picture(warp, device):
    clip = torch.tensor([[[-1e4, -1e4, 0, 1], [3e4, -1e4, 0, 1], [-1e4, 3e4, 0, 1]]], device=device)
    rast = warp.rasterize(clip, torch.tensor([[0, 1, 2]], dtype=torch.int32, device=device), (20, 30)).rast
    assert (rast[..., 3] == 1).all()


def test_a_floor_under_the_camera_is_clipped_at_the_near_plane(warp, device):
    """A floor that passes under and behind the camera fills exactly the rows below the horizon."""
    near, far = 0.1, 10.0
    points = torch.tensor([[-50.0, -1, -9], [50, -1, -9], [50, -1, 9], [-50, -1, 9]])
    depth = -points[:, 2]
    z = (far + near) / (far - near) * depth - 2 * far * near / (far - near)
    clip = torch.stack([points[:, 0], -points[:, 1], z, depth], 1)[None].to(device)
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]], dtype=torch.int32, device=device)
    rast = warp.rasterize(clip, faces, (32, 16)).rast[0]
    y = (2 * torch.arange(32, device=device) + 1) / 32 - 1
    assert torch.equal(rast[..., 3] > 0, (y > 1 / 9).unsqueeze(1).expand(32, 16))
    expected = (far + near) / (far - near) - 2 * far * near / (far - near) * y[y > 1 / 9]
    assert torch.allclose(rast[y > 1 / 9, :, 2], expected.unsqueeze(1).expand(-1, 16), atol=1e-5)


def test_equal_depth_goes_to_the_later_triangle(warp, device):
    clip = torch.tensor([[[-1.0, -1, 0.5, 1], [1, -1, 0.5, 1], [0, 1, 0.5, 1]]], device=device)
    faces = torch.tensor([[0, 1, 2], [1, 2, 0]], dtype=torch.int32, device=device)
    seen = warp.rasterize(clip, faces, (16, 16)).rast[..., 3]
    assert set(seen.unique().tolist()) == {0.0, 2.0}


def test_more_threads_draw_the_same(warp, monkeypatch):
    monkeypatch.setattr(runtime, "LEAST_WORK", 10)
    clip, faces = soup(40, seed=5, batch=3)
    attributes = torch.randn(1, clip.shape[1], 2)
    texture = torch.rand(1, 32, 32, 3)
    before = torch.get_num_threads()

    def everything():
        leaves = [t.clone().requires_grad_() for t in (clip, attributes, texture)]
        fragments = warp.rasterize(leaves[0], faces, (96, 128))
        place, slopes = warp.interpolate(leaves[1], fragments, faces, True)
        image = warp.antialias(warp.sample(leaves[2], place, slopes, fragments), fragments, leaves[0], faces)
        return image, torch.autograd.grad(image.square().sum(), leaves)

    try:
        torch.set_num_threads(1)
        image, gradients = everything()
        torch.set_num_threads(4)
        image4, gradients4 = everything()
    finally:
        torch.set_num_threads(before)
    assert torch.equal(image, image4)
    for a, b in zip(gradients, gradients4, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4 * a.abs().max().item())


def test_errors_name_the_argument(warp):
    clip, faces = soup(2, seed=0)
    fragments = warp.rasterize(clip, faces, (8, 8), derivatives=False)
    assert fragments.derivatives is None
    with pytest.raises(ValueError, match="clip: expected shape"):
        warp.rasterize(clip[..., :3], faces, (8, 8))
    with pytest.raises(TypeError, match="clip: expected float32, got torch.float64"):
        warp.rasterize(clip.double(), faces, (8, 8))
    with pytest.raises(TypeError, match="faces: expected int32, got torch.int64"):
        warp.rasterize(clip, faces.long(), (8, 8))
    with pytest.raises(ValueError, match="size: "):
        warp.rasterize(clip, faces, (0, 8))
    with pytest.raises(ValueError, match="fragments: expected derivatives"):
        warp.interpolate(clip, fragments, faces, derivatives=True)
    with pytest.raises(ValueError, match="attributes: expected a batch of 1 or 2, got 3"):
        warp.interpolate(clip[:1].repeat(3, 1, 1), fragments, faces)
