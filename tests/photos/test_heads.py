"""Heads of real data sets: fitted or imported, they lie over their faces."""

import numpy as np
import pytest
import torch
from PIL import Image
from preparing import options, run
from scipy.spatial.transform import Rotation

from clipface.data import FitDistribution, MaskedFaces
from clipface.data.shards import DISTRIBUTION
from clipface.photos.heads import DecaHeads, FittedHeads, VertexHeads
from clipface.photos.report import write_distribution, write_sheet
from clipface.photos.sources import pair
from clipface.render.camera import project

SIDE = 256


def test_fitted_heads_lie_over_their_faces(photos, open_head):
    """The whole way once, with the real fit."""
    head, renderer = open_head
    for name in ("c.jpg", "more images/a.png"):
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
def imported(images, tmp_path):
    """Three painted photographs, and an empty folder for their heads."""
    for folder in ("photos", "fits"):
        (tmp_path / folder).mkdir()
    for name, image in zip(("one", "two", "three"), images.images, strict=False):
        Image.fromarray(image).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path / "photos", tmp_path / "fits"


def painted_places(images, matrix, index):
    """Where a painted head is in a crop: pixels [V, 2], from its own parameters and camera."""
    one = slice(index, index + 1)
    batch = images.batch
    vertices = images.head(
        batch.shape[one], batch.expression[one], batch.pose[one], batch.neck_pose[one], batch.eye_pose[one]
    )
    pixels = (project(vertices, batch.camera[one])[0, :, :2].numpy() + 1) * SIDE / 2
    return pixels @ matrix[:2, :2].T + matrix[:2, 2]


def test_vertices_are_placed_and_masked(images, open_head, imported):
    photos, fits = imported
    batch = images.batch
    vertices = images.head(batch.shape, batch.expression, batch.pose, batch.neck_pose, batch.eye_pose)
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
    np.testing.assert_allclose(got, painted_places(images, faces.parameters(0)["matrix"], 0), atol=0.05)
    assert 0.05 < face.mask.mean() < 0.5 and face.visibility.max() > 0.5
    assert write_distribution(photos.parent / "set", open_head[0]) is None
    assert write_sheet(photos.parent / "set", *open_head).is_file()


def deca_code(images, index):
    """The code that DECA would give for a painted face that it saw whole, were its head this one.

    Painted heads are turned by their camera; DECA turns them by their pose, about the neck.
    """
    batch, head, one = images.batch, images.head, slice(index, index + 1)
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


def test_deca_s_heads_are_placed_and_masked(images, open_head, imported):
    photos, fits = imported
    code, straight = deca_code(images, 0)
    np.savez(fits / "one.npz", **code)
    short, _ = deca_code(images, 1)
    np.savez(fits / "two.npz", **short | {"shape": short["shape"][:, :7]})
    pairing = pair(["one.png", "two.png", "three.png"], fits, (".npz",))
    source = run(options(photos), DecaHeads(*open_head, pairing, photos))
    kinds = {kind: entry["examples"][0] for kind, entry in source.summary["reasons"].items()}
    assert kinds["no fit"].startswith("three.png") and "as in the first file" in kinds["damaged fit"]
    faces = MaskedFaces(photos.parent / "set", 128)
    face, matrix = faces[0], faces.parameters(0)["matrix"]
    vertices = open_head[0](face.shape[None], face.expression[None], face.pose[None])
    got = (project(vertices, face.camera[None])[0, :, :2].numpy() + 1) * 256
    pixels = (project(straight, images.batch.camera[:1])[0, :, :2].numpy() + 1) * SIDE / 2
    np.testing.assert_allclose(got, pixels @ matrix[:2, :2].T + matrix[:2, 2], atol=0.05)
    assert 0.05 < face.mask.mean() < 0.5
    assert write_distribution(photos.parent / "set", open_head[0]).count == 1
