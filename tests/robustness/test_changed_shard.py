"""A data set whose archive was changed after it was written is noticed where a face is read."""

import json

import pytest

from clipface.data.faces import MaskedFaces
from scripts.measure.fuzzing.rooms.data import write_dataset
from scripts.measure.fuzzing.tiny import SIZE


@pytest.fixture
def folder(tmp_path):
    write_dataset(tmp_path / "faces")
    return tmp_path / "faces"


@pytest.mark.parametrize("kind", ["jpg", "mask.png", "npz"])
def test_a_changed_byte_is_noticed(folder, kind):
    index = json.loads((folder / "shards/00000.json").read_text())
    offset, size, _ = index["faces"][1]["files"][kind]
    archive = folder / "shards/00000.tar"
    content = bytearray(archive.read_bytes())
    content[offset + size - 30] ^= 4
    archive.write_bytes(content)
    faces = MaskedFaces(folder, SIZE)
    faces[0]
    with pytest.raises(ValueError, match=r"face1 in .*00000\.tar cannot be read \(it was changed"):
        faces[1]


def test_a_set_without_checksums_is_read(folder):
    path = folder / "shards/00000.json"
    index = json.loads(path.read_text())
    for face in index["faces"]:
        face["files"] = {name: span[:2] for name, span in face["files"].items()}
    path.write_text(json.dumps(index))
    assert len([face for face in map(MaskedFaces(folder, SIZE).__getitem__, range(2))]) == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [("faces", None), ("faces", [None]), ("faces", [{"name": 3, "files": {}}]), ("bytes", "x"), ("sizes", []),
     ("sha256", 3), ("sources", [])],
)  # fmt: skip
def test_an_index_that_lies_is_damaged(folder, key, value):
    path = folder / "shards/00000.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(ValueError, match=r"dataset: .*00000\.tar: its index is damaged"):
        MaskedFaces(folder, SIZE)


def test_a_span_outside_the_archive_is_damaged(folder):
    path = folder / "shards/00000.json"
    index = json.loads(path.read_text())
    index["faces"][0]["files"]["npz"] = [0, 1 << 40, 0]
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match="its index is damaged"):
        MaskedFaces(folder, SIZE)


def test_a_set_whose_faces_differ_in_what_is_known_is_read(folder):
    path = folder / "shards/00000.json"
    index = json.loads(path.read_text())
    del index["faces"][1]["source"]
    path.write_text(json.dumps(index))
    assert MaskedFaces(folder, SIZE).sources is None
