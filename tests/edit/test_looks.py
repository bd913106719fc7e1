"""Looks that the shipped generator was trained, as edits without training."""

import pytest
import torch

from clipface.edit.attributes import look_offsets
from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_avatar, read_mapper
from clipface.edit.mapper import Codes
from clipface.edit.networks import LevelwiseMLP
from clipface.edit.notes import mapper_notes
from clipface.edit.sampling import sample_latents
from clipface.settings import HeadConfig, RendererConfig

LEVELS, DIM = 16, 512


@pytest.fixture(scope="module")
def avatar():
    return load_avatar(None, HeadConfig(), RendererConfig())


def test_networks_can_start_at_given_offsets():
    mapper, offsets = LevelwiseMLP(6, [8, 8, 8]), torch.randn(6, 8)
    mapper.start_at(offsets)
    torch.testing.assert_close(mapper(torch.randn(3, 6, 8)), offsets.expand(3, -1, -1))
    with pytest.raises(ValueError, match="offsets"):
        mapper.start_at(offsets[:5])


def test_names_are_one_of_each_and_clear():
    names = list(look_offsets())
    assert len(names) == len(set(names)) == 55
    assert {"zombie", "beard", "gothic_makeup", "red_lipstick", "freckles", "old", "blond_hair", "blue_eyes"} <= set(
        names
    )


def test_a_look_is_a_mapper_that_adds_its_offset_to_any_face(avatar):
    offsets = look_offsets()["clown"]
    mapper, notes = read_mapper("look:clown", avatar)
    codes = Codes(torch.randn(2, LEVELS, DIM), torch.randn(2, 5), torch.randn(2, 7))
    edited = mapper(codes, strength=0.5)
    torch.testing.assert_close(edited.w_plus, codes.w_plus + 0.5 * offsets, atol=1e-5, rtol=1e-5)
    assert torch.equal(edited.expression, codes.expression) and torch.equal(edited.shape, codes.shape)
    assert notes == mapper_notes("look:clown") == {}
    assert torch.equal(read_mapper("look:clown", avatar, None)[0](codes).w_plus, mapper(codes).w_plus)


def test_what_does_not_exist_or_fit_is_refused(avatar):
    with pytest.raises(ValueError, match="mapper: expected look: and one of zombie, clown.*got 'look:pirate'"):
        read_mapper("look:pirate", avatar)
    other = Avatar(avatar.generator, avatar.head, avatar.renderer, generator_sha256="0" * 64)
    with pytest.raises(ValueError, match="look:clown of .*: expected one of generator 000000000000, got .*; train"):
        read_mapper("look:clown", other)


def test_looks_show_what_they_are_called(avatar):
    """On the shipped generator, by colours alone: what a blind offset would not do."""
    generator = avatar.generator
    codes, empty = sample_latents(avatar, range(4), 0.7).w_plus, torch.zeros(4, 0)

    def middle(name: str | None) -> torch.Tensor:  # mean colour of the cheeks and the nose
        w_plus = codes if name is None else read_mapper(f"look:{name}", avatar)[0](Codes(codes, empty, empty)).w_plus
        with torch.no_grad():
            return generator.synthesis(w_plus)[..., 190:260, 180:330].mean((2, 3))

    plain, avatar, statue = middle(None), middle("avatar"), middle("statue")
    assert (avatar[:, 2] > avatar[:, 0]).all() and (plain[:, 2] < plain[:, 0]).all()  # blue
    assert (statue.mean(1) > plain.mean(1)).all()  # pale
    assert ((statue.amax(1) - statue.amin(1)) < (plain.amax(1) - plain.amin(1))).all()  # and grey
