"""Heads with baked textures, and batches of two sources."""

import itertools

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_gan import SIZE, tiny_batch, tiny_config, tiny_head

from clipface.data import FitDistribution
from clipface.data.distribution import BLOCKS
from trainer.baked_stream import BakedFaces, baked_batches, mixed, read_textures
from trainer.face_stream import BACKGROUND, DatasetConfig, open_faces


@pytest.fixture(scope="module")
def drawn_head(tiny_files):
    return tiny_head(tiny_files)


@pytest.fixture(scope="module")
def textures(tmp_path_factory):
    path = tmp_path_factory.mktemp("baked") / "textures.safetensors"
    left = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    left[..., :8] = 200  # brighter on one side
    save_file({"textures": torch.cat((left, torch.full_like(left, 100)))}, path)
    return path


def heads() -> FitDistribution:
    random = np.random.default_rng(0)
    sizes = {"shape": (5,), "expression": (6,), "pose": (6,), "eye_pose": (6,), "scale": (), "translation": (2,)}
    rows = {name: random.normal(size=(9, *sizes[name])) * 0.1 + (name == "scale") for name in BLOCKS}
    return FitDistribution.fit(rows, np.ones(6, bool))


@pytest.fixture(scope="module")
def baked(drawn_head, textures):
    return BakedFaces(textures, *drawn_head, heads(), max_yaw=20.0, zoom=(1.0, 1.2), blends=0.5)


def test_textures_are_the_given_ones_their_mirror_images_and_blends(baked):
    drawn = baked.blend(64, torch.Generator().manual_seed(0))
    left, right = (drawn[:, 0, 8, column] * 127.5 + 127.5 for column in (3, 12))
    pairs = torch.stack((left, right), 1)
    for wanted in ((200.0, 0.0), (0.0, 200.0), (100.0, 100.0)):
        assert (pairs - torch.tensor(wanted)).abs().amax(1).min() < 1
    plain = torch.tensor([[200.0, 0], [0, 200], [100, 100]])
    blends = ((pairs[:, None] - plain).abs().amax(2).min(1).values > 2).float().mean()
    assert 0.2 < blends < 0.6
    assert pairs.min() > -1e-3 and pairs.max() < 201


def test_batches_are_the_same_from_wherever_they_start(baked):
    arguments = (baked, 2, 6, 7, SIZE, BACKGROUND)
    first = list(itertools.islice(baked_batches(*arguments, 0), 5))
    again = list(itertools.islice(baked_batches(*arguments, 2), 3))
    for one, other in zip(first[2:], again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True) if a is not None)
    assert not torch.equal(first[0].camera, first[1].camera)
    image, mask = first[0].image, first[0].mask
    assert image.min() >= -1 and image.max() <= 1.0001 and set(mask.unique().tolist()) >= {0.0, 1.0}
    assert (image[mask.expand_as(image) == 0] == BACKGROUND).all()


def test_two_sources_become_one_batch(baked, drawn_head):
    head, _ = drawn_head
    photographs = [tiny_batch(*drawn_head, number)._replace(visibility=torch.ones(4, 1, 8, 8)) for number in range(3)]
    vertices = lambda batch: head(batch.shape, batch.expression, batch.pose, batch.neck_pose, batch.eye_pose)  # noqa: E731

    def batches(start: int, first=photographs):
        stream = baked_batches(baked, 4, 4, 0, SIZE, BACKGROUND, start)
        return list(mixed(first[start:], stream, vertices, 0, start, torch.device("cpu")))

    whole = batches(0)
    assert len(whole) == 3 and whole[0].image.shape == (8, 3, SIZE, SIZE) and whole[0].visibility is None
    assert all(torch.equal(a, b) for a, b in zip(whole[1], batches(1)[0], strict=True) if a is not None)
    order = [int((batch.camera[row] == photographs[n].camera).flatten(1).all(1).any())
             for n, batch in enumerate(whole) for row in range(8)]  # fmt: skip
    assert sum(order) == 12 and order[:8] not in ([1] * 4 + [0] * 4, [0] * 4 + [1] * 4)
    imported = [batch._replace(vertices=vertices(batch)) for batch in photographs]
    assert batches(0, imported)[0].vertices.shape == (8, len(head.v_template), 3)


def test_a_run_can_have_baked_textures_only(drawn_head, textures, tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.face_stream.FitDistribution.load", lambda path: heads())
    config = tiny_config(dataset=DatasetConfig(path=str(tmp_path), baked=str(textures), baked_share=1.0, chunk=8))
    batch = next(iter(open_faces(config, *drawn_head)(0)))
    assert batch.image.shape == (4, 3, SIZE, SIZE)
    with pytest.raises(ValueError, match="baked_share"):
        DatasetConfig(baked=str(textures), baked_share=0.0)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="bake_texture"):
        read_textures(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", textures=np.zeros((2, 3, 4, 4), np.float32))
    with pytest.raises(ValueError, match="uint8"):
        read_textures(tmp_path / "other.npz")
    (tmp_path / "broken.safetensors").write_bytes(b"1234")
    with pytest.raises(ValueError, match="cut off"):
        read_textures(tmp_path / "broken.safetensors")
