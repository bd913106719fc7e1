"""Views of training: the same for both images of a pair, decided by the seed."""

import pytest
import torch

from clipface.edit.avatar import Avatar
from clipface.edit.sampling import Views, sample_faces
from clipface.head import load_head
from clipface.render import Renderer
from clipface.render.camera import view
from clipface.settings import Jitter
from clipface.texture.generator import TextureGenerator

EVERYTHING = Jitter(lens=0.5, crop=0.2, tilt=0.1, background=1.0)


@pytest.fixture
def avatar(tiny_files) -> Avatar:
    head = load_head("open", tiny_files / "open_head.npz")
    generator = TextureGenerator.from_weights(tiny_files / "generator.safetensors")
    return Avatar(generator, head, Renderer(head.faces, head.uv, head.uv_faces))


def random_faces(avatar, seed=1, jitter=EVERYTHING):
    views = Views(3, 30.0, 10.0) if jitter is None else Views(3, 30.0, 10.0, jitter)
    return sample_faces(avatar, range(2), 0.7, "training", seed, views)


def test_the_seed_decides_everything(avatar):
    first, again, other = (random_faces(avatar, seed) for seed in (1, 1, 2))
    assert torch.equal(first.camera, again.camera) and torch.equal(first.background, again.background)
    assert not torch.equal(first.camera, other.camera) and not torch.equal(first.background, other.background)
    assert len(first.camera) == len(first.background) == 6


def test_without_jitter_the_views_are_the_plain_ones_on_white(avatar):
    plain, still = random_faces(avatar, jitter=None), random_faces(avatar, jitter=Jitter())
    assert torch.equal(plain.camera, still.camera) and plain.background is None and still.background is None
    assert torch.equal(plain.codes.w_plus, random_faces(avatar).codes.w_plus)  # the same faces with jitter


def test_the_background_is_drawn_behind_every_view_and_only_there(avatar):
    faces = random_faces(avatar)
    texture, camera = avatar.texture(faces.codes.w_plus), view(torch.zeros(6), torch.zeros(6), 0.7)  # from far away
    drawn = avatar.views(texture, faces.codes, camera, 32, faces.background)
    white = avatar.views(texture, faces.codes, camera, 32)
    changed = (drawn - white).abs().amax(1) > 1e-6
    assert changed.flatten(1).any(1).all() and not changed.flatten(1).all(1).any()
    patches = faces.background.flatten(1)
    assert torch.unique(patches, dim=0).shape[0] == 6  # another one for each view


def test_values_out_of_range_are_named():
    for name, value in (("lens", 1.5), ("background", -0.1), ("crop", 1.0), ("tilt", 0.6)):
        with pytest.raises(ValueError, match=f"{name}: expected a number"):
            Jitter(**{name: value})


def test_cameras_must_be_shared_evenly(avatar):
    faces = random_faces(avatar)
    with pytest.raises(ValueError, match="camera: expected a multiple of 2"):
        avatar.views(None, faces.codes, faces.camera[:5], 32)
