"""From a folder of images to a data set: what is kept, what is dropped and why, and that nothing done is lost."""

import errno
import json

import numpy as np
import pytest
from PIL import Image
from preparing import StillHeads, options, run

from clipface.data import MaskedFaces
from clipface.data.shards import ShardWriter, survey
from clipface.photos.attributes import FaceAttributes
from clipface.photos.dataset import face_name
from clipface.photos.filter import FilterRule
from clipface.photos.opening import Options, open_output
from clipface.photos.report import table


def seen(source):
    return sorted(file for files, _ in source.calls for file in files)


FACES = ["a.png", "b.png", "c.jpg", "more images/a.png"]


def test_every_photograph_is_kept_or_has_a_reason(photos):
    told = {}
    summary = run(options(photos), done=told.__setitem__).summary
    assert summary["photographs"] == 6 and summary["kept"] == 4 and summary["other_files"] == 1
    assert {kind: entry["count"] for kind, entry in summary["reasons"].items()} == {"unreadable": 1, "no face": 1}
    assert summary["reasons"]["unreadable"]["examples"] == ["empty.jpg: empty file (0 bytes)"]
    assert told["a.png"] == "kept" and told["grey.png"].startswith("no face") and len(told) == 6
    assert "6 photographs: 4 kept, 2 dropped" in table(summary) and "empty.jpg" in table(summary)
    assert json.loads((photos.parent / "set" / "summary.json").read_text()) == summary
    faces = MaskedFaces(photos.parent / "set", 32)
    assert sorted(faces.sources) == FACES and len(set(faces.names)) == 4
    matrix = faces.parameters(0)["matrix"]
    assert matrix.shape == (3, 3) and abs(np.linalg.det(matrix[:2, :2])) > 1  # enlarged to 512 pixels


def test_a_second_run_does_only_what_is_missing(photos, images):
    run(options(photos))
    assert not run(options(photos)).calls
    Image.fromarray(images.images[4]).save(photos / "new.png")
    assert seen(run(options(photos))) == ["new.png"]
    Image.fromarray(images.images[5]).save(photos / "new.png")  # another image of the same name
    again = run(options(photos))
    assert seen(again) == ["new.png"] and list(again.plan.stale.values()) == ["new.png was changed"]
    (photos / "new.png").unlink()
    assert sorted(MaskedFaces(photos.parent / "set", 32).sources) == [*FACES[:3], "more images/a.png", "new.png"]
    run(options(photos))
    assert sorted(MaskedFaces(photos.parent / "set", 32).sources) == FACES


@pytest.mark.parametrize("error", [KeyboardInterrupt, FileNotFoundError, MemoryError])
def test_interrupted_it_keeps_what_is_done_and_goes_on(photos, error):
    class Impatient(StillHeads):
        def heads(self, files, cutouts, groups):
            if self.calls:
                raise error
            return super().heads(files, cutouts, groups)

    with pytest.raises(error):
        run(options(photos, shard=8), Impatient())
    (shard,), damaged = survey(photos.parent / "set")
    assert [face["source"] for face in shard.faces] == ["a.png", "b.png"] and not damaged
    assert not list((photos.parent / "set").rglob("*.partial"))
    assert seen(run(options(photos, shard=8))) == ["c.jpg", "more images/a.png"]
    assert len(MaskedFaces(photos.parent / "set", 32)) == 4


def test_a_full_disk_keeps_complete_shards(photos, monkeypatch):
    add, count = ShardWriter.add, 0

    def full(writer, face):
        nonlocal count
        count += 1
        if count > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        add(writer, face)

    monkeypatch.setattr(ShardWriter, "add", full)
    with pytest.raises(OSError, match="No space"):
        run(options(photos, shard=2))
    shards, damaged = survey(photos.parent / "set")
    assert [len(shard.faces) for shard in shards] == [2, 1] and not damaged
    left = sorted(path.name for path in (photos.parent / "set" / "shards").iterdir())
    assert left == ["00000.json", "00000.tar", "00001.json", "00001.tar"]
    monkeypatch.undo()
    assert seen(run(options(photos, shard=2))) == ["more images/a.png"]


