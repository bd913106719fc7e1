"""Random faces: each is its own, however many are sampled, and domains never share one."""

import pytest
import torch

from clipface.edit.avatar import Avatar
from clipface.edit.sampling import Views, sample_faces, sample_latents
from clipface.head import load_head
from clipface.render import Renderer
from clipface.settings import Jitter
from clipface.texture.generator import TextureGenerator

VIEWS = Views(3, 30.0, 10.0, Jitter(lens=0.5, crop=0.2, tilt=0.1, background=0.5))


@pytest.fixture
def avatar(tiny_files) -> Avatar:
    head = load_head("open", tiny_files / "open_head.npz")
    generator = TextureGenerator.from_weights(tiny_files / "generator.safetensors")
    return Avatar(generator, head, Renderer(head.faces, head.uv, head.uv_faces))


def test_a_face_and_its_views_do_not_depend_on_how_many_are_sampled(avatar):
    four, eight = (sample_faces(avatar, range(n), 0.7, "training", 3, VIEWS) for n in (4, 8))
    assert torch.equal(four.codes.shape, eight.codes.shape[:4])
    torch.testing.assert_close(four.codes.w_plus, eight.codes.w_plus[:4], atol=1e-6, rtol=0)
    assert torch.equal(four.camera, eight.camera[:12]) and torch.equal(four.background, eight.background[:12])
    (last,) = sample_faces(avatar, [7], 0.7, "training", 3, VIEWS).codes.shape
    assert torch.equal(last, eight.codes.shape[7])


def test_domains_seeds_and_users_never_share_a_face(avatar):
    faces = [sample_latents(avatar, range(16), 0.7)]
    for domain in ("training", "validation", "evaluation"):
        faces += [sample_faces(avatar, range(16), 0.7, domain, seed).codes for seed in (0, 1)]
    shapes = torch.cat([codes.shape for codes in faces])
    assert len(torch.unique(shapes, dim=0)) == len(shapes) == 7 * 16


def test_users_faces_are_what_they_were(avatar):
    random = torch.Generator().manual_seed(3)
    z, shape = torch.randn(16, generator=random), 0.5 * torch.randn(avatar.head.n_shape, generator=random)
    codes = sample_latents(avatar, [1, 3], 0.7)
    assert torch.equal(codes.shape[1], shape)
    torch.testing.assert_close(codes.w_plus[1], avatar.generator.mapping(z[None], 0.7)[0], atol=1e-6, rtol=0)
