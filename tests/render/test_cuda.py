"""What only CUDA can show: graphs, streams, sizes that cannot be cut into tiles, and agreement with the CPU."""

import pytest
import torch
from scenes import sphere

from clipface.render import Renderer, view
from clipface.render.rasterize.warp import runtime

pytestmark = pytest.mark.cuda


def _ball(device, batch=2):
    vertices, faces, uv, uv_faces = sphere(24, 40)
    vertices = vertices[None] * torch.linspace(0.8, 1.1, batch).view(-1, 1, 1)
    camera = view(torch.linspace(-20, 30, batch), torch.zeros(batch))
    texture = torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    renderer = Renderer(faces, uv, uv_faces).to(device)
    return renderer, vertices.to(device), texture.to(device), camera.to(device)


def _step(renderer, vertices, texture, camera, size, cotangent):
    image = renderer(vertices, texture, camera, size).image
    return image, *torch.autograd.grad(image, (vertices, texture), cotangent)


@pytest.fixture
def cpu_kernels():
    """Skips where Warp was installed without its compiler for the CPU."""
    try:
        _ball("cpu")[0](*_ball("cpu")[1:], 8)
    except Exception as error:  # whatever Warp raises
        pytest.skip(f"no kernels for the CPU on this machine: {error}")


@pytest.mark.parametrize("size", [(64, 96), (33, 47), (8, 8), (5, 64), (12, 20)])
def test_cuda_draws_what_the_cpu_draws(cpu_kernels, size):
    results = []
    for device in ("cpu", "cuda"):
        renderer, vertices, texture, camera = _ball(device)
        cotangent = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1)).to(device)
        results.append(_step(renderer, vertices.requires_grad_(), texture.requires_grad_(), camera, size, cotangent))
    for a, b in zip(*results, strict=True):
        # A pixel whose centre lies on an edge may fall to another triangle: the GPU contracts multiply-adds.
        assert (a - b.cpu()).norm() < 2e-2 * a.norm()


@pytest.mark.parametrize("size", [(64, 96), (8, 8), (12, 40)])
def test_tiles_and_rows_draw_the_same(monkeypatch, size):
    results = []
    for tile_width in (runtime.TILE_WIDTH, 10**6):  # no image can be cut into tiles as wide as that
        monkeypatch.setattr(runtime, "TILE_WIDTH", tile_width)
        renderer, vertices, texture, camera = _ball("cuda")
        cotangent = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1)).cuda()
        results.append(_step(renderer, vertices.requires_grad_(), texture.requires_grad_(), camera, size, cotangent))
    assert torch.equal(results[0][0], results[1][0])
    for a, b in zip(*results, strict=True):
        assert (a - b).norm() < 1e-3 * a.norm()


def test_a_step_is_captured_in_a_graph():
    renderer, vertices, texture, camera = _ball("cuda")
    inputs = (vertices.requires_grad_(), texture.requires_grad_(), camera, (64, 64))
    cotangent = torch.randn(2, 3, 64, 64, device="cuda")
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            _step(renderer, *inputs, cotangent)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = _step(renderer, *inputs, cotangent)
    with torch.no_grad():
        vertices.mul_(0.9)
        texture.copy_(texture.flip(0))
    graph.replay()
    torch.cuda.synchronize()
    for a, b in zip(captured, _step(renderer, *inputs, cotangent), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4 * b.abs().max().item())


def test_a_step_never_waits_for_the_device():
    renderer, vertices, texture, camera = _ball("cuda")
    inputs = (vertices.requires_grad_(), texture.requires_grad_(), camera, (64, 64))
    cotangent = torch.randn(2, 3, 64, 64, device="cuda")
    _step(renderer, *inputs, cotangent)
    torch.cuda.set_sync_debug_mode("error")
    try:
        _step(renderer, *inputs, cotangent)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_forward_is_deterministic():
    renderer, vertices, texture, camera = _ball("cuda", batch=4)
    first = renderer(vertices, texture, camera, 128)
    for _ in range(5):
        again = renderer(vertices, texture, camera, 128)
        assert torch.equal(first.image, again.image) and torch.equal(first.mask, again.mask)


def test_backward_is_deterministic_if_asked_to_be():
    renderer, vertices, texture, camera = _ball("cuda", batch=4)
    inputs = (vertices.requires_grad_(), texture.requires_grad_(), camera, (128, 128))
    cotangent = torch.randn(4, 3, 128, 128, device="cuda")
    usual = _step(renderer, *inputs, cotangent)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        first, again = (_step(renderer, *inputs, cotangent) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    for a, b, c in zip(first, again, usual, strict=True):
        assert torch.equal(a, b)
        assert (a - c).norm() < 1e-3 * c.norm()
