"""From a folder of pictures to a data set: what is kept, what is dropped and why, and that nothing done is lost."""

import errno
import json

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from clipface.data import FitDistribution, MaskedFaces
from clipface.data.shards import DISTRIBUTION, ShardWriter, survey
from clipface.fit.attributes import FaceAttributes
from clipface.fit.filter import FilterRule
from clipface.fit.fitter import FittedPictures
from clipface.fit.heads import DecaHeads, FittedHeads, VertexHeads
from clipface.fit.lighting import white_light
from clipface.fit.pairing import pair
from clipface.fit.parameters import HeadFit
from clipface.fit.prepare import Options, Preparation, face_name, open_output, plan_run
from clipface.fit.report import summarise, table, write_distribution, write_sheet
from clipface.fit.sources import find_sources
from clipface.render.camera import project

SIDE = 256


@pytest.fixture(scope="session")
def pictures(painted):
    """Six painted photographs."""
    pytest.importorskip("mediapipe")
    return painted(6, SIDE, seed=1)


@pytest.fixture
def photos(tmp_path, pictures):
    folder = tmp_path / "photos"
    (folder / "more pictures").mkdir(parents=True)
    for name, picture in zip(("a.png", "b.png", "c.jpg", "more pictures/a.png"), pictures.pictures, strict=False):
        Image.fromarray(picture).save(folder / name)
    (folder / "empty.jpg").touch()
    Image.new("RGB", (SIDE, SIDE), "grey").save(folder / "grey.png")
    (folder / "readme.txt").write_text("words")
    return folder


class StillHeads:
    """A head source that does not fit: every head is the mean one, every mask the whole picture."""

    name = "still"

    def __init__(self):
        self.calls = []

    def reason(self, file):
        return None

    def heads(self, files, cutouts, groups):
        self.calls.append((list(files), groups.tolist()))
        count, size = len(files), len(cutouts[0].picture)
        zeros = [torch.zeros(count, n) for n in (4, 3, 6, 6)]
        fit = HeadFit(*zeros, torch.ones(count), torch.zeros(count, 2), white_light(count), torch.zeros(count, 1))
        white = torch.full((count, size, size), 255, dtype=torch.uint8)
        return FittedPictures(fit, white, white[:, :64, :64]), {}


def options(photos, **changes):
    return Options(photos, photos.parent / "set", "open", **{"workers": 0, "batch": 2, "shard": 4} | changes)


def run(chosen, source=None, done=lambda file, result: None, people=None, check=False):
    """What the script does, without talking; returns the head source."""
    source = source or StillHeads()
    damaged = open_output(chosen, source.name, check)
    sources, others = find_sources(chosen.photos, chosen.out, people)
    plan = plan_run(chosen, sources)
    Preparation(chosen, source, done).run(plan)
    source.plan, source.damaged, source.summary = plan, damaged, summarise(chosen.out, others)
    return source


def seen(source):
    return sorted(file for files, _ in source.calls for file in files)


FACES = ["a.png", "b.png", "c.jpg", "more pictures/a.png"]


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


def test_a_second_run_does_only_what_is_missing(photos, pictures):
    run(options(photos))
    assert not run(options(photos)).calls
    Image.fromarray(pictures.pictures[4]).save(photos / "new.png")
    assert seen(run(options(photos))) == ["new.png"]
    Image.fromarray(pictures.pictures[5]).save(photos / "new.png")  # another picture of the same name
    again = run(options(photos))
    assert seen(again) == ["new.png"] and list(again.plan.stale.values()) == ["new.png was changed"]
    (photos / "new.png").unlink()
    assert sorted(MaskedFaces(photos.parent / "set", 32).sources) == [*FACES[:3], "more pictures/a.png", "new.png"]
    run(options(photos))
    assert sorted(MaskedFaces(photos.parent / "set", 32).sources) == FACES


