"""Data set folders: what is written is read, batches are endless and resumable, damage is explained."""

import itertools
import json

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from clipface.data import FaceBatch, MaskedFaces, collate, composite, endless_batches, write_faces
from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.head import load_head
from clipface.render import Renderer, random_views


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
    batches = [(batch, ["words"] * len(batch.image)) for batch in written]
    write_faces(tmp_path / "set", batches, faces_a_shard=2)
    return tmp_path / "set", FaceBatch(
        *(torch.cat([one, two]) for one, two in zip(written[0][:8], written[1][:8], strict=True))
    )


def test_what_is_written_is_read(folder):
    path, written = folder
    dataset = MaskedFaces(path, image_size=8)
    read = next(iter(DataLoader(dataset, batch_size=3, collate_fn=collate)))
    assert isinstance(read, FaceBatch) and dataset.captions == ["words"] * 3 and dataset.head == "open"
    assert read.vertices is None and read.visibility is None
    torch.testing.assert_close(read.image, written.image, atol=1.01 / 255, rtol=0)
    for one, other in zip(read[1:8], written[1:8], strict=True):
        torch.testing.assert_close(one, other)


def test_some_faces_are_chosen_by_the_names_of_their_photographs(tmp_path):
    create_dataset(tmp_path / "set", "open", {})
    writer = ShardWriter(tmp_path / "set", 0)
    for row, source in enumerate(("london/1.jpg", "officials/1.jpg", "london/2.jpg")):
        needed = {"shape": np.full(3, row), "expression": np.ones(2), "pose": np.ones(6), "camera": np.eye(4)}
        writer.add(Face(f"{row}", np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), needed, source=source))
    writer.close()
    chosen = MaskedFaces(tmp_path / "set", image_size=8, mirror=True, match="^london/")
    assert len(chosen) == 4 and chosen.names == ["0", "2"] and chosen.sources == ["london/1.jpg", "london/2.jpg"]
    assert [float(chosen[row].shape[0]) for row in range(4)] == [0, 2, 0, 2]
    with pytest.raises(ValueError, match="expected faces of .* that 'nobody' finds"):
        MaskedFaces(tmp_path / "set", image_size=8, match="nobody")


def test_neck_and_eyes_may_be_left_out(tmp_path):
    create_dataset(tmp_path / "set", "open", {})
    writer = ShardWriter(tmp_path / "set", 0)
    needed = {"shape": np.ones(3), "expression": np.ones(2), "pose": np.ones(6), "camera": np.eye(4)}
    writer.add(Face("a", np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), needed))
    writer.close()
    face = MaskedFaces(tmp_path / "set", image_size=8)[0]
    assert face.neck_pose.shape == (3,) and face.eye_pose.shape == (6,) and not face.eye_pose.any()


def test_vertices_and_visibility_are_kept(tmp_path):
    visibility = torch.arange(256.0).view(1, 1, 16, 16) / 255
    one = faces(1)._replace(vertices=torch.randn(1, 7, 3), visibility=visibility)
    write_faces(tmp_path / "set", [(one, None)])
    read = collate([MaskedFaces(tmp_path / "set", 8)[0]])
    torch.testing.assert_close(read.vertices, one.vertices)
    torch.testing.assert_close(read.visibility, visibility)
    assert read.select(slice(0, 0)).vertices.shape == (0, 7, 3)


def test_a_mirrored_face_is_drawn_mirrored(folder, tiny_files):
    dataset, mirrored = (MaskedFaces(folder[0], image_size=8, mirror=mirror) for mirror in (False, True))
    assert len(mirrored) == 6
    face, image = dataset[1], mirrored[4]
    assert torch.equal(mirrored[1].image, face.image)
    assert torch.equal(image.image, face.image.flip(-1)) and torch.equal(image.mask, face.mask.flip(-1))
    with pytest.raises(IndexError):
        mirrored[6]
    head = load_head("open", tiny_files / "open_head.npz")
    renderer = Renderer(head.faces, head.uv, head.uv_faces)
    texture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    camera = random_views(1, torch.Generator().manual_seed(1))
    straight = renderer(head(), texture, camera, 64).image
    seen = renderer(head(), texture, camera * torch.tensor([[-1.0], [1], [1], [1]]), 64).image
    torch.testing.assert_close(seen.flip(-1), straight, atol=2e-3, rtol=0)
    torch.testing.assert_close(image.camera, face.camera * torch.tensor([[-1.0], [1], [1], [1]]))


def test_files_are_read_in_worker_processes(folder):
    dataset = MaskedFaces(folder[0], image_size=8)
    read = next(iter(DataLoader(dataset, batch_size=3, collate_fn=collate, num_workers=1)))
    torch.testing.assert_close(read.image, collate([dataset[i] for i in range(3)]).image)


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


def _entries(path, change):
    for index in (path / "shards").glob("*.json"):
        record = json.loads(index.read_text())
        change(record)
        index.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda p: (p / "dataset.json").unlink(), FileNotFoundError, "paint_faces"),
        (lambda p: (p / "shards/00000.json").write_bytes(b"cut off"), ValueError, "index is damaged"),
        (lambda p: (p / "shards/00000.tar").write_bytes(b"cut off"), ValueError, "bytes, got 7"),
        (lambda p: (p / "shards/00000.tar").unlink(), ValueError, "missing"),
        (lambda p: _entries(p, lambda r: r["sizes"].pop("camera")), ValueError, "lacks camera"),
        (lambda p: _entries(p, lambda r: r["sizes"].update(camera=[3, 3])), ValueError, "camera"),
        (lambda p: _entries(p, lambda r: r["faces"].clear()), ValueError, "no faces"),
    ],
    ids=["no data set", "index", "cut off", "no archive", "missing key", "wrong shape", "empty"],
)
def test_damage_is_explained(folder, damage, error, words):
    damage(folder[0])
    with pytest.raises(error, match=words):
        MaskedFaces(folder[0], image_size=8)


def test_an_unreadable_face_is_named(folder):
    dataset = MaskedFaces(folder[0], image_size=8)
    archive = folder[0] / "shards" / "00001.tar"
    archive.write_bytes(b"x" * archive.stat().st_size)
    assert dataset[1].image.shape == (3, 8, 8)
    with pytest.raises(ValueError, match="000002 in .*00001.tar"):
        dataset[2]


def test_shards_of_other_parameters_are_refused(folder):
    _entries(folder[0], lambda record: record["sizes"].update(shape=[len(record["faces"])]))
    with pytest.raises(ValueError, match="as in the first"):
        MaskedFaces(folder[0], image_size=8)
