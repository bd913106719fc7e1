"""Data set folders: what is written is read, batches are endless and resumable, damage is explained."""

import itertools

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from clipface.data import FaceBatch, MaskedFaces, composite, endless_batches, write_faces


def faces(count, size=8):
    mask = torch.zeros(count, 1, size, size)
    mask[..., 2:6, 2:6] = 1
    image = composite(torch.rand(count, 3, size, size) * 2 - 1, mask, 1.0)
    camera = torch.eye(4).repeat(count, 1, 1)
    poses = torch.randn(count, 6), camera, torch.randn(count, 3), torch.randn(count, 6)
    return FaceBatch(image, mask, torch.randn(count, 5), torch.randn(count, 4), *poses)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    written = [faces(2), faces(1)]
    write_faces(tmp_path / "set", [(batch, ["words"] * len(batch.image)) for batch in written])
    return tmp_path / "set", FaceBatch(*(torch.cat(parts) for parts in zip(*written, strict=True)))


def test_what_is_written_is_read(folder):
    path, written = folder
    dataset = MaskedFaces(path, image_size=8)
    read = next(iter(DataLoader(dataset, batch_size=3)))
    assert isinstance(read, FaceBatch) and dataset.captions == ["words"] * 3
    torch.testing.assert_close(read.image, written.image, atol=1.01 / 255, rtol=0)
    for one, other in zip(read[1:], written[1:], strict=True):
        torch.testing.assert_close(one, other)


def test_neck_and_eyes_may_be_left_out(folder):
    _index(folder[0], neck_pose=None, eye_pose=None)
    face = MaskedFaces(folder[0], image_size=8)[0]
    assert face.neck_pose.shape == (3,) and face.eye_pose.shape == (6,) and not face.eye_pose.any()


def test_background_and_size_are_those_asked_for(folder):
    face = MaskedFaces(folder[0], image_size=16, background=-1.0)[0]
    assert face.image.shape == (3, 16, 16) and face.mask.shape == (1, 16, 16)
    torch.testing.assert_close(face.image[:, 0], torch.full((3, 16), -1.0))


def test_batches_visit_every_face_once_a_round_and_resume():
    batches = list(itertools.islice(endless_batches(5, 2, seed=3), 10))
    indices = list(itertools.chain.from_iterable(batches))
    rounds = [indices[n : n + 5] for n in range(0, 20, 5)]
    assert all(sorted(one) == list(range(5)) for one in rounds) and rounds[0] != rounds[1]
    assert list(itertools.islice(endless_batches(5, 2, seed=3, start=4), 6)) == batches[4:]


def test_nothing_is_left_of_a_write_that_failed(tmp_path):
    def failing():
        yield faces(1), None
        raise RuntimeError("painter stopped")

    with pytest.raises(RuntimeError):
        write_faces(tmp_path / "set", failing())
    assert not (tmp_path / "set").exists()
    write_faces(tmp_path / "set", [(faces(1), None)])
    assert MaskedFaces(tmp_path / "set", 8).captions is None
    with pytest.raises(FileExistsError):
        write_faces(tmp_path / "set", [(faces(1), None)])


def _index(path, **changes):
    with np.load(path / "faces.npz") as arrays:
        rows = dict(arrays.items())
    rows = {key: value for key, value in (rows | changes).items() if value is not None}
    np.savez(path / "faces.npz", **rows)


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda p: (p / "faces.npz").unlink(), FileNotFoundError, "paint_faces"),
        (lambda p: (p / "faces.npz").write_bytes(b"PK cut off"), ValueError, "cut off"),
        (lambda p: _index(p, camera=None), ValueError, "lacks camera"),
        (lambda p: _index(p, camera=np.zeros((3, 3, 3))), ValueError, "camera"),
        (lambda p: _index(p, pose=np.full((3, 6), np.nan)), ValueError, "pose"),
        (lambda p: _index(p, name=np.array([], dtype=str)), ValueError, "no faces"),
        (lambda p: (p / "masks" / "000001.png").unlink(), FileNotFoundError, "000001.png"),
    ],
    ids=["no index", "cut off", "missing key", "wrong shape", "not finite", "empty", "no mask"],
)
def test_damage_is_explained(folder, damage, error, words):
    damage(folder[0])
    with pytest.raises(error, match=words):
        MaskedFaces(folder[0], image_size=8)


def test_unreadable_picture_is_named(folder):
    (folder[0] / "images" / "000002.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="000002.png"):
        MaskedFaces(folder[0], image_size=8)[2]