def test_interrupted_it_keeps_what_is_done_and_goes_on(photos):
    class Impatient(StillHeads):
        def heads(self, files, cutouts, groups):
            if self.calls:
                raise KeyboardInterrupt
            return super().heads(files, cutouts, groups)

    with pytest.raises(KeyboardInterrupt):
        run(options(photos, shard=8), Impatient())
    (shard,), damaged = survey(photos.parent / "set")
    assert [face["source"] for face in shard.faces] == ["a.png", "b.png"] and not damaged
    assert not list((photos.parent / "set").rglob("*.partial"))
    assert seen(run(options(photos, shard=8))) == ["c.jpg", "more pictures/a.png"]
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
    assert seen(run(options(photos, shard=2))) == ["more pictures/a.png"]


def test_damage_is_found_and_made_good(photos):
    run(options(photos, shard=2))
    shards = photos.parent / "set" / "shards"
    (shards / "00000.tar").write_bytes(b"cut off")
    (shards / "00009.tar.partial").touch()
    (shards / "00008.tar").touch()  # a crash between archive and index
    again = run(options(photos, shard=2))
    assert seen(again) == ["a.png", "b.png"] and "it has 7" in again.damaged[0]
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
    people = {"a.png": "ann", "more pictures/a.png": "ann", "c.jpg": "bob"}
    source = run(options(photos), people=people)
    assert source.calls == [(["a.png", "more pictures/a.png"], [0, 0]), (["b.png", "c.jpg"], [0, 1])]


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
    assert reasons["face hidden"]["examples"] == ["a.png: 0.0% of the picture shows skin of the face"]
    assert reasons["not fitted"]["count"] == 1


def test_names_of_faces_are_unique_and_harmless():
    files = ["a.jpg", "a.png", "a_png.jpg", "b c/ä.v2.jpg", "\udce9.jpg"]
    names = [face_name(file) for file in files]
    assert len(set(names)) == 5 and names[3].startswith("b_c/ä_v2-") and not any("." in name for name in names)
    assert all(name.encode() for name in names)


def test_fitted_heads_lie_over_their_faces(photos, open_head):
    """The whole way once, with the real fit."""
    head, renderer = open_head
    for name in ("c.jpg", "more pictures/a.png"):
        (photos / name).unlink()
    source = run(options(photos), FittedHeads(head, renderer))
    out = photos.parent / "set"
    assert source.summary["kept"] == 2
    faces = MaskedFaces(out, 128)
    for index in range(2):
        face = faces[index]
        assert 0.05 < face.mask.mean() < 0.5 and face.visibility.max() > 0.5
        drawn = project(head(face.shape[None], face.expression[None], face.pose[None]), face.camera[None])[0]
        lips = drawn[head.regions["lips"], :2].mean(0) * 64 + 64
        # FFHQ's crop has the mouth below the middle.
        assert abs(lips[0] - 64) < 8 and 72 < lips[1] < 100
    distribution = write_distribution(out, head)
    assert distribution.count == 2 and FitDistribution.load(out / DISTRIBUTION).count == 2
    sheet = Image.open(write_sheet(out, head, renderer, 1))
    assert sheet.size == (3 * 160, 160)


@pytest.fixture
def imported(pictures, tmp_path):
    """Three painted photographs, and an empty folder for their heads."""
    for folder in ("photos", "fits"):
        (tmp_path / folder).mkdir()
    for name, picture in zip(("one", "two", "three"), pictures.pictures, strict=False):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path / "photos", tmp_path / "fits"


def painted_places(pictures, matrix, index):
    """Where a painted head is in a crop: pixels [V, 2], from its own parameters and camera."""
    one = slice(index, index + 1)
    batch = pictures.batch
    vertices = pictures.head(
        batch.shape[one], batch.expression[one], batch.pose[one], batch.neck_pose[one], batch.eye_pose[one]
    )
    pixels = (project(vertices, batch.camera[one])[0, :, :2].numpy() + 1) * SIDE / 2
    return pixels @ matrix[:2, :2].T + matrix[:2, 2]


