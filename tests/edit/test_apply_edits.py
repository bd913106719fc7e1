"""Strength, order and mixing of edits: exact algebra on a tiny generator, with the open head's regions."""

import numpy as np
import pytest
import torch

from clipface import weights
from clipface.edit.apply import edit_in_turn, mix_edits, unedited
from clipface.edit.avatar import Avatar
from clipface.edit.files import read_latents
from clipface.edit.loading import read_mapper
from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.sampling import sample_latents
from clipface.head import load_head
from clipface.render import Renderer
from clipface.texture.generator import TextureGenerator


@pytest.fixture(scope="module")
def avatar(tiny_files) -> Avatar:
    head = load_head("open")
    generator = TextureGenerator.from_weights(tiny_files / "generator.safetensors")
    return Avatar(generator, head, Renderer(head.faces, head.uv, head.uv_faces))


@pytest.fixture
def codes(avatar) -> Codes:
    codes = sample_latents(avatar, range(2), 1.0)
    return codes._replace(expression=0.1 * torch.randn_like(codes.expression))


def trained(avatar: Avatar, seed: int, region: str | None = None, **switches) -> FaceMapper:
    torch.manual_seed(seed)
    mapper = FaceMapper(avatar.generator.levels, 16, 6, region=region, n_shape=4, **switches)
    for part in mapper.parts():
        part.start_at_random()
    return mapper.requires_grad_(False)


def assert_same(first: tuple, second: tuple) -> None:
    assert all(torch.equal(a, b) for a, b in zip(first[:3], second[:3], strict=True))


@pytest.mark.parametrize("edit", [edit_in_turn, mix_edits])
@pytest.mark.parametrize("region", [None, "lips"])
def test_strength_zero_changes_no_bit(avatar, codes, edit, region):
    before = unedited(codes)
    after = edit(avatar, before, [trained(avatar, 1, region), trained(avatar, 2)], [0.0, 0])
    assert_same(after.codes, codes)
    assert torch.equal(after.texture(avatar), before.texture(avatar))


