"""Paint among the edits; the painter itself is tested in tests/synthetic."""

import pytest
import torch

from clipface.edit.apply import edit_faces
from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_mapper
from clipface.edit.mapper import Detail, FaceMapper
from clipface.edit.paint import paint_options
from clipface.edit.sampling import sample_latents
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig
from clipface.synthetic.looks.registry import OPTIONS
from clipface.texture.generator import TextureGenerator

SIZE = 64


@pytest.fixture(scope="module")
def avatar():
    head, renderer = load_head_and_renderer(HeadConfig(), RendererConfig())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Avatar(TextureGenerator(SIZE, 16, 16, 2, 256, 16), head, renderer)


@pytest.fixture(scope="module")
def codes(avatar):
    codes = sample_latents(avatar, [0, 1], 1.0)
    skin = torch.tensor([0.7, 0.5, 0.4])[:, None, None].expand(2, 3, SIZE, SIZE)
    return codes._replace(detail=Detail(skin, codes.w_plus))


def textures(avatar, codes, mappers, strengths, mix=False):
    mappers = [load_mapper(each, avatar) if isinstance(each, str) else each for each in mappers]
    faces = edit_faces(avatar, codes, mappers, strengths, mix)
    return faces.texture(avatar)


def test_a_seed_is_one_design_for_every_face(avatar, codes):
    both = textures(avatar, codes, ["paint:tiger=3"], [1.0])
    alone = textures(avatar, codes.rows([1]), ["paint:tiger=3"], [1.0])
    assert torch.equal(both[1:], alone)
    assert not torch.equal(both, textures(avatar, codes, ["paint:tiger=4"], [1.0]))


def test_a_strength_is_a_share_of_the_paint(avatar, codes):
    none, half, whole = (textures(avatar, codes, ["paint:clown"], [s]) for s in (0.0, 0.5, 1.0))
    assert torch.equal(none, codes.detail.texture)
    torch.testing.assert_close(half, (none + whole) / 2, atol=1e-6, rtol=0)
    assert (whole - none).abs().mean() > 0.05


def test_paint_stays_where_it_belongs_and_the_code_as_it_is(avatar, codes):
    faces = edit_faces(avatar, codes, [load_mapper("paint:red_lipstick", avatar)], [1.0])
    assert torch.equal(faces.codes.w_plus, codes.w_plus) and torch.equal(faces.shape, codes.shape)
    lips = avatar.mask("lips", SIZE) == 1
    changed = faces.texture(avatar) - codes.detail.texture
    assert changed[:, :, lips[0]].abs().mean() > 10 * changed[:, :, ~lips[0]].abs().mean()


@pytest.mark.parametrize("mix", [False, True])
def test_other_edits_go_on_top_of_paint(avatar, codes, mix):
    shift = FaceMapper(avatar.generator.levels, 16, 0, 1, expression=False)
    shift.texture.start_at(torch.ones(avatar.generator.levels, 16))
    names, strengths = ["paint:clown", shift], [1.0, 2.0]
    painted = codes._replace(detail=Detail(textures(avatar, codes, names[:1], [1.0]), codes.w_plus))
    expected = textures(avatar, painted, names[1:], [2.0])
    assert torch.equal(textures(avatar, codes, names, strengths, mix), expected)
    assert not torch.equal(expected, painted.detail.texture)


def test_every_option_has_a_name():
    assert sorted(paint_options().values()) == list(range(len(OPTIONS)))


@pytest.mark.parametrize(
    ("words", "match"),
    [("paint:elf", "one of zombie, clown"), ("paint:clown=x", "a whole number"), ("paint:clown=-1", "whole")],
)
def test_what_is_no_paint_is_refused(avatar, words, match):
    with pytest.raises(ValueError, match=match):
        load_mapper(words, avatar)
