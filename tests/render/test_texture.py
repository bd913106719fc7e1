"""Texture look-up on Warp against the oracle."""

from types import SimpleNamespace

import oracle
import pytest
import torch
from scenes import soup, sphere

from clipface.render.rasterize import nvdiffrast_backend
from clipface.render.rasterize.interface import MIP_LEVEL_BIAS, mip_levels

CASES = {
    "square, wrap": ((16, 16), "wrap"),
    "square, clamp": ((16, 16), "clamp"),
    "flat, wrap": ((4, 32), "wrap"),
    "one texel high, clamp": ((1, 8), "clamp"),
    "odd after a halving, wrap": ((12, 20), "wrap"),
}


def _look(height, width, seed=0):
    """Texture, places and footprints from far below one texel to beyond the whole texture."""
    generator = torch.Generator().manual_seed(seed)
    texture = torch.rand(2, height, width, 5, generator=generator)
    uv = torch.rand(2, 9, 13, 2, generator=generator) * 3 - 1
    size = torch.exp2(torch.rand(2, 9, 13, 1, generator=generator) * 9 - 8)
    slopes = (torch.rand(2, 9, 13, 4, generator=generator) - 0.5) * size
    return texture, uv, slopes


@pytest.mark.parametrize(("trilinear", "bias"), [(True, 0.0), (True, MIP_LEVEL_BIAS), (True, 1.5), (False, 0.0)])
@pytest.mark.parametrize("case", CASES)
def test_colours_and_gradients_match_the_oracle(warp, device, case, trilinear, bias):
    (height, width), boundary = CASES[case]
    inputs = _look(height, width) if trilinear else _look(height, width)[:2]
    leaves = [t.to(device).requires_grad_() for t in inputs]
    got = warp.sample(*leaves, boundary=boundary, mip_level_bias=bias)
    slow = [t.double().requires_grad_() for t in inputs]
    levels = len(mip_levels(height, width))
    wanted = oracle.sample(slow[0], slow[1], slow[2] if trilinear else None, boundary, levels, bias)
    assert torch.allclose(got.cpu().double(), wanted, atol=2e-5)
    cotangent = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(1))
    gradients = torch.autograd.grad(got, leaves, cotangent.to(device))
    expected = torch.autograd.grad(wanted, slow, cotangent.double())
    for name, a, b in zip(("texture", "uv", "slopes"), gradients, expected, strict=False):
        # A point that float32 puts on the other side of a texel's centre has another slope: a few may differ.
        close = torch.isclose(a.cpu().double(), b, rtol=1e-3, atol=1e-3 * b.abs().mean().item())
        assert close.float().mean() > 0.995, name


def test_levels_end_where_a_side_cannot_be_halved():
    assert mip_levels(8, 8) == [(8, 8), (4, 4), (2, 2), (1, 1)]
    assert mip_levels(2, 8) == [(2, 8), (1, 4), (1, 2), (1, 1)]
    assert mip_levels(12, 20) == [(12, 20), (6, 10), (3, 5)]
    assert mip_levels(7, 8) == [(7, 8)]
    assert len(mip_levels(4096, 4096)) == 10


def test_a_bias_is_footprints_of_another_size(run):
    rasterizer, device = run
    texture, uv, slopes = (t.to(device) for t in _look(16, 16))
    for bias in (MIP_LEVEL_BIAS, -2.0, 1.0):
        scaled = rasterizer.sample(texture, uv, slopes * 2**bias)
        assert torch.allclose(rasterizer.sample(texture, uv, slopes, mip_level_bias=bias), scaled, atol=1e-4)
        assert (rasterizer.sample(texture, uv, slopes) - scaled).abs().max() > 0.1


def test_nvdiffrast_is_given_a_bias_for_each_pixel(monkeypatch):
    """On any machine: the library itself needs CUDA, where the test above compares its images."""
    given = {}
    library = SimpleNamespace(texture=lambda texture, uv, **options: given.update(options) or texture)
    monkeypatch.setattr(nvdiffrast_backend, "_library", lambda: library)
    texture, uv, slopes = _look(16, 16)
    nvdiffrast_backend.sample(texture, uv, slopes, mip_level_bias=MIP_LEVEL_BIAS)
    assert torch.equal(given["mip_level_bias"], torch.full((2, 9, 13), MIP_LEVEL_BIAS))
    nvdiffrast_backend.sample(texture, uv, slopes)
    assert given["mip_level_bias"] is None


def test_a_shared_texture_gathers_every_picture_s_gradient(warp, device):
    texture, uv, slopes = (t.to(device) for t in _look(16, 16))
    shared = texture[:1].clone().requires_grad_()
    copied = texture[:1].repeat(2, 1, 1, 1).requires_grad_()
    a, b = warp.sample(shared, uv, slopes), warp.sample(copied, uv, slopes)
    assert torch.equal(a, b)
    (g,) = torch.autograd.grad(a.square().sum(), shared)
    (h,) = torch.autograd.grad(b.square().sum(), copied)
    assert torch.allclose(g, h.sum(0, keepdim=True), rtol=1e-4, atol=1e-5)


