"""Archives of faces: readable by anybody, found by offset, whole or not there; damage is seen."""

import errno
import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from clipface.data.shards import Face, ShardWriter, create_dataset, read_manifest, survey, verify, write_json


def face(name, seed=0, **parameters):
    random = np.random.default_rng(seed)
    image = random.integers(0, 255, (8, 8, 3), np.uint8)
    mask = random.integers(0, 255, (8, 8), np.uint8)
    return Face(
        name, image, mask, {"shape": random.normal(size=3).astype(np.float32), **parameters}, "words", "a/b.jpg"
    )


@pytest.fixture
def folder(tmp_path):
    create_dataset(tmp_path / "set", "open", {"size": 8})
    return tmp_path / "set"


def write(folder, number=0, names=("one", "two"), lossless=True):
    writer = ShardWriter(folder, number, lossless)
    for seed, name in enumerate(names):
        writer.add(face(name, seed))
    return writer.close({"sources": {"a/b.jpg": {}}})


@pytest.mark.parametrize("lossless", [True, False])
def test_tar_holds_each_face_side_by_side_and_the_index_points_at_it(folder, lossless):
    shard = write(folder, names=("long " * 30 + "ünicode", "two"), lossless=lossless)
    suffix = "png" if lossless else "jpg"
    with tarfile.open(shard.path) as tar:
        members = [member.name for member in tar]
        contents = {member.name: tar.extractfile(member).read() for member in tar}
    assert members == [f"{entry['name']}.{end}" for entry in shard.faces for end in (suffix, "mask.png", "npz", "txt")]
    raw = shard.path.read_bytes()
    for entry in shard.faces:
        for end, (offset, size, _) in entry["files"].items():
            assert raw[offset : offset + size] == contents[f"{entry['name']}.{end}"]
    read = np.asarray(Image.open(io.BytesIO(contents[f"two.{suffix}"])))
    assert np.abs(read.astype(int) - face("two", 1).image).max() <= (0 if lossless else 24)
    assert contents["two.txt"] == b"words" and not list(folder.rglob("*.partial"))


def test_survey_finds_whole_archives_and_names_damaged_ones(folder):
    for number in range(4):
        write(folder, number)
    shards = folder / "shards"
    (shards / "00001.tar").write_bytes((shards / "00001.tar").read_bytes()[:-512])
    (shards / "00002.tar").unlink()
    (shards / "00003.json").write_text("{")
    (shards / "00004.tar.partial").write_bytes(b"half")
    (shards / "00005.tar").write_bytes(b"renamed, but the index was not written any more")
    good, damaged = survey(folder)
    assert [shard.path.name for shard in good] == ["00000.tar"] and good[0].record["sources"] == {"a/b.jpg": {}}
    assert set(damaged) == {"00001.tar", "00002.tar", "00003.tar"} and "bytes" in damaged["00001.tar"]


def test_checksum_sees_one_changed_byte(folder):
    shard = write(folder)
    assert verify(shard)
    raw = bytearray(shard.path.read_bytes())
    raw[700] ^= 1
    shard.path.write_bytes(raw)
    assert survey(folder)[0] and not verify(shard)


def test_a_full_disk_leaves_the_complete_archives_and_no_partial_one(folder):
    write(folder, 0)
    writer = ShardWriter(folder, 1)
    writer.add(face("three"))

    def full(block):
        raise OSError(errno.ENOSPC, "No space left on device")

    writer._file.write = full
    with pytest.raises(OSError, match="No space"):
        writer.close()
    assert sorted(path.name for path in (folder / "shards").iterdir()) == ["00000.json", "00000.tar"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (face("a.b"), "name"),
        (face("one"), "name"),
        (face("new")._replace(mask=np.zeros((4, 4), np.uint8)), "image"),
        (face("new", pose=np.zeros(6, np.float32)), "parameters"),
        (face("new")._replace(parameters={"shape": np.full(3, np.nan, np.float32)}), "finite"),
    ],
    ids=["dot", "twice", "mask size", "other parameters", "not finite"],
)
def test_faces_that_do_not_fit_are_refused(folder, wrong, words):
    writer = ShardWriter(folder, 0)
    writer.add(face("one"))
    with pytest.raises(ValueError, match=words):
        writer.add(wrong)
    writer.discard()
    assert not list((folder / "shards").iterdir())


def test_manifest_is_checked(tmp_path, folder):
    assert read_manifest(folder)["settings"] == {"size": 8}
    with pytest.raises(FileNotFoundError, match="prepare_photos"):
        read_manifest(tmp_path)
    (folder / "dataset.json").write_text("[")
    with pytest.raises(ValueError, match="damaged"):
        read_manifest(folder)
    (folder / "dataset.json").write_text(json.dumps({"layout": 9, "head": "open", "settings": {}}))
    with pytest.raises(ValueError, match="expected layout 1, got 9"):
        read_manifest(folder)


def test_json_is_replaced_whole_or_not_at_all(tmp_path):
    write_json(tmp_path / "a.json", {"a": "\udce9 ü"})  # a name that is no valid text, as file systems allow
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": "\udce9 ü"} and len(list(tmp_path.iterdir())) == 1
