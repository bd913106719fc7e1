import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface.assets import FOLDER_VARIABLE
from clipface.head import load_head, read_flame

GENUINE = Path(__file__).parent.parent / "golden/flame_tiny/generic_model.pkl"


@pytest.fixture
def folder(tmp_path, golden_arrays) -> Path:
    """A folder as a user of FLAME has it. The template lists the triangles in another order, from other corners."""
    shutil.copy(GENUINE, tmp_path / "generic_model.pkl")
    faces = golden_arrays["f"].astype(int)
    random = np.random.default_rng(3)
    lines = [f"v {x} {y} {z}" for x, y, z in golden_arrays["v_template"]]
    # The texture coordinate of corner k of face i is (i, k), so it tells where it came from.
    lines += [f"vt {i / len(faces)} {k / 3}" for i in range(len(faces)) for k in range(3)]
    for i in random.permutation(len(faces)):
        corners = [f"{faces[i, k] + 1}/{3 * i + k + 1}" for k in np.roll(np.arange(3), random.integers(3))]
        lines.append("f " + " ".join(corners))
    (tmp_path / "head_template.obj").write_text("\n".join(["# comment", "", "o head", *lines]))
    embedding = {
        "static_lmk_faces_idx": np.arange(51),
        "dynamic_lmk_faces_idx": torch.zeros(79, 17, dtype=torch.int64),
        "full_lmk_faces_idx": torch.arange(68)[None],
        "full_lmk_bary_coords": torch.tensor([1.0, 0.0, 0.0]).repeat(1, 68, 1),
    }
    np.save(tmp_path / "landmark_embedding.npy", np.array(embedding, dtype=object), allow_pickle=True)
    masks = {"nose": np.arange(7), "lips": np.arange(5, 9)}
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps(masks, protocol=2))
    return tmp_path


def test_the_files_beside_it_are_read(folder, golden_arrays):
    head = load_head("flame", folder / "generic_model.pkl")
    faces = golden_arrays["f"].astype(int)
    assert torch.equal(head.faces, torch.from_numpy(faces.astype(np.int32)))
    wanted = np.stack(np.meshgrid(np.arange(len(faces)) / len(faces), np.arange(3) / 3, indexing="ij"), axis=-1)
    torch.testing.assert_close(head.uv[head.uv_faces.long()], torch.from_numpy(wanted.astype(np.float32)))
    assert head.regions["nose"].nonzero().flatten().tolist() == list(range(7))
    torch.testing.assert_close(head.landmarks(head())[0], head()[0, faces[:68, 0]])
    assert (head.n_shape, head.n_expression, head.expression_names) == (300, 100, ())


def test_the_data_folder_is_searched(folder, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    with pytest.raises(FileNotFoundError, match="flame.is.tue.mpg.de"):
        load_head("flame")
    folder.joinpath("flame").mkdir()
    for name in ("generic_model.pkl", "head_template.obj"):
        shutil.move(folder / name, folder / "flame" / name)
    assert load_head("flame").uv.shape == (450, 2)
    (folder / "flame/head_template.obj").unlink()
    with pytest.raises(FileNotFoundError, match="head_template.obj"):
        load_head("flame")


def write(path: Path, arrays: dict) -> Path:
    path.write_bytes(pickle.dumps(arrays, protocol=2))
    return path


@pytest.mark.parametrize(
    "key, change, message",
    [
        ("posedirs", lambda a: a[:-1], r"posedirs: shape \(90, 3, 36\), got \(89, 3, 36\)"),
        ("f", lambda a: a + 1, "f: indices from 0 to 89"),
        ("v_template", lambda a: np.where(a == a[3, 1], np.nan, a), "v_template: finite"),
        ("kintree_table", lambda a: a[:, :4], r"kintree_table: shape \(5\)"),
        ("kintree_table", lambda a: a[0], "kintree_table: shape"),
        ("kintree_table", lambda a: a[::-1], "kintree_table: -1 for the root"),
        ("shapedirs", lambda a: a[..., :300], "shapedirs: shape .*more than 300"),
        ("J_regressor", lambda a: a.T, "J_regressor: shape"),
        ("weights", lambda a: None, "weights: an array of numbers, got type object"),
        ("weights", lambda a: [[1, 2], [3]], "weights: an array of numbers"),
        ("weights", lambda a: np.array(["a"]), "weights: an array of numbers"),
    ],
)
def test_arrays_that_disagree_are_named(tmp_path, golden_arrays, key, change, message):
    path = write(tmp_path / "head.pkl", {**golden_arrays, key: change(golden_arrays[key])})
    with pytest.raises(ValueError, match="head.pkl: " + message.replace(": ", ": expected ", 1)):
        read_flame(path)


def test_a_lacking_array_and_another_pickle_are_named(tmp_path, golden_arrays):
    lacking = {key: value for key, value in golden_arrays.items() if key not in ("weights", "f")}
    with pytest.raises(ValueError, match="f, weights missing"):
        read_flame(write(tmp_path / "head.pkl", lacking))
    with pytest.raises(ValueError, match="expected a dict of arrays, got a list"):
        read_flame(write(tmp_path / "head.pkl", [1, 2]))
    with pytest.raises(FileNotFoundError, match="none.pkl"):
        read_flame(tmp_path / "none.pkl")


def test_side_files_of_another_head_are_refused(folder, golden_arrays):
    path = folder / "generic_model.pkl"
    write(folder / "FLAME_masks.pkl", {"nose": np.array([3, 90])})
    with pytest.raises(ValueError, match="region nose: expected indices from 0 to 89"):
        read_flame(path, masks=folder / "FLAME_masks.pkl")
    template = folder / "head_template.obj"
    lines = template.read_text().splitlines()
    template.write_text("\n".join(lines[:-1]))
    with pytest.raises(ValueError, match="does not belong to .*149 triangles"):
        read_flame(path, template=template)
    np.save(folder / "landmark_embedding.npy", np.array({"full_lmk_faces_idx": [1]}, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="full_lmk_bary_coords missing"):
        read_flame(path, landmarks=folder / "landmark_embedding.npy")
