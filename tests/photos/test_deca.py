"""Imported heads: codes and vertices project where their photographs have them; bad files are named."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io
import torch

from clipface.head import load_head
from clipface.photos.deca import DecaCode, fit_from_codes, full_image, read_deca, read_tform
from clipface.photos.heads import GivenVertices, fit_from_vertices, place_vertices, read_vertices
from clipface.photos.sources import pair
from clipface.render.camera import project

SIZE = 64


@pytest.fixture(scope="module")
def head(tiny_files):
    return load_head("open", tiny_files / "open_head.npz")


def similarity(random, scale, shift):
    angle, k = random.normal() * 0.4, random.uniform(*scale)
    x, y = random.uniform(-shift, shift, 2)
    return np.array([[k * np.cos(angle), -k * np.sin(angle), x], [k * np.sin(angle), k * np.cos(angle), y], [0, 0, 1]])


def code(seed, **changes):
    random = np.random.default_rng(seed)
    one = DecaCode(
        random.normal(size=10), random.uniform(0, 0.5, 6), random.normal(size=6) * 0.3, np.array([7.0, 0.01, -0.02]),
        similarity(random, (0.3, 0.6), 30),
    )  # fmt: skip
    return one._replace(**changes)


def in_photograph(head, one):
    """Where DECA draws a head: pixels of the photograph [V, 2], and z as it projects it [V]."""
    parts = [torch.from_numpy(part)[None].float() for part in one[:3]]
    vertices = head(*parts)[0].double().numpy()
    scale, shift_x, shift_y = one.camera
    projected = np.stack([scale * (vertices[:, 0] + shift_x), -scale * (vertices[:, 1] + shift_y)], 1)
    pixels = np.c_[(projected + 1) / 2 * 224, np.ones(len(vertices))]
    return (pixels @ np.linalg.inv(one.tform).T)[:, :2], -scale * vertices[:, 2]


def through(matrix, pixels):
    return (np.c_[pixels, np.ones(len(pixels))] @ matrix.T)[:, :2]


def drawn(head, fit):
    """Where a fit draws its heads: crop pixels [B, V, 2]."""
    clip = project(head(fit.shape, fit.expression, fit.pose, None, fit.eye_pose), fit.camera)
    return ((clip[..., :2] + 1) * SIZE / 2).double().numpy(), clip[..., 2].numpy()


def test_codes_project_where_deca_draws_them_in_any_crop(head):
    codes = [code(0), code(1), code(2, tform=full_image((500, 500)))]
    random = np.random.default_rng(9)
    matrices = np.stack([similarity(random, (0.1, 0.2), 20) for _ in codes])
    fit = fit_from_codes(head, codes, matrices, SIZE)
    places, depth = drawn(head, fit)
    for one, matrix, place, z in zip(codes, matrices, places, depth, strict=True):
        pixels, deca_z = in_photograph(head, one)
        np.testing.assert_allclose(place, through(matrix, pixels), atol=1e-3)
        assert np.corrcoef(z, deca_z)[0, 1] > 0.9999  # the nearer is the smaller


def write_mat(path, table):
    scipy.io.savemat(path, table)


def write_pickle(path, table):
    path.write_bytes(pickle.dumps(table, protocol=2))


def write_npz(path, table):
    np.savez(path, **table)


def table(one, long_names=False):
    names = ("shape", "expression" if long_names else "exp", "pose", "camera" if long_names else "cam")
    arrays = {name: part[None].astype(np.float32) for name, part in zip(names, one, strict=False)}
    return arrays | {"tform": one.tform, "light": np.zeros((1, 9, 3)), "detail": np.zeros((1, 128))}


@pytest.mark.parametrize("long_names", [False, True])
@pytest.mark.parametrize(("suffix", "write"), [("mat", write_mat), ("pkl", write_pickle), ("npz", write_npz)])
def test_files_of_every_kind_are_read(tmp_path, suffix, write, long_names):
    one = code(3, light=np.zeros((9, 3)))
    write(tmp_path / f"a.{suffix}", table(one, long_names))
    read = read_deca(tmp_path / f"a.{suffix}")
    for got, expected in zip(read, one, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_deca_s_inverted_and_transposed_tform_is_turned_back(tmp_path):
    one = code(4)
    write_npz(tmp_path / "a.npz", table(one) | {"tform": np.linalg.inv(one.tform).T})
    np.testing.assert_allclose(read_deca(tmp_path / "a.npz").tform, one.tform, atol=1e-9)


class Hostile:
    def __reduce__(self):
        return eval, ("open('was_run', 'w')",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cam": None}, "expected cam or camera, got detail"),
        ({"pose": np.zeros((2, 6))}, "pose: expected 6 numbers, got 12"),
        ({"shape": np.full((1, 10), np.nan)}, "no finite numbers"),
        ({"tform": np.zeros((3, 3))}, "invertible"),
        ({"tform": np.diag([1.0, 2.0, 1.0])}, "stretches"),
        ({"tform": np.eye(2)}, "3 x 3"),
        ({"exp": "words"}, "expected numbers"),
        ({"exp": Hostile()}, "refused"),
    ],
)
def test_bad_codes_are_named(tmp_path, changes, words):
    content = {name: value for name, value in (table(code(0)) | changes).items() if value is not None}
    write_pickle(tmp_path / "a.pkl", content)
    with pytest.raises(ValueError, match=words) as error:
        read_deca(tmp_path / "a.pkl")
    assert "a.pkl" in str(error.value)


@pytest.mark.parametrize("suffix", ["mat", "pkl", "npz"])
def test_damaged_files_are_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    {"mat": write_mat, "pkl": write_pickle, "npz": write_npz}[suffix](path, table(code(0)))
    for content in (b"", path.read_bytes()[:150], b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"a.{suffix}"):
            read_deca(path)


@pytest.mark.parametrize("in_crop", [False, True])
def test_vertices_project_where_they_are_in_the_photograph(head, tmp_path, in_crop):
    one = code(5)
    pixels, depth = in_photograph(head, one)
    tform = one.tform if in_crop else None
    places = through(one.tform, pixels) / 112 - 1 if in_crop else pixels / (400, 300) * 2 - 1
    vertices = torch.from_numpy(np.c_[places, depth]).float()[None]
    torch.save(vertices, tmp_path / "a.pt")
    matrix = similarity(np.random.default_rng(6), (0.1, 0.2), 20)
    placed = place_vertices(read_vertices(tmp_path / "a.pt", vertices.shape[1]), matrix, SIZE, (400, 300), tform)
    fit = fit_from_vertices(torch.from_numpy(placed)[None])
    (got,), z = drawn(GivenVertices(head), fit)
    np.testing.assert_allclose(got, through(matrix, pixels), atol=1e-3)
    assert np.corrcoef(z[0], depth)[0, 1] > 0.9999


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (torch.zeros(5, 3), r"one tensor of \(81, 3 or 4\)"),
        ({"a": torch.zeros(81, 3), "b": torch.zeros(1)}, r"one tensor"),
        (torch.full((81, 3), float("nan")), "finite"),
        (torch.full((81, 3), 300.0), "-1..1"),
        (Hostile(), "more than tensors"),
    ],
)
def test_bad_vertices_are_named(tmp_path, content, words):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=words):
        read_vertices(tmp_path / "a.pt", 81)


def test_tform_of_the_authors_sample(tmp_path):
    one = code(7)
    write_pickle(tmp_path / "sample_deca.pkl", {"tform": one.tform})
    np.testing.assert_allclose(read_tform(tmp_path / "sample_deca.pkl"), one.tform)
    np.testing.assert_allclose(read_tform(tmp_path, SimpleNamespace(params=one.tform)), one.tform)


def test_pairs_by_place_or_by_name_but_never_by_order(tmp_path):
    for name in ("b/one.mat", "two/two.pkl", "a/three.npz", "b/three.npz", "spare.mat", "four.mat", "readme.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    photographs = ["one.jpg", "x/two.png", "a/three.jpg", "b/three.jpg", "four.jpg", "four.png", "y/five.jpg"]
    pairing = pair(photographs, tmp_path, (".mat", ".pkl", ".npz"))
    found = {name: path.relative_to(tmp_path).as_posix() for name, path in pairing.paths.items()}
    assert found == {
        "one.jpg": "b/one.mat", "x/two.png": "two/two.pkl", "a/three.jpg": "a/three.npz", "b/three.jpg": "b/three.npz",
    }  # fmt: skip
    assert {name: reason.split(": ")[1] for name, reason in pairing.reasons.items()} == {
        "four.jpg": "2 photographs and 1 files are called four",
        "four.png": "2 photographs and 1 files are called four",
        "y/five.jpg": "there is no file of this name",
    }
    assert sorted(path.name for path in pairing.unused) == ["four.mat", "spare.mat"]
    with pytest.raises(FileNotFoundError, match="holds no .pt"):
        pair(photographs, tmp_path, (".pt",))
    with pytest.raises(FileNotFoundError, match="no folder"):
        pair(photographs, tmp_path / "none", (".pt",))