def test_a_constant_texture_stays_constant_at_every_distance(warp, device):
    _, uv, slopes = (t.to(device) for t in _look(16, 16))
    colour = warp.sample(torch.full((1, 16, 16, 2), 0.3, device=device), uv, slopes * 100)
    assert torch.allclose(colour, torch.tensor(0.3, device=device), atol=1e-6)


@pytest.mark.parametrize("boundary", ["wrap", "clamp"])
def test_broken_coordinates_stay_inside_the_texture(warp, device, boundary):
    uv = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30, -1e30, 1.0, -1e-9, 0.0], device=device)
    uv = torch.stack([uv, uv.flip(0)], -1)[None, None]
    slopes = torch.full((1, 1, 8, 4), torch.nan, device=device)
    colour = warp.sample(torch.rand(1, 8, 8, 1, device=device), uv, slopes, boundary=boundary)
    assert colour.isfinite().all()


def test_errors_name_the_argument(warp):
    texture, uv, _ = _look(8, 8)
    with pytest.raises(ValueError, match="boundary: expected 'wrap' or 'clamp', got 'mirror'"):
        warp.sample(texture, uv, boundary="mirror")
    with pytest.raises(ValueError, match="texture: expected a batch of 1 or 2, got 3"):
        warp.sample(texture[:1].repeat(3, 1, 1, 1), uv)


@pytest.mark.parametrize("channels", [1, 3, 4, 6])
def test_a_coverage_channel_is_appended(warp, device, channels):
    clip, faces = (t.to(device) for t in soup(6, seed=3))
    fragments = warp.rasterize(clip, faces, (24, 16))
    texture, uv, slopes = (t.to(device) for t in _look(16, 16))
    texture = torch.rand(2, 16, 16, channels, device=device)
    uv, slopes = uv[:, :8, :8].repeat(1, 3, 2, 1).contiguous(), slopes[:, :8, :8].repeat(1, 3, 2, 1).contiguous()
    plain = warp.sample(texture, uv, slopes, fragments)
    covered = warp.sample(texture, uv, slopes, fragments, coverage=True)
    assert torch.equal(covered[..., :-1], plain)
    assert torch.equal(covered[..., -1], (fragments.rast[..., 3] > 0).float())
    with pytest.raises(ValueError, match="fragments: expected them with coverage=True"):
        warp.sample(texture, uv, slopes, coverage=True)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize(("shared", "bias"), [(True, 0.0), (False, MIP_LEVEL_BIAS)])
def test_painting_is_the_three_verbs_in_one(warp, device, channels, shared, bias):
    vertices, faces, uv, uv_faces = sphere(12, 20, radius=0.7)
    clip = torch.cat([vertices, torch.ones(len(vertices), 1)], 1).repeat(2, 1, 1)
    clip[1] *= torch.tensor([0.8, 1.1, 1.0, 1.3])
    texture = torch.rand(1 if shared else 2, channels, 32, 32).permute(0, 2, 3, 1)  # planes, as the renderer has them
    faces, uv, uv_faces = faces.to(device), uv.to(device), uv_faces.to(device)
    size = (40, 56)
    cotangent = torch.randn(2, *size, channels + 1, device=device)

    def paint(clip, texture):
        return warp.paint(clip, faces, size, uv, uv_faces, texture, "wrap", bias)

    def verbs(clip, texture):
        fragments = warp.rasterize(clip, faces, size)
        at, slopes = warp.interpolate(uv[None], fragments, uv_faces, derivatives=True)
        return warp.sample(texture, at, slopes, fragments, "wrap", True, bias), fragments

    results = []
    for function in (paint, verbs):
        leaves = [t.to(device).detach().requires_grad_() for t in (clip, texture)]
        colour, fragments = function(*leaves)
        results.append((colour, fragments.rast, *torch.autograd.grad(colour, leaves, cotangent)))
    for name, a, b in zip(("colour", "rast", "clip", "texture"), *results, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4 * b.abs().max().item()), name


def test_painting_gives_only_what_is_asked_for(warp, device):
    vertices, faces, uv, uv_faces = (t.to(device) for t in sphere(6, 9, radius=0.7))
    clip = torch.cat([vertices, torch.ones(len(vertices), 1, device=device)], 1)[None]
    texture = torch.rand(1, 16, 16, 3, device=device, requires_grad=True)
    colour, fragments = warp.paint(clip, faces, (16, 16), uv, uv_faces, texture)
    assert colour.requires_grad and not fragments.rast.requires_grad and fragments.derivatives is None
    (gradient,) = torch.autograd.grad(colour.sum(), texture)
    assert gradient.abs().sum() > 0
    with pytest.raises(ValueError, match="uv: expected constants"):
        warp.paint(clip, faces, (16, 16), uv.requires_grad_(), uv_faces, texture)
