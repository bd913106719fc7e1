"""Cropped hair: in the brows' colour, on the scalp alone, always the same."""

from dataclasses import replace

import pytest
import torch

from clipface import assets
from clipface.edit.avatar import Avatar
from clipface.edit.hair import COVER, with_hair
from clipface.edit.loading import load_avatar
from clipface.head import HeadModel, load_head, read_open_head
from clipface.head.mesh import uv_map_hash
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.generator import TextureGenerator

SIZE = 128
SKIN, BROWN = torch.tensor([0.8, 0.6, 0.5]), torch.tensor([0.25, 0.15, 0.1])


@pytest.fixture(scope="module")
def avatar(tiny_files, tmp_path_factory) -> Avatar:
    generator = TextureGenerator.from_weights(tiny_files / "generator.safetensors")
    generator.config["uv_map"] = uv_map_hash(load_head())
    file = tmp_path_factory.mktemp("hair") / "generator.safetensors"
    generator.save(file, half=False)
    return load_avatar(file, HeadConfig(), RendererConfig())


@pytest.fixture
def texture(avatar) -> torch.Tensor:
    """Plain skin with brown brows."""
    plain = SKIN[None, :, None, None].expand(1, 3, SIZE, SIZE).clone()
    return plain.lerp(BROWN[None, :, None, None], (avatar.mask("brows", SIZE) > 0.5).float())


def test_the_scalp_has_the_brows_colour_and_all_else_stays(avatar, texture):
    painted, scalp = with_hair(avatar, texture), avatar.mask("hair", SIZE)[0]
    assert torch.equal(painted, with_hair(avatar, texture))
    assert torch.equal(painted[:, :, scalp == 0], texture[:, :, scalp == 0])
    core = painted[0, :, scalp > 0.99]
    expected = SKIN.lerp(BROWN, COVER)
    middle = core.median(1).values
    assert ((middle - expected).abs() < 0.1).all() and core.mean(0).std() > 0.005, "hairs, no plain paint"
    assert (middle - SKIN).abs().max() > 0.3


def test_a_head_without_a_scalp_is_named(avatar, texture):
    bare = HeadModel(replace(read_open_head(assets.resolve("open_head")), regions={}))
    with pytest.raises(ValueError, match="region: expected one or more of .*got 'hair'"):
        with_hair(Avatar(avatar.generator, bare, avatar.renderer), texture)
