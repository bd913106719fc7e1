"""Random scenes (hypothesis) on Warp against plain float64 NumPy, and what must hold for every scene."""

import numpy as np
import numpy_oracle
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import grid, soup, sphere, tangle
from torch.autograd import Function

from clipface.render.rasterize import backend
from clipface.render.rasterize.warp import compose, interpolate, paint, rasterize, runtime
from clipface.render.rasterize.warp.antialias import blend
from clipface.render.rasterize.warp.texture import sample

FEW = settings(max_examples=30, deadline=None, derandomize=True)
SEEDS = st.integers(0, 10**6)
SIZES = st.tuples(st.integers(1, 48), st.integers(1, 48))


@FEW
@given(seed=SEEDS, count=st.integers(1, 12), size=SIZES)
def test_fragments_and_values(seed, count, size):
    warp = backend("warp")
    clip, faces = tangle(count, seed)
    values = torch.randn(1, clip.shape[1], 3, generator=torch.Generator().manual_seed(seed))
    fragments = warp.rasterize(clip, faces, size)
    drawn = warp.interpolate(values, fragments, faces)[0][0].numpy()
    rast = fragments.rast[0].numpy()
    seen = numpy_oracle.draw(clip[0].numpy(), faces.numpy(), size)
    clear = seen.clear
    assert np.array_equal(rast[..., 3][clear], seen.face[clear])
    wanted = numpy_oracle.interpolate(seen, values[0].double().numpy(), faces.numpy())
    covered = clear & (seen.face > 0)
    if covered.any():
        assert np.abs(rast[..., :2] - seen.weights[..., :2])[covered].max() < 2e-3
        assert np.abs(rast[..., 2] - seen.depth)[covered].max() < 1e-4
        assert np.abs(drawn - wanted)[covered].max() < 1e-2
        assert np.median(np.abs(drawn - wanted)[covered]) < 1e-5
    assert (drawn[rast[..., 3] == 0] == 0).all()


@FEW
@given(
    seed=SEEDS,
    shape=st.sampled_from([(16, 16), (8, 32), (1, 4), (12, 20), (7, 5)]),
    channels=st.integers(1, 6),
    wraps=st.booleans(),
)
def test_texture(seed, shape, channels, wraps):
    random = np.random.default_rng(seed)
    texture = random.random((*shape, channels))
    uv = random.random((3, 4, 2)) * 3 - 1
    slopes = (random.random((3, 4, 4)) - 0.5) * 2.0 ** random.uniform(-9, 1, (3, 4, 1))
    tensors = [torch.from_numpy(a[None]).float() for a in (texture, uv, slopes)]
    got = backend("warp").sample(*tensors, boundary="wrap" if wraps else "clamp")[0].numpy()
    for y in range(3):
        for x in range(4):
            wanted = numpy_oracle.look_up(texture, uv[y, x], slopes[y, x], wraps)
            assert np.abs(got[y, x] - wanted).max() < 2e-4


@FEW
@given(seed=SEEDS, cells=st.integers(1, 40), size=SIZES, snapped=st.booleans())
def test_sheets_are_watertight(seed, cells, size, snapped):
    """Every pixel is drawn, and by one triangle whatever the order: no gap and no overlap."""
    warp = backend("warp")
    clip, faces = grid(cells, seed)
    if snapped:
        clip[..., :2] = (clip[..., :2] * 32).round() / 32
    forwards = warp.rasterize(clip, faces, size, False).rast[..., 3]
    backwards = warp.rasterize(clip, faces.flip(0).contiguous(), size, False).rast[..., 3]
    assert (forwards > 0).all()
    assert torch.equal(forwards, len(faces) + 1 - backwards)


@FEW
@given(seed=SEEDS, count=st.integers(1, 30), size=SIZES)
def test_orientation_and_order_change_nothing(seed, count, size):
    warp = backend("warp")
    clip, faces = soup(count, seed)
    rast = warp.rasterize(clip, faces, size, False).rast
    turned = warp.rasterize(clip, faces[:, [1, 0, 2]].contiguous(), size, False).rast
    assert torch.equal(rast[..., 3], turned[..., 3])
    assert torch.allclose(rast[..., 0], turned[..., 1], atol=2e-3)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    shuffled = warp.rasterize(clip, faces[order].contiguous(), size, False).rast
    covered = rast[..., 3] > 0
    assert torch.equal(covered, shuffled[..., 3] > 0)
    assert torch.equal(order[shuffled[..., 3][covered].long() - 1] + 1, rast[..., 3][covered].long())


@FEW
@given(seed=SEEDS, count=st.integers(1, 10), depth=st.floats(-1.5, 0.5))
def test_nothing_is_drawn_beyond_the_view_volume(seed, count, depth):
    """Triangles partly behind the camera: what is drawn lies on their planes, within the depth range."""
    clip, faces = soup(count, seed)
    clip[..., 3] += depth
    clip.requires_grad_()
    rast = backend("warp").rasterize(clip, faces, (24, 32)).rast
    assert rast.isfinite().all() and rast[..., 2].abs().max() <= 1
    (gradient,) = torch.autograd.grad(rast[..., :2].sum(), clip)
    assert gradient.isfinite().all()


