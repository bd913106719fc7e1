"""Heads with baked textures, and batches of two sources."""

import itertools
import random

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_gan import SIZE, tiny_batch, tiny_config

from clipface.data import FitDistribution
from clipface.data.distribution import BLOCKS
from clipface.head import load_head
from clipface.render import Renderer
from clipface.render.backgrounds import WHITE
from clipface.synthetic.baked_faces import BakedFaces, BakedStyle, plain
from clipface.synthetic.face.skin import TONES
from trainer.texture_gan.config import DatasetConfig
from trainer.texture_gan.data import baked_batches, mixed, open_faces
from trainer.texture_gan.views import head_vertices

RESOLUTION = 64


@pytest.fixture(scope="module")
def head_and_renderer():
    head = load_head("open")  # painting needs a whole face
    return head, Renderer(head.faces, head.uv, head.uv_faces)


@pytest.fixture(scope="module")
def textures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("textures")
    grey = np.full((RESOLUTION, RESOLUTION, 3), 100, np.uint8)
    left = grey.copy()
    left[:, : RESOLUTION // 2] = 200  # brighter on one side
    for name, skin in (("left", left), ("grey", grey)):
        Image.fromarray(skin).save(folder / f"{name}.png")
    return folder


def heads() -> FitDistribution:
    source = np.random.default_rng(0)
    sizes = {"shape": (5,), "expression": (6,), "pose": (6,), "eye_pose": (6,), "scale": (), "translation": (2,)}
    rows = {name: source.normal(size=(9, *sizes[name])) * 0.1 + (name == "scale") for name in BLOCKS}
    return FitDistribution.fit(rows, np.ones(6, bool))


@pytest.fixture(scope="module")
def baked(head_and_renderer, textures):
    style = BakedStyle(RESOLUTION, 20.0, (1.0, 1.2), blends=0.5, painted=0.5)
    return BakedFaces(textures, *head_and_renderer, heads(), style)


def run_config(batch_size: int, chunk: int, repeats: int = 1, seed: int = 0):
    return tiny_config(batch_size=batch_size, seed=seed, dataset=DatasetConfig(chunk=chunk, repeats=repeats))


def test_skins_are_the_given_ones_their_mirror_images_and_blends(baked):
    drawn, rows = baked.blend(64, torch.Generator().manual_seed(0))
    # A fifth from the top and from the sides lies skin.
    left, right = (drawn[:, 0, RESOLUTION // 5, column] * 255 for column in (RESOLUTION // 5, RESOLUTION * 4 // 5))
    pairs = torch.stack((left, right), 1)
    for wanted in ((200.0, 100.0), (100.0, 200.0), (100.0, 100.0)):
        assert (pairs - torch.tensor(wanted)).abs().amax(1).min() < 1
    both = torch.tensor([[200.0, 100], [100, 200], [100, 100]])
    blends = ((pairs[:, None] - both).abs().amax(2).min(1).values > 2).float().mean()
    assert 0.1 < blends < 0.5  # half, less those of one skin with itself
    assert pairs.min() > 99 and pairs.max() < 201 and set(rows.tolist()) == {0, 1}


def test_paint_goes_over_as_many_as_asked_and_suits_the_skin(baked):
    assert set(baked.tones) <= set(TONES) and len(set(baked.tones)) == 2
    faces = [plain("dark", random.Random(seed)) for seed in range(100)]
    assert {face.skin for face in faces} == {"dark"}
    assert {(face.look, face.beard, face.makeup, face.age) for face in faces} == {("none", "none", "none", "adult")}
    attribute_vector = baked.sample(64, 0, 16, WHITE).attribute_vector
    assert 16 < attribute_vector.any(1).sum() < 48  # half


def test_batches_are_the_same_from_wherever_they_start(baked):
    arguments = (baked, run_config(2, 6, seed=7))
    first = list(itertools.islice(baked_batches(*arguments, 0), 5))
    again = list(itertools.islice(baked_batches(*arguments, 2), 3))
    for one, other in zip(first[2:], again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True) if a is not None)
    assert not torch.equal(first[0].camera, first[1].camera)
    image, mask = first[0].image, first[0].mask
    assert image.min() >= -1 and image.max() <= 1.0001 and set(mask.unique().tolist()) >= {0.0, 1.0}
    assert (image[mask.expand_as(image) == 0] == WHITE).all()


def test_faces_come_several_times_in_another_order_before_others(baked):
    config = run_config(2, 6, repeats=3, seed=7)
    stream = list(itertools.islice(baked_batches(baked, config, 0), 12))
    turns = [torch.cat([batch.camera for batch in stream[turn : turn + 3]]) for turn in range(0, 12, 3)]
    known = [sorted(map(tuple, cameras.flatten(1).tolist())) for cameras in turns]
    assert known[0] == known[1] == known[2] != known[3]
    assert not all(torch.equal(turns[0], turn) for turn in turns[1:3])
    again = next(baked_batches(baked, config, 7))
    assert torch.equal(again.image, stream[7].image)


def test_two_sources_become_one_batch(baked, head_and_renderer):
    head, _ = head_and_renderer
    visible = torch.ones(4, 1, 8, 8)
    photographs = [tiny_batch(*head_and_renderer, number)._replace(visibility=visible) for number in range(3)]

    def batches(start: int, first=photographs):
        stream = baked_batches(baked, run_config(4, 4), start)
        return list(mixed(first[start:], stream, head, 0, start))

    whole = batches(0)
    assert len(whole) == 3 and whole[0].image.shape == (8, 3, SIZE, SIZE) and whole[0].visibility is None
    assert all(torch.equal(a, b) for a, b in zip(whole[1], batches(1)[0], strict=True) if a is not None)
    order = [int((batch.camera[row] == photographs[n].camera).flatten(1).all(1).any())
             for n, batch in enumerate(whole) for row in range(8)]  # fmt: skip
    assert sum(order) == 12 and order[:8] not in ([1] * 4 + [0] * 4, [0] * 4 + [1] * 4)
    imported = [batch._replace(vertices=head_vertices(head, batch)) for batch in photographs]
    assert batches(0, imported)[0].vertices.shape == (8, len(head.v_template), 3)


def test_a_batch_says_which_pictures_are_photographs(baked, head_and_renderer):
    photographs = [tiny_batch(*head_and_renderer, number, count=3) for number in range(2)]
    baked_ones = [batch.select(slice(2)) for batch in itertools.islice(
        baked_batches(baked, run_config(4, 4), 0), 2)]  # fmt: skip
    for batch, source in zip(mixed(photographs, baked_ones, head_and_renderer[0], 0, 0), photographs, strict=True):
        own = [float((image == source.image).flatten(1).all(1).any()) for image in batch.image]
        assert batch.photographed.tolist() == own and sum(own) == 3 and len(own) == 5


def test_a_run_can_have_skins_only(head_and_renderer, textures, tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.texture_gan.data.FitDistribution.load", lambda path: heads())
    folders = {"path": str(tmp_path), "textures": str(textures)}
    config = tiny_config(dataset=DatasetConfig(**folders, textures_share=1.0, chunk=8, texture_size=RESOLUTION))
    batch = next(iter(open_faces(config, *head_and_renderer)(0)))
    assert batch.image.shape == (4, 3, SIZE, SIZE)
    with pytest.raises(ValueError, match="textures_share"):
        DatasetConfig(textures=str(textures), textures_share=0.0)
