"""Light: where it comes from, that seams do not show in it, and that it has gradients."""

import pytest
import torch
from scenes import sphere

from clipface.bake.head_fit import shading, white_light
from clipface.render import Light, Renderer, vertex_normals, view
from clipface.render.light import harmonic_light, sky, turned


@pytest.fixture
def ball(device):
    vertices, faces, uv, uv_faces = sphere(24, 40)
    gloss = (vertices[:, 2] > 0.08).float()
    return vertices.to(device)[None], Renderer(faces, uv, uv_faces, gloss=gloss).to(device)


def _draw(ball, light, size=64, yaw=0.0):
    vertices, renderer = ball
    texture = torch.full((1, 3, 16, 16), 0.5, device=vertices.device)
    camera = view(torch.tensor([yaw]), torch.zeros(1), 1.4).to(vertices.device)
    return renderer(vertices, texture, camera, size, 0.0, light=light)


@pytest.mark.parametrize("shading", ["sh", "studio"])
def test_light_comes_from_where_it_is_turned_to(ball, shading):
    # The studio's key lamp stands on the left already; further round, the other lamps outshine it.
    turns = (-70.0, 70.0) if shading == "sh" else (0.0, 75.0)
    left, right = (_draw(ball, Light(shading, turn=turn)).image[0].mean(0) for turn in turns)
    assert left[:, :32].sum() > 1.1 * left[:, 32:].sum()
    assert right[:, 32:].sum() > 1.1 * right[:, :32].sum()


@pytest.mark.parametrize("shading", ["sh", "studio"])
def test_a_seam_of_the_texture_does_not_show(ball, shading):
    row = _draw(ball, Light(shading, eyes=False), yaw=180.0).image[0, 0, 32]  # the seam is in the middle of this view
    inside = row[24:40]
    assert inside.min() > 0.05
    assert inside.diff().diff().abs().max() < 0.02


def test_an_even_white_environment_changes_nothing(ball):
    even = torch.zeros(1, 9, 3, device=ball[0].device)
    even[:, 0] = white_light(1)[:, 0].to(even)
    plain, lit = _draw(ball, Light()), _draw(ball, Light("sh", even))
    assert torch.allclose(plain.image, lit.image, atol=1e-5)
    assert torch.equal(plain.mask, lit.mask)


def test_harmonics_are_those_of_fitted_photographs():
    normals = torch.nn.functional.normalize(torch.randn(2, 50, 3), dim=2)
    light = torch.randn(2, 9, 3)
    assert torch.allclose(harmonic_light(normals, light), shading(normals, light).clamp(min=0), atol=1e-5)


def test_turning_is_a_rotation():
    assert torch.allclose(turned(torch.tensor([0.0, 0.0, 1.0]), 90.0), torch.tensor([1.0, 0.0, 0.0]), atol=1e-6)
    vectors = torch.randn(20, 3)
    assert torch.allclose(turned(turned(vectors, 33.0), -33.0), vectors, atol=1e-6)


def test_eyes_mirror_the_lamps(ball):
    shining, matt = (_draw(ball, Light("studio", eyes=eyes)).image for eyes in (True, False))
    added = (shining - matt)[0].mean(0)
    assert added.max() > 0.2 and added.min() >= -1e-6
    assert (added > 0.05).float().mean() < 0.05


@pytest.mark.parametrize("shading", ["sh", "studio"])
def test_gradients_reach_vertices_texture_and_light(ball, shading):
    vertices, renderer = ball
    leaves = [vertices.clone(), torch.rand(1, 3, 16, 16, device=vertices.device), sky(vertices.device)]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    camera = view(torch.tensor([20.0]), torch.zeros(1)).to(vertices.device)
    image = renderer(leaves[0], leaves[1], camera, 48, light=Light(shading, leaves[2])).image
    used = leaves if shading == "sh" else leaves[:2]
    for gradient in torch.autograd.grad(image.square().sum(), used):
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_the_renderer_s_own_shading_is_what_a_call_leaves_out(ball):
    vertices, faces, uv, uv_faces = sphere(24, 40)
    made = Renderer(faces, uv, uv_faces, shading="studio", supersample=2).to(ball[0].device)
    camera = view(torch.zeros(1), torch.zeros(1), 1.4).to(ball[0].device)
    texture = torch.full((1, 3, 16, 16), 0.5, device=ball[0].device)
    asked = ball[1](ball[0], texture, camera, 64, 0.0, supersample=2, light=Light("studio", eyes=False)).image
    assert torch.equal(made(ball[0], texture, camera, 64, 0.0).image, asked)


def test_errors_name_the_argument(ball):
    vertices, faces, uv, uv_faces = sphere(4, 6)
    with pytest.raises(ValueError, match="shading: expected one of unlit, sh, studio, got 'disco'"):
        Renderer(faces, uv, uv_faces, shading="disco")
    with pytest.raises(ValueError, match="shading: expected one of"):
        _draw(ball, Light("disco"))
    with pytest.raises(ValueError, match="light.harmonics: expected a batch of 1, got 2"):
        _draw(ball, Light("sh", torch.zeros(2, 9, 3)))
    camera = view(torch.zeros(1), torch.zeros(1)).to(ball[0].device)
    with pytest.raises(ValueError, match="texture: expected 3 channels with light, got 1"):
        ball[1](ball[0], torch.rand(1, 1, 8, 8, device=ball[0].device), camera, 16, light=Light("sh"))
    with pytest.raises(ValueError, match="supersample: expected a whole number of at least 1, got 0"):
        Renderer(faces, uv, uv_faces, supersample=0)


def test_normals_are_smooth_across_the_seam(device):
    vertices, faces, _, _ = sphere(24, 40)
    normals = vertex_normals(vertices[None].to(device), faces.to(device))[0].cpu()
    seam = vertices[:, 0].abs().lt(1e-6) & (vertices[:, 2] > 0)
    used = torch.zeros(len(vertices), dtype=torch.bool).index_fill(0, faces.unique().long(), True) & seam
    outward = torch.nn.functional.normalize(vertices, dim=1)
    assert used.any() and ((normals * outward).sum(1)[used] > 0.999).all()