def test_strength_one_is_the_trained_edit_and_offsets_are_linear_in_it(avatar, codes):
    mapper, before = trained(avatar, 1), unedited(codes)
    assert_same(edit_in_turn(avatar, before, [mapper], [1]).codes, mapper(codes))
    offsets = mapper.offsets(codes)
    for strength in (-1.0, 0.3, 2.5):
        edited = edit_in_turn(avatar, before, [mapper], [strength]).codes
        torch.testing.assert_close(edited.w_plus - codes.w_plus, strength * offsets.w_plus, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(
            (edited.expression - codes.expression)[:, :6], strength * offsets.expression, atol=1e-5, rtol=1e-4
        )
        assert torch.equal(edited.expression[:, 6:], codes.expression[:, 6:]), "a mapper moves the first coefficients"
        torch.testing.assert_close((edited.shape - codes.shape)[:, :4], strength * offsets.shape, atol=1e-5, rtol=1e-4)


def test_in_turn_each_reads_what_the_one_before_made(avatar, codes):
    first, second, before = trained(avatar, 1), trained(avatar, 2), unedited(codes)
    both = edit_in_turn(avatar, before, [first, second], [1, 0.5])
    assert_same(both.codes, second(first(codes), 0.5))
    later = edit_in_turn(avatar, edit_in_turn(avatar, before, [first], [1]), [second], [0.5])
    assert_same(later.codes, both.codes)
    other = edit_in_turn(avatar, before, [second, first], [0.5, 1])
    assert not torch.allclose(other.codes.w_plus, both.codes.w_plus, atol=1e-3), "the order makes a difference"


def test_mixed_offsets_are_those_of_the_original_summed_in_any_order(avatar, codes):
    mappers, before = [trained(avatar, 1), trained(avatar, 2)], unedited(codes)
    mixed = mix_edits(avatar, before, mappers, [0.5, -2]).codes
    first, second = (mapper.offsets(codes) for mapper in mappers)
    wanted = codes.moved(first, 0.5).moved(second, -2)
    assert_same(mixed, wanted)
    turned = mix_edits(avatar, before, mappers[::-1], [-2, 0.5]).codes
    for a, b in zip(mixed[:3], turned[:3], strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


@pytest.mark.parametrize("edit", [edit_in_turn, mix_edits])
def test_an_edit_of_a_region_leaves_the_rest_bit_for_bit(avatar, codes, edit):
    mappers = [trained(avatar, 1, "lips"), trained(avatar, 2, "brows")]
    before = unedited(codes).texture(avatar)
    edited = edit(avatar, unedited(codes), mappers, [1, -1.5])
    outside = ((avatar.mask("lips") == 0) & (avatar.mask("brows") == 0))[0]
    after = edited.texture(avatar)
    assert torch.equal(after[..., outside], before[..., outside])
    assert (after != before).any(1)[:, ~outside].float().mean() > 0.9
    assert torch.equal(edited.codes.w_plus, codes.w_plus), "the whole face's code is the unedited one"


def test_one_edit_of_a_region_is_the_trainers_blend(avatar, codes):
    mapper = trained(avatar, 1, "lips+nose")
    before, after = avatar.texture(codes.w_plus), avatar.texture(mapper(codes).w_plus)
    given = edit_in_turn(avatar, unedited(codes), [mapper], [1]).texture(avatar)
    torch.testing.assert_close(given, avatar.blend(before, after, mapper.region), atol=1e-6, rtol=0)


def test_a_region_then_the_whole_face_and_the_other_way_round(avatar, codes):
    lips, whole = trained(avatar, 1, "lips"), trained(avatar, 2)
    inside, outside = avatar.mask("lips")[0] == 1, avatar.mask("lips")[0] == 0
    texture = edit_in_turn(avatar, unedited(codes), [lips, whole], [1, 1]).texture(avatar)
    once, twice = whole(codes), whole(lips(codes))
    assert torch.equal(texture[..., outside], avatar.texture(once.w_plus)[..., outside])
    # The first edit's shape and expression reach the second one, its code only inside the lips.
    torch.testing.assert_close(texture[..., inside], avatar.texture(twice.w_plus)[..., inside], atol=1e-6, rtol=0)
    texture = edit_in_turn(avatar, unedited(codes), [whole, lips], [1, 1]).texture(avatar)
    assert torch.equal(texture[..., outside], avatar.texture(once.w_plus)[..., outside])


def test_regions_apart_add_one_layer_each(avatar, codes):
    mappers = [trained(avatar, seed, region) for seed, region in enumerate(("lips", "brows", "left_ear"))]
    faces = edit_in_turn(avatar, unedited(codes), mappers, [1, 1, 1])
    assert len(faces.layers) == 4
    torch.testing.assert_close(sum(layer.weight for layer in faces.layers), torch.ones(1, 32, 32))


def test_strengths_that_are_too_few_and_a_mapper_of_another_head_are_refused(avatar, codes):
    with pytest.raises(ValueError, match="strengths: expected 2, one for each mapper, got 1"):
        edit_in_turn(avatar, unedited(codes), [trained(avatar, 1)] * 2, [1])
    large = FaceMapper(avatar.generator.levels, 16, n_expression=200)
    with pytest.raises(ValueError, match="expression: expected an edit of at most 100 coefficients, got one of 200"):
        edit_in_turn(avatar, unedited(codes), [large], [1])


def test_a_saved_mapper_keeps_its_region_and_identity(avatar, codes, tmp_path):
    mapper = trained(avatar, 1, "eyes", expression=False)
    mapper.save(tmp_path / "run" / "mapper.safetensors", psi=0.5, **avatar.origin)
    again, notes = read_mapper(tmp_path / "run", avatar)
    assert again.region == "eyes" and again.expression is None and notes == {"psi": 0.5, **avatar.origin}
    assert_same(again(codes), mapper(codes))
    FaceMapper(10, 16, n_expression=2).save(tmp_path / "other" / "mapper.safetensors", **avatar.origin)
    with pytest.raises(ValueError, match="is for 10 levels, the generator has 8"):
        read_mapper(tmp_path / "other", avatar)


def test_latents_are_read_from_the_authors_form_and_from_npz(avatar, tmp_path, monkeypatch):
    code = torch.randn(3, 10, 16)
    torch.save(code[0], tmp_path / "one.pt")
    torch.save(code, tmp_path / "all.pt")
    np.savez(tmp_path / "all.npz", w_plus=code.numpy(), shape=np.ones((3, 5), np.float32))
    with pytest.raises(ValueError, match="one.pt: expected UV map .*, got none noted"):
        read_latents(tmp_path / "one.pt", avatar)
    monkeypatch.setattr(avatar.head, "uv_map_changed", False)  # as of FLAME, for which the authors' files are
    assert torch.equal(read_latents(tmp_path / "one.pt", avatar).w_plus, code[:1, :8])
    whole, named = (read_latents(tmp_path / name, avatar) for name in ("all.pt", "all.npz"))
    assert torch.equal(whole.w_plus, code[:, :8]) and torch.equal(named.w_plus, whole.w_plus)
    assert not whole.shape.any() and named.shape[:, :5].eq(1).all() and not named.shape[:, 5:].any()
    weights.save(tmp_path / "codes.safetensors", {"validation": code[2:], "train": code[:2]}, {})
    assert torch.equal(read_latents(tmp_path / "codes.safetensors", avatar).w_plus, whole.w_plus)
    np.savez(tmp_path / "bad.npz", w_plus=code.numpy(), shape=np.ones((2, 5), np.float32))
    with pytest.raises(ValueError, match=r"shape: expected shape \(3, 300 or fewer\), finite, got \(2, 5\)"):
        read_latents(tmp_path / "bad.npz", avatar)
    torch.save(torch.randn(2, 10, 17), tmp_path / "wide.pt")
    with pytest.raises(ValueError, match=r"expected shape \(N, 8 or 10, 16\), finite, got \(2, 10, 17\)"):
        read_latents(tmp_path / "wide.pt", avatar)


def test_each_face_is_drawn_from_its_own_seed(avatar):
    both, second = sample_latents(avatar, [3, 4], 0.7), sample_latents(avatar, [4], 0.7)
    torch.testing.assert_close(both.w_plus[1:], second.w_plus)
    assert torch.equal(both.shape[1:], second.shape)
