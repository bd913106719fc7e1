"""People: who is sampled where a generator has a table of them, and the sliders that come with it."""

import argparse
import shutil

import numpy as np
import pytest
import torch
from tiny_people import SHAPES, table

from clipface import assets, weights
from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_avatar, load_mapper
from clipface.edit.people import PEOPLE_FILE
from clipface.edit.sampling import sample_faces, sample_latents
from clipface.evaluation.textures import candidates
from clipface.settings import HeadConfig, RendererConfig


@pytest.fixture
def files(tiny_files, tmp_path):
    """A folder with a generator and its people."""
    for suffix in ("safetensors", "json"):
        shutil.copy(tiny_files / f"generator.{suffix}", tmp_path)
    shutil.copy(tiny_files / "open_head.npz", tmp_path)
    table().save(tmp_path / PEOPLE_FILE, tmp_path / "generator.safetensors")
    return tmp_path


def avatar_of(folder) -> Avatar:
    head = HeadConfig("open", str(folder / "open_head.npz"))
    return load_avatar(folder / "generator.safetensors", head, RendererConfig())


def test_one_seed_is_one_person_whatever_the_count_and_the_order(files):
    avatar = avatar_of(files)
    few, many = sample_latents(avatar, [5, 2], 0.7), sample_latents(avatar, range(8), 0.7)
    assert torch.equal(few.shape, many.shape[[5, 2]])
    torch.testing.assert_close(few.w_plus, many.w_plus[[5, 2]], atol=1e-6, rtol=0)
    again = sample_latents(avatar_of(files), [5], 0.7)
    assert torch.equal(again.shape[0], few.shape[0])
    assert len(torch.unique(many.shape, dim=0)) == 8


def test_domains_never_share_a_person(files):
    avatar = avatar_of(files)
    shapes = [sample_latents(avatar, range(16), 0.7).shape]
    for domain in ("training", "validation", "evaluation", "frames"):
        shapes += [sample_faces(avatar, range(16), 0.7, domain, seed).codes.shape for seed in (0, 1)]
    assert len(torch.unique(torch.cat(shapes), dim=0)) == 9 * 16


def test_blends_are_as_various_as_the_table_and_heads_follow_them():
    people = table()
    drawn = [people.sample(np.random.default_rng(seed)) for seed in range(4000)]
    codes, shapes = (torch.stack(part) for part in zip(*drawn, strict=True))
    torch.testing.assert_close(codes.var(0), people.codes.var(0), rtol=0.15, atol=0.05)
    torch.testing.assert_close(codes.mean(0), people.codes.mean(0), rtol=0, atol=0.07)
    rest = shapes - people.shape_mean - codes @ people.shape_weight
    torch.testing.assert_close(rest.std(0), torch.full((SHAPES,), 0.25), rtol=0.1, atol=0)


def test_two_codes_of_one_person_are_never_blended():
    two = torch.tensor([1.0, 1, 1, 0, 0, 0])
    people = table()._replace(
        codes=torch.eye(6), weight=two / 3, person=torch.tensor([0, 0, 1, 2, 3, 4]), shape_weight=torch.zeros(6, SHAPES)
    )
    for seed in range(30):
        code = people.sample(np.random.default_rng(seed))[0]
        assert code[0] != code[1] and code[2] > code[3]


def test_a_generator_without_people_samples_plain_codes_as_before(files, tiny_files):
    (files / PEOPLE_FILE).unlink()
    avatar = avatar_of(files)
    random = torch.Generator().manual_seed(3)
    z, shape = torch.randn(16, generator=random), 0.5 * torch.randn(avatar.head.n_shape, generator=random)
    codes = sample_latents(avatar, [3], 0.7)
    assert avatar.people is None and torch.equal(codes.shape[0], shape)
    torch.testing.assert_close(codes.w_plus[0], avatar.generator.mapping(z[None], 0.7)[0], atol=1e-6, rtol=0)


def test_people_of_another_generator_or_head_are_refused(files):
    tensors, notes = weights.load(files / PEOPLE_FILE)
    weights.save(files / PEOPLE_FILE, tensors, notes | {"generator_sha256": "0" * 64})
    with pytest.raises(ValueError, match="people: expected those of the generator .*build_people.py"):
        avatar_of(files)
    weights.save(files / PEOPLE_FILE, tensors, notes | {"uv_map": "0" * 64})
    with pytest.raises(ValueError, match="people .*: expected UV map .*build_people.py"):
        avatar_of(files)
    weights.save(files / PEOPLE_FILE, tensors | {"shape_mean": torch.zeros(SHAPES + 1)}, notes)
    with pytest.raises(ValueError, match="people: shape_weight: expected shape"):
        avatar_of(files)
    weights.save(files / PEOPLE_FILE, tensors | {"codes": tensors["codes"] * torch.nan}, notes)
    with pytest.raises(ValueError, match="people.safetensors: codes: expected finite numbers"):
        avatar_of(files)


def test_a_slider_is_an_edit_in_its_own_units(files):
    avatar = avatar_of(files)
    codes = sample_latents(avatar, range(3), 1.0)
    usual, twenty, back = (load_mapper(f"slider:older{n}", avatar)(codes) for n in ("", "=20", "=-20"))
    assert torch.equal(usual.w_plus, twenty.w_plus) and torch.equal(usual.shape, twenty.shape)
    step = 20 * avatar.people.directions[0]
    expected = codes.shape.clone()
    expected[:, :SHAPES] += step @ avatar.people.shape_weight
    torch.testing.assert_close(twenty.shape, expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(twenty.expression, codes.expression)
    smiling = load_mapper("slider:smiling=2", avatar)(codes).expression
    torch.testing.assert_close(smiling[:, :3], torch.tensor([[1.0, 0.5, 0]]).expand(3, -1))
    moved, opposite = twenty.w_plus - codes.w_plus, back.w_plus - codes.w_plus
    assert moved.abs().max() > 0 and torch.cosine_similarity(moved.flatten(), -opposite.flatten(), 0) > 0.9


@pytest.mark.parametrize(("words", "match"), [("slider:tall", "one of older, smiling"), ("slider:older=x", "a number")])
def test_what_is_no_slider_is_refused(files, words, match):
    with pytest.raises(ValueError, match=match):
        load_mapper(words, avatar_of(files))


def test_textures_are_compared_as_those_of_people(files, monkeypatch):
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(files))
    options = argparse.Namespace(
        generator=[files / "generator.safetensors"], psi=1.0, textures=None, head="open", flame_texture=None
    )
    avatar, (sample,) = avatar_of(files), candidates(options, torch.device("cpu")).values()
    found = sample(4, torch.Generator().manual_seed(5))
    seeds = torch.randint(2**62, (4,), generator=torch.Generator().manual_seed(5)).tolist()
    z = torch.stack([avatar.people.sample(np.random.default_rng(seed))[0] for seed in seeds])
    expected = avatar.generator(torch.cat([z, torch.zeros(4, 16 - z.shape[1])], 1))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
