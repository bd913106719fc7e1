"""Faces for the texture generator's trainer, from a data set of photographs."""

import itertools

import numpy as np
import pytest
import torch

from clipface.data import FaceBatch, FitDistribution, composite, write_faces
from clipface.data.shards import DISTRIBUTION
from clipface.head import load_head
from clipface.render import Renderer, random_views
from trainer.texture_gan.config import (
    DatasetConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    PatchConfig,
    TextureGANConfig,
)
from trainer.texture_gan.data import open_faces
from trainer.texture_gan.module import TextureGAN
from trainer.texture_gan.views import shown_parts

SIZE = 32


@pytest.fixture(scope="module")
def head_and_renderer(tiny_files):
    head = load_head("open", tiny_files / "open_head.npz")
    return head, Renderer(head.faces, head.uv, head.uv_faces)


@pytest.fixture(scope="module")
def faces(head_and_renderer) -> FaceBatch:
    head, renderer = head_and_renderer
    generator = torch.Generator().manual_seed(0)
    camera, shape = random_views(4, generator), torch.randn(4, 10, generator=generator)
    image, mask = renderer(head(shape), torch.rand(4, 3, 8, 8, generator=generator) * 2 - 1, camera, SIZE, 1.0)
    zeros = [torch.zeros(4, n) for n in (6, 6, 3, 6)]
    return FaceBatch(composite(image, mask, 1.0), mask, shape, *zeros[:2], camera, *zeros[2:])


def run_config(path, **changes) -> TextureGANConfig:
    return TextureGANConfig(
        batch_size=4,
        image_size=SIZE,
        generator=GeneratorConfig(16, 8, 8, 2, 64, 8),
        discriminator=DiscriminatorConfig(128, 8, 4),
        patch=PatchConfig(size=16, stride=8, count=2, channel_base=64, channel_max=8),
        dataset=DatasetConfig(path=str(path), workers=0, **changes),
    )


@pytest.fixture
def photographs(faces, tmp_path):
    """A data set as fitted photographs give it: visibility, parameters of cameras, a distribution."""
    visibility = torch.ones(4, 1, 8, 8)
    visibility[..., :4] = 0  # nobody's left half of the texture is seen
    write_faces(tmp_path / "set", [(faces._replace(visibility=visibility), None)])
    heads = {name: getattr(faces, name).numpy() for name in ("shape", "expression", "pose", "eye_pose")}
    camera = {"scale": np.full(4, 6.0), "translation": np.zeros((4, 2))}
    FitDistribution.fit(heads | camera, [True] * 6).save(tmp_path / "set" / DISTRIBUTION)
    return tmp_path / "set"


def test_batches_come_again_in_the_same_order(head_and_renderer, photographs):
    batches = open_faces(run_config(photographs), *head_and_renderer)
    first, second = itertools.islice(batches(0), 2)
    again = next(iter(batches(1)))
    assert torch.equal(second.image, again.image) and not torch.equal(first.image, second.image)
    assert (torch.cat([first.camera, second.camera])[:, 0, 0] < 0).sum() == 4  # every face once in a mirror


def test_heads_can_be_drawn_from_the_distribution(head_and_renderer, photographs):
    config = run_config(photographs, heads="distribution", mirror=False)
    batches = open_faces(config, *head_and_renderer)
    batch, same = next(iter(batches(0))), next(iter(batches(0)))
    assert torch.equal(batch.mask, same.mask) and torch.equal(batch.shape, same.shape)
    assert batch.shape.shape == (4, 10) and batch.mask.shape == (4, 1, SIZE, SIZE) and batch.visibility is None
    # The chart of this head runs from left to right, so the unseen half of the texture is the image's left.
    assert batch.mask[..., :12].max() == 0 and batch.mask[..., 12:20, 20:24].mean() > 0.9


def test_a_data_set_of_another_head_is_refused(head_and_renderer, photographs):
    config = run_config(photographs)
    config.head.name = "flame"
    with pytest.raises(ValueError, match="head: expected open, as in the data set .* got flame"):
        open_faces(config, *head_and_renderer)


def test_a_head_s_vertices_of_another_mesh_are_refused(head_and_renderer, faces, tmp_path):
    write_faces(tmp_path / "set", [(faces._replace(vertices=torch.zeros(4, 7, 3)), None)])
    with pytest.raises(ValueError, match="dataset.path: expected .* vertices a head.* got 7"):
        open_faces(run_config(tmp_path / "set"), *head_and_renderer)


def test_heads_given_as_vertices_are_drawn(head_and_renderer, faces, tmp_path):
    head, renderer = head_and_renderer
    vertices = head(faces.shape, faces.expression)
    write_faces(tmp_path / "set", [(faces._replace(shape=torch.zeros(4, 0), vertices=vertices), None)])
    config = run_config(tmp_path / "set", mirror=False)
    module = TextureGAN(config, head, renderer, open_faces(config, head, renderer))
    batch = module.shuffled(next(iter(module.faces(0))))
    order = [int((faces.camera - camera).abs().sum((1, 2)).argmin()) for camera in batch.camera]
    texture = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    drawn, wanted = (module.render(texture, views) for views in (batch, faces.select(torch.tensor(order))))
    torch.testing.assert_close(drawn, wanted, atol=5e-3, rtol=0)


def test_misspelt_heads_are_refused():
    with pytest.raises(ValueError, match="fitted or distribution"):
        DatasetConfig(heads="random")


def test_a_badly_seen_texel_inside_the_face_is_shown_and_a_far_one_is_not():
    visibility = torch.zeros(1, 1, 32, 32)
    visibility[..., 8:24, 8:24] = 0.2  # grazing, but seen
    visibility[..., 15:17, 15:17] = 0  # a nostril
    shown = shown_parts(visibility)[0, 0]
    assert shown[11:21, 11:21].min() == 1 and shown[:5].max() == 0 and shown[:, 27:].max() == 0