@FEW
@given(seed=SEEDS, follow=st.booleans())
def test_blending_keeps_colours_in_their_range(seed, follow):
    warp = backend("warp")
    clip, faces = soup(8, seed)
    fragments = warp.rasterize(clip, faces, (32, 24))
    image = torch.rand(2, 32, 24, 4, generator=torch.Generator().manual_seed(seed))
    blended = warp.antialias(image, fragments, clip, faces, follow=follow)
    constant = warp.antialias(torch.full_like(image, 0.3), fragments, clip, faces, follow=follow)
    assert torch.allclose(constant, torch.tensor(0.3), atol=1e-6)
    assert blended.min() > -1.01 and blended.max() < 2.01  # four neighbours each give at most half their difference


def test_a_batch_of_different_meshes_of_one_topology():
    warp = backend("warp")
    vertices, faces, _, _ = sphere(10, 14, radius=0.6)
    shifts = torch.randn(5, len(vertices), 3, generator=torch.Generator().manual_seed(0)) * 0.03
    clip = torch.cat([vertices + shifts, torch.ones(5, len(vertices), 1)], 2)
    together = warp.rasterize(clip, faces, (33, 57))
    for i in range(5):
        alone = warp.rasterize(clip[i : i + 1], faces, (33, 57))
        assert torch.equal(alone.rast[0], together.rast[i])
        assert torch.equal(alone.derivatives[0], together.derivatives[i])


@pytest.mark.parametrize("size", [(4096, 4096), (1, 1), (1, 3000), (3000, 1)])
def test_one_triangle_at_any_size(warp, device, size):
    clip = torch.tensor([[[-1.0, -1, 0, 1], [1, -1, 0, 1], [-1, 1, 0, 1]]], device=device)
    rast = warp.rasterize(clip, torch.tensor([[0, 1, 2]], dtype=torch.int32, device=device), size, False).rast
    height, width = size
    share = (rast[..., 3] > 0).float().mean().item()
    assert abs(share - 0.5) <= 0.5 / min(height, width) + 1e-6
    row = rast[0, 0]
    u = 1 - (torch.arange(width, device=device) + 0.5) / width - 0.5 / height
    inner = (row[:, 3] > 0) & (u > 0)
    assert torch.allclose(row[inner, 0], u[inner], atol=1e-5)


def test_a_million_triangles(warp, device):
    clip, faces = grid(708, seed=0)
    assert len(faces) > 1_000_000
    clip, faces = clip.to(device), faces.to(device)
    rast = warp.rasterize(clip, faces, (256, 256), False).rast
    assert (rast[..., 3] > 0).all() and len(rast[..., 3].unique()) > 60_000


def test_backward_on_the_cpu_is_deterministic(warp):
    clip, faces = soup(40, seed=5, batch=3)
    texture = torch.rand(1, 32, 32, 3)
    uv = torch.rand(clip.shape[1], 2)

    def gradients():
        leaves = [t.clone().requires_grad_() for t in (clip, texture)]
        colour, fragments = warp.paint(leaves[0], faces, (160, 160), uv, faces, leaves[1])
        image = warp.antialias(colour, fragments, leaves[0], faces, follow=True)
        return torch.autograd.grad(image.square().sum(), leaves)

    for a, b in zip(gradients(), gradients(), strict=True):
        assert torch.equal(a, b)


def test_a_backward_pass_can_be_done_elsewhere():
    """What a backward pass is given in place of its context, when it must be reproducible on CUDA, is all it needs."""
    seen = []

    class Scaled(Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            ctx.save_for_backward(x, None)
            return x * x * factor

        @staticmethod
        def backward(ctx, g):
            copy = runtime._OnCpu(ctx)
            seen.append(copy.needs_input_grad)
            x, nothing = copy.saved_tensors
            assert nothing is None
            return 2 * x * copy.factor * g, None

    x = torch.rand(3, requires_grad=True)
    (gradient,) = torch.autograd.grad(Scaled.apply(x, 5.0).sum(), x)
    assert torch.equal(gradient, 10 * x) and seen == [(True, False)]


def test_tiles_cover_every_pixel_once(monkeypatch):
    """The order in which CUDA's threads take the pixels, tried on the CPU: everything comes out the same."""
    vertices, faces, uv, uv_faces = sphere(12, 20, radius=0.7)
    clip = torch.cat([vertices, torch.ones(len(vertices), 1)], 1).repeat(2, 1, 1)
    texture, cotangent = torch.rand(1, 32, 32, 3), torch.randn(2, 3, 20, 56)

    def step():
        leaves = [t.clone().requires_grad_() for t in (clip, texture)]
        drawn, fragments = backend("warp").paint(leaves[0], faces, (20, 56), uv, uv_faces, leaves[1])
        drawn = backend("warp").antialias(drawn, fragments, leaves[0], faces, follow=True)
        image, mask = backend("warp").compose(drawn, torch.rand(1, 3, 1, 1, generator=torch.Generator().manual_seed(0)))
        return image, mask, *torch.autograd.grad(image, leaves, cotangent)

    def launch_tiles(kernel, rows, width, arguments, device):
        assert rows % runtime.TILE_HEIGHT == 0 and width % runtime.TILE_WIDTH == 0
        values = [a.part(0) if isinstance(a, runtime.ThreadBuffer) else a for a in arguments]
        runtime.recorded(kernel, (rows * width,), device)([runtime.TILES, *values], None)

    usual = step()
    for module in (blend, compose, interpolate, paint, rasterize, sample):
        monkeypatch.setattr(module, "launch_pixels", launch_tiles)
    for a, b in zip(usual, step(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4 * a.abs().max().item())
