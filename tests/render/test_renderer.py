"""The whole renderer: images are the right way up, gradients flow, and errors are clear."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from scenes import sphere

from clipface.render import Renderer, orthographic, vertex_normals, view
from clipface.render.camera import project
from clipface.render.rasterize import backend

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ball(device):
    vertices, faces, uv, uv_faces = sphere(24, 40)
    return vertices.to(device)[None], Renderer(faces, uv, uv_faces).to(device)


def _front(device, batch=1):
    return view(torch.zeros(batch, device=device), torch.zeros(batch, device=device))


def test_a_texture_is_drawn_as_its_png(device):
    """A card that fills the image shows its texture pixel for pixel: row 0 on top, nothing mirrored."""
    vertices = torch.tensor([[[-1.0, 1, 0], [-1, -1, 0], [1, -1, 0], [1, 1, 0]]], device=device)
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    uv = torch.tensor([[0.0, 1], [0, 0], [1, 0], [1, 1]])
    renderer = Renderer(faces, uv, faces).to(device)
    camera = orthographic(torch.ones(1, device=device), torch.zeros(1, 2, device=device))
    texture = torch.rand(1, 3, 8, 12, device=device)
    drawn = renderer(vertices, texture, camera, (8, 12))
    assert torch.allclose(drawn.image, texture, atol=1e-5)
    assert (drawn.mask == 1).all()


def test_an_oblique_texture_stays_sharp_whatever_the_light(device):
    """Stripes across a card that is turned away by 60 degrees: the rasteriser's plain look-up blurs them."""
    vertices = torch.tensor([[[-0.5, 1, -0.87], [-0.5, -1, -0.87], [0.5, -1, 0.87], [0.5, 1, 0.87]]], device=device)
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    uv = torch.tensor([[0.0, 1], [0, 0], [1, 0], [1, 1]])
    renderer = Renderer(faces, uv, faces).to(device)
    camera = orthographic(torch.ones(1, device=device), torch.zeros(1, 2, device=device))
    stripes = (torch.arange(64, device=device) // 2 % 2).float().view(1, 1, 64, 1).expand(1, 3, 64, 64)
    image, mask = renderer(vertices, stripes, camera, 64, antialias=False)
    lit = renderer(vertices, stripes, camera, 64, antialias=False, light=torch.ones(1, 4, 3, device=device)).image
    texels, mesh = stripes.permute(0, 2, 3, 1), (renderer.faces, (64, 64), renderer.uv, renderer.uv_faces)
    plain = backend("warp").paint(project(vertices, camera), *mesh, texels, "clamp")[0][..., 0]
    inside = mask[0, 0] > 0
    assert torch.allclose(lit, image, atol=1e-5)
    assert image[0, 0][inside].std() > 1.5 * plain[0][inside].std()


def test_the_head_frame_is_the_right_way_round(ball, device):
    """A patch that is above and to the right on the head is so in the image."""
    vertices, renderer = ball
    corner = (vertices[..., 0] > 0.03) & (vertices[..., 1] > 0.03) & (vertices[..., 2] > 0)
    marked = (vertices * torch.where(corner, 1.0, 0.0).unsqueeze(-1)).clone()
    mask = renderer(marked, None, _front(device), 32).mask[0, 0]
    assert mask[:16, 16:].sum() > 10
    assert mask[17:].sum() + mask[:, :15].sum() < 2


def test_background_and_mask(ball, device):
    vertices, renderer = ball
    texture = torch.zeros(1, 3, 16, 16, device=device)
    back = torch.rand(1, 3, 48, 48, device=device)
    for antialias in (True, False):
        image, mask = renderer(vertices, texture, _front(device), 48, background=back, antialias=antialias)
        assert torch.allclose(image, (1 - mask) * back, atol=1e-6)
        assert mask.amin() == 0 and mask.amax() == 1
    assert (renderer(vertices, texture, _front(device), 48, background=0.25).image[0, :, 0, 0] == 0.25).all()


def test_light_multiplies_the_texture_and_has_a_gradient(ball, device):
    vertices, renderer = ball
    texture = torch.full((1, 3, 16, 16), 0.5, device=device)
    colour = torch.tensor([0.4, 1.0, 1.6], device=device)
    plain = renderer(vertices, texture, _front(device), 48, 0.0)
    lit = renderer(vertices, texture, _front(device), 48, 0.0, light=colour.expand(1, vertices.shape[1], 3))
    assert torch.allclose(lit.image, plain.image * colour.view(1, 3, 1, 1), atol=1e-5)
    light = vertices.detach()[..., :1].expand(-1, -1, 3).mul(5).add(1).clone().requires_grad_()
    image = renderer(vertices, texture, _front(device), 48, 0.0, light=light).image
    assert image[0, :, :, 30:].sum() > 1.2 * image[0, :, :, :18].sum()  # brighter on the right
    image.sum().backward()
    front = vertices[0, :, 2] > 0.05
    assert (light.grad[0, front] > 0).any(1).float().mean() > 0.7  # a vertex between pixels has none
    assert (light.grad[0, vertices[0, :, 2] < -0.05] == 0).all()
    with pytest.raises(ValueError, match="light"):
        renderer(vertices, texture, _front(device), 48, light=light[:, 1:])


def test_supersampling_averages_a_larger_picture(ball, device):
    vertices, renderer = ball
    texture, back = torch.rand(1, 3, 16, 16, device=device), torch.rand(1, 3, 24, 32, device=device)
    small = renderer(vertices, texture, _front(device), (24, 32), background=back, supersample=3)
    large = renderer(vertices, texture, _front(device), (72, 96), background=0.0)
    pool = torch.nn.functional.avg_pool2d
    assert torch.allclose(small.mask, pool(large.mask, 3), atol=1e-6)
    assert torch.allclose(small.image, pool(large.image, 3) + (1 - small.mask) * back, atol=1e-5)
    assert ((small.mask > 0.01) & (small.mask < 0.99)).sum() > 30
    with pytest.raises(ValueError, match="supersample: expected a whole number of at least 1, got 0"):
        renderer(vertices, texture, _front(device), 24, supersample=0)


def test_batches_and_broadcasts_agree_with_one_at_a_time(ball, device):
    vertices, renderer = ball
    vertices = torch.cat([vertices, vertices * 0.8, vertices * 1.1])
    textures = torch.rand(3, 3, 32, 32, device=device)
    cameras = view(torch.tensor([-20.0, 0, 30], device=device), torch.tensor([5.0, 0, -10], device=device))
    together = renderer(vertices, textures, cameras, (40, 56))
    clay = renderer(vertices, None, cameras[:1], (40, 56)).image
    for i in range(3):
        alone = renderer(vertices[i : i + 1], textures[i : i + 1], cameras[i : i + 1], (40, 56))
        assert torch.allclose(alone.image[0], together.image[i], atol=1e-6)
        assert torch.equal(alone.mask[0], together.mask[i])
        assert torch.allclose(renderer(vertices[i : i + 1], None, cameras[:1], (40, 56)).image[0], clay[i], atol=1e-5)
    shared = renderer(vertices, textures[:1], cameras, (40, 56)).image
    assert torch.allclose(shared[0], together.image[0], atol=1e-6)


def test_gradients_reach_everything(ball, device):
    vertices, renderer = ball
    leaves = [
        vertices.clone(),
        torch.rand(1, 3, 32, 32, device=device),
        view(torch.tensor([10.0], device=device), torch.zeros(1, device=device)),
        torch.rand(1, 3, 1, 1, device=device),
    ]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    image = renderer(leaves[0], leaves[1], leaves[2], 48, background=leaves[3]).image
    for gradient in torch.autograd.grad(image.square().sum(), leaves):
        assert gradient.isfinite().all() and gradient.abs().sum() > 0
    clay = renderer(leaves[0], None, leaves[2], 48).image
    (gradient,) = torch.autograd.grad(clay.square().sum(), leaves[0])
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_texture_descent_recovers_a_picture(ball, device):
    vertices, renderer = ball
    truth = torch.rand(1, 3, 8, 8, device=device)
    target = renderer(vertices, truth, _front(device), 48).image
    texture = torch.full_like(truth, 0.5, requires_grad=True)
    optimiser = torch.optim.Adam([texture], lr=0.1)
    for _ in range(60):
        loss = (renderer(vertices, texture, _front(device), 48).image - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 1e-4


def test_low_precision_input_is_drawn_in_float32(ball, device):
    vertices, renderer = ball
    texture = torch.rand(1, 3, 16, 16, device=device)
    full = renderer(vertices, texture.half().float(), _front(device), 32).image
    half = renderer(vertices, texture.half(), _front(device), 32).image
    assert half.dtype == torch.float32
    assert torch.equal(full, half)
    with torch.autocast(device.type, torch.bfloat16):
        assert torch.equal(full, renderer(vertices, texture.half(), _front(device), 32).image)


def test_clay_is_bright_where_it_faces_the_light_and_has_no_seam(ball, device):
    vertices, renderer = ball
    image = renderer(
        vertices, None, view(torch.tensor([180.0], device=device), torch.zeros(1, device=device)), 64
    ).image
    lit, dark = image[0, :, 22, 24].mean(), image[0, :, 42, 40].mean()
    assert lit - dark > 0.1  # the key light comes from the upper left
    row = image[0, 0, 32, 18:46]  # the texture's seam is in the middle of this view
    assert row.diff().diff().abs().max() < 0.02
    assert image.min() >= 0 and image.max() <= 1


def test_vertex_normals_point_outwards(device):
    vertices, faces, _, _ = sphere(24, 40)
    normals = vertex_normals(vertices[None].to(device), faces.to(device))[0].cpu()
    outward = torch.nn.functional.normalize(vertices, dim=1)
    used = faces.unique().long()
    assert ((normals * outward).sum(1)[used] > 0.99).all()


def test_errors_name_the_argument(ball, device):
    vertices, renderer = ball
    texture, camera = torch.rand(1, 3, 16, 16, device=device), _front(device)
    with pytest.raises(ValueError, match="vertices: expected shape"):
        renderer(vertices[0], texture, camera, 16)
    with pytest.raises(ValueError, match="vertices: expected at least .*, as the faces have, got 9"):
        renderer(vertices[:, :9], texture, camera, 16)
    with pytest.raises(ValueError, match="uv_faces: expected indices below 2"):
        Renderer(torch.tensor([[0, 1, 2]]), torch.rand(2, 2), torch.tensor([[0, 1, 2]]))
    with pytest.raises(ValueError, match="faces: expected indices from 0 on, got -1"):
        Renderer(torch.tensor([[0, 1, -1]]), torch.rand(3, 2), torch.tensor([[0, 1, 2]]))
    with pytest.raises(ValueError, match="camera: expected a batch of 1 or 3, got 2"):
        renderer(vertices.repeat(3, 1, 1), texture, camera.repeat(2, 1, 1), 16)
    with pytest.raises(ValueError, match="texture: expected a batch of 1, got 2"):
        renderer(vertices, texture.repeat(2, 1, 1, 1), camera, 16)
    with pytest.raises(ValueError, match="background: expected .*, got"):
        renderer(vertices, texture, camera, 16, background=torch.zeros(3, 16, 16, device=device))
    with pytest.raises(ValueError, match="backend: expected one of warp, nvdiffrast, got 'opengl'"):
        Renderer(torch.tensor([[0, 1, 2]]), torch.rand(3, 2), torch.tensor([[0, 1, 2]]), backend="opengl")


def test_a_broken_texture_is_refused_on_the_cpu():
    vertices, faces, uv, uv_faces = sphere(4, 6)
    texture = torch.rand(1, 3, 16, 16)
    texture[0, 0, 3, 3] = torch.nan
    with pytest.raises(ValueError, match="texture: expected finite numbers"):
        Renderer(faces, uv, uv_faces)(vertices[None], texture, _front("cpu"), 16)


def test_nvdiffrast_is_never_replaced_silently():
    if torch.cuda.is_available():
        pytest.skip("this machine may have nvdiffrast")
    vertices, faces, uv, uv_faces = sphere(4, 6)
    with pytest.raises((ImportError, ValueError), match="renderer=warp"):
        renderer = Renderer(faces, uv, uv_faces, backend="nvdiffrast")
        renderer(vertices[None], torch.rand(1, 3, 16, 16), _front("cpu"), 16)


def test_importing_the_renderer_loads_no_backend():
    code = (
        "import sys, torch, clipface.render, clipface.render.rasterize\n"
        "clipface.render.Renderer(torch.zeros(1, 3), torch.zeros(3, 2), torch.zeros(1, 3))\n"
        "assert not {'warp', 'nvdiffrast', 'nvdiffrast.torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
