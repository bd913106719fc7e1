import numpy as np
import pytest

from clipface.head.mesh import read_obj, reorder_corners, split_seams


def test_split_vertices_keep_place_and_texture(tube_data):
    of_vertex, of_uv, faces = split_seams(tube_data.faces, tube_data.uv_faces)
    np.testing.assert_array_equal(of_vertex[faces], tube_data.faces)
    np.testing.assert_array_equal(of_uv[faces], tube_data.uv_faces)
    assert len(of_vertex) == len(tube_data.uv) == len(tube_data.v_template) + 6, "one more on each of 6 rings"


def test_triangles_in_another_order_keep_their_values(tube_data):
    random = np.random.default_rng(0)
    rows, shift = random.permutation(len(tube_data.faces)), random.integers(3, size=len(tube_data.faces))
    columns = (np.arange(3) + shift[:, None]) % 3
    faces, values = tube_data.faces[rows[:, None], columns], tube_data.uv_faces[rows[:, None], columns]
    np.testing.assert_array_equal(reorder_corners(faces, tube_data.faces, values), tube_data.uv_faces)
    with pytest.raises(ValueError, match="not the"):
        reorder_corners(faces[:, ::-1], tube_data.faces, values)


GOOD = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"


def test_an_obj_file_is_read(tmp_path):
    path = tmp_path / "mesh.obj"
    path.write_text("mtllib a.mtl\n" + GOOD.replace("3/3", "3/3/1") + "vn 0 0 1\n\n")
    mesh = read_obj(path)
    np.testing.assert_array_equal(mesh.vertices, [[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2]])
    np.testing.assert_array_equal(mesh.uv_faces, [[0, 1, 2]])


@pytest.mark.parametrize(
    "text, message",
    [
        (GOOD.replace("3/3", "3"), "line 7: a face of three v/vt corners"),
        (GOOD.replace("3/3", "3/3 1/1"), "line 7: a face of three"),
        (GOOD.replace("3/3", "4/3"), "vertex indices from 1 to 3"),
        (GOOD.replace("3/3", "3/0"), "vt indices from 1 to 3"),
        (GOOD.replace("3/3", "3/"), "line 7"),
        (GOOD.replace("v 1 0 0", "v 1 0"), "lacks a number"),
        (GOOD.replace("v 1 0 0", "v 1 0 zero"), "line 2"),
        (GOOD[:20], "cut off"),
        ("", "cut off"),
    ],
)
def test_a_damaged_obj_file_is_explained(tmp_path, text, message):
    path = tmp_path / "mesh.obj"
    path.write_text(text)
    with pytest.raises(ValueError, match=message.replace(": a", ": expected a")):
        read_obj(path)


def test_a_missing_obj_file_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.obj"):
        read_obj(tmp_path / "none.obj")