def test_damage_is_found_and_made_good(photos):
    run(options(photos, shard=2))
    shards = photos.parent / "set" / "shards"
    (shards / "00000.tar").write_bytes(b"cut off")
    (shards / "00009.tar.partial").touch()
    (shards / "00008.tar").touch()  # a crash between archive and index
    again = run(options(photos, shard=2))
    assert seen(again) == ["a.png", "b.png"] and "got 7" in again.damaged[0]
    assert len(MaskedFaces(photos.parent / "set", 32)) == 4 and len(list(shards.iterdir())) == 2 * 3
    raw = bytearray((shards / "00000.tar").read_bytes())
    raw[1000] ^= 1
    (shards / "00000.tar").write_bytes(raw)
    assert not run(options(photos, shard=2)).calls
    again = run(options(photos, shard=2), check=True)
    assert seen(again) == ["a.png", "b.png"] and "checksum" in again.damaged[0]


def test_other_settings_or_other_files_are_refused(photos):
    run(options(photos))
    with pytest.raises(ValueError, match="least_face"):
        run(options(photos, rule=FilterRule(least_face=10)))
    with pytest.raises(ValueError, match="head 'open' → 'flame'"):
        open_output(Options(photos, photos.parent / "set", "flame"), "still")
    with pytest.raises(ValueError, match="holds other files"):
        open_output(Options(photos, photos, "open"), "still")
    (photos.parent / "file").touch()
    with pytest.raises(OSError, match="cannot write to"):
        open_output(Options(photos, photos.parent / "file" / "set", "open"), "still")


def test_attribute_files_speak_against_photographs(photos, tmp_path):
    attributes = tmp_path / "attributes"
    attributes.mkdir()
    for name, glasses in (("b", "NoGlasses"), ("c", "Sunglasses")):
        face = {"faceRectangle": {"width": 9, "height": 9}, "faceAttributes": {"glasses": glasses, "accessories": []}}
        (attributes / f"{name}.json").write_text(json.dumps([face]))
    source = run(options(photos, attributes=FaceAttributes(attributes)))
    assert seen(source) == ["b.png"]
    assert source.summary["reasons"]["eyewear"]["examples"] == ["c.jpg: Sunglasses (attributes)"]
    assert source.summary["reasons"]["attributes unknown"]["count"] == 4


def test_people_share_a_batch_and_a_group(photos):
    people = {"a.png": "ann", "more images/a.png": "ann", "c.jpg": "bob"}
    source = run(options(photos), people=people)
    assert source.calls == [(["a.png", "more images/a.png"], [0, 0]), (["b.png", "c.jpg"], [0, 1])]


def test_hidden_faces_and_broken_fits_are_dropped_one_by_one(photos):
    class Poor(StillHeads):
        def heads(self, files, cutouts, groups):
            fitted, extra = super().heads(files, cutouts, groups)
            for place, file in enumerate(files):
                if file == "a.png":
                    fitted.mask[place] = 0
                if file == "c.jpg":
                    fitted.fit.shape[place, 0] = float("nan")
            return fitted, extra

    reasons = run(options(photos), Poor()).summary["reasons"]
    assert reasons["face hidden"]["examples"] == ["a.png: 0.0% of the image shows skin of the face"]
    assert reasons["not fitted"]["count"] == 1


def test_names_of_faces_are_unique_and_harmless():
    files = ["a.jpg", "a.png", "a_png.jpg", "b c/ä.v2.jpg", "\udce9.jpg"]
    names = [face_name(file) for file in files]
    assert len(set(names)) == 5 and names[3].startswith("b_c/ä_v2-") and not any("." in name for name in names)
    assert all(name.encode() for name in names)