def test_vertices_are_placed_and_masked(pictures, open_head, imported):
    photos, fits = imported
    batch = pictures.batch
    vertices = pictures.head(batch.shape, batch.expression, batch.pose, batch.neck_pose, batch.eye_pose)
    clip = project(vertices, batch.camera)[..., :3]
    torch.save(clip[:1], fits / "one.pt")
    torch.save(torch.zeros(2, 2), fits / "two.pt")
    pairing = pair(["one.png", "two.png", "three.png"], fits, (".pt",))
    source = run(options(photos), VertexHeads(*open_head, pairing))
    kinds = {kind: entry["examples"][0] for kind, entry in source.summary["reasons"].items()}
    assert kinds["no fit"].startswith("three.png") and "two.pt" in kinds["damaged fit"]
    faces = MaskedFaces(photos.parent / "set", 128)
    face = faces[0]
    got = (project(face.vertices[None], face.camera[None])[0, :, :2].numpy() + 1) * 256
    np.testing.assert_allclose(got, painted_places(pictures, faces.parameters(0)["matrix"], 0), atol=0.05)
    assert 0.05 < face.mask.mean() < 0.5 and face.visibility.max() > 0.5
    assert write_distribution(photos.parent / "set", open_head[0]) is None
    assert write_sheet(photos.parent / "set", *open_head).is_file()


def deca_code(pictures, index):
    """The code that DECA would give for a painted face that it saw whole, were its head this one.

    Painted heads are turned by their camera; DECA turns them by their pose, about the neck.
    """
    batch, head, one = pictures.batch, pictures.head, slice(index, index + 1)
    linear = batch.camera[index, :2, :3].double().numpy()
    scale = np.linalg.norm(linear[0])
    right, up = linear[0] / scale, -linear[1] / scale
    turn = Rotation.from_matrix(np.stack([right, up, np.cross(right, up)]))
    pose = np.r_[turn.as_rotvec(), np.zeros(3)]
    vertices = head(batch.shape[one], batch.expression[one], torch.from_numpy(pose)[None].float())[0].numpy()
    straight = head(batch.shape[one], batch.expression[one])
    target = project(straight, batch.camera[one])[0, :, :2].numpy() * (1, -1) / scale
    shift = (target - vertices[:, :2]).mean(0)
    code = {"shape": batch.shape[one], "exp": batch.expression[one], "pose": pose, "cam": np.r_[scale, shift]}
    return {name: np.asarray(value, np.float32) for name, value in code.items()}, straight


def test_deca_s_heads_are_placed_and_masked(pictures, open_head, imported):
    photos, fits = imported
    code, straight = deca_code(pictures, 0)
    np.savez(fits / "one.npz", **code)
    short, _ = deca_code(pictures, 1)
    np.savez(fits / "two.npz", **short | {"shape": short["shape"][:, :7]})
    pairing = pair(["one.png", "two.png", "three.png"], fits, (".npz",))
    source = run(options(photos), DecaHeads(*open_head, pairing, photos))
    kinds = {kind: entry["examples"][0] for kind, entry in source.summary["reasons"].items()}
    assert kinds["no fit"].startswith("three.png") and "as in the first file" in kinds["damaged fit"]
    faces = MaskedFaces(photos.parent / "set", 128)
    face, matrix = faces[0], faces.parameters(0)["matrix"]
    vertices = open_head[0](face.shape[None], face.expression[None], face.pose[None])
    got = (project(vertices, face.camera[None])[0, :, :2].numpy() + 1) * 256
    pixels = (project(straight, pictures.batch.camera[:1])[0, :, :2].numpy() + 1) * SIDE / 2
    np.testing.assert_allclose(got, pixels @ matrix[:2, :2].T + matrix[:2, 2], atol=0.05)
    assert 0.05 < face.mask.mean() < 0.5
    assert write_distribution(photos.parent / "set", open_head[0]).count == 1
