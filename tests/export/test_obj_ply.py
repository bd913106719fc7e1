"""OBJ and PLY files are read back by trimesh and by the project's own reader."""

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from clipface.export import write_obj, write_ply
from clipface.export.still import vertex_colours
from clipface.export.surface import vertex_normals
from clipface.head import load_head
from clipface.head.mesh import read_obj


@pytest.fixture(scope="module")
def head():
    return load_head("open")


@pytest.fixture(scope="module")
def vertices(head) -> torch.Tensor:
    return head(torch.ones(1, 3), pose=torch.tensor([[0.0, 0.2, 0.0, 0.2, 0.0, 0.0]]))[0]


@pytest.fixture(scope="module")
def texture() -> torch.Tensor:
    """Red grows to the right, green grows downwards; 40 high and 64 wide."""
    down, right = torch.meshgrid(torch.linspace(0, 1, 40), torch.linspace(0, 1, 64), indexing="ij")
    return torch.stack([right, down, torch.full_like(down, 0.2)])


def test_obj_holds_the_heads_own_mesh(head, vertices, texture, tmp_path):
    path = write_obj(tmp_path / "new" / "face.obj", vertices, head, texture)
    read = read_obj(path)
    np.testing.assert_allclose(read.vertices, vertices, atol=1e-6)
    np.testing.assert_allclose(read.uv, head.uv, atol=1e-6)
    np.testing.assert_array_equal(read.faces, head.faces)
    np.testing.assert_array_equal(read.uv_faces, head.uv_faces)
    assert sorted(file.name for file in path.parent.iterdir()) == ["face.mtl", "face.obj", "face.png"]
    assert "map_Kd face.png" in path.with_suffix(".mtl").read_text()
    wanted = (texture * 255).round().permute(1, 2, 0).to(torch.uint8).numpy()
    np.testing.assert_array_equal(np.asarray(Image.open(path.with_suffix(".png"))), wanted)


def test_trimesh_reads_the_obj_with_texture_and_smooth_normals(head, vertices, texture, tmp_path):
    mesh = trimesh.load(write_obj(tmp_path / "face.obj", vertices, head, texture), process=False)
    np.testing.assert_allclose(mesh.vertices[mesh.faces], vertices[head.faces.long()], atol=1e-6)
    np.testing.assert_allclose(mesh.visual.uv[mesh.faces], head.uv[head.uv_faces.long()], atol=1e-6)
    normals = vertex_normals(vertices.double().numpy(), head.faces.numpy())[head.faces.numpy()]
    np.testing.assert_allclose(mesh.vertex_normals[mesh.faces], normals, atol=1e-3)
    assert mesh.visual.material.image.size == (64, 40)


def test_ply_is_one_closed_mesh_with_colours(head, vertices, texture, tmp_path):
    path = write_ply(tmp_path / "face.ply", vertices, head, texture)
    mesh = trimesh.load(path, process=False)
    np.testing.assert_allclose(mesh.vertices, vertices, atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, head.faces)
    np.testing.assert_allclose(mesh.visual.vertex_colors[:, :3], vertex_colours(head, texture) * 255, atol=0.5)
    assert [file.name for file in tmp_path.iterdir()] == ["face.ply"]


def test_a_vertex_has_the_colour_of_its_place_in_the_chart(head, texture):
    colours, faces, uv_faces = vertex_colours(head, texture), head.faces.numpy(), head.uv_faces.numpy()
    wanted = np.zeros((len(colours), 2))
    wanted[faces.ravel()] = head.uv.numpy()[uv_faces.ravel()]  # of a seam, either side
    once = np.bincount(np.unique(np.stack([faces.ravel(), uv_faces.ravel()]), axis=1)[0], minlength=len(colours)) == 1
    np.testing.assert_allclose(colours[once, 0], wanted[once, 0], atol=0.02)
    np.testing.assert_allclose(colours[once, 1], 1 - wanted[once, 1], atol=0.02)


@pytest.mark.parametrize("write", [write_obj, write_ply])
def test_wrong_arguments_are_named(write, head, vertices, texture, tmp_path):
    path = tmp_path / f"face.{write.__name__[-3:]}"
    for message, arguments in {
        r"path: expected a file ending in \.": (tmp_path / "face.glb", vertices, head, texture),
        "vertices: expected shape": (path, vertices[1:], head, texture),
        "vertices: expected finite": (path, vertices * float("nan"), head, texture),
        "texture: expected shape": (path, vertices, head, texture[None]),
        "texture: expected finite": (path, vertices, head, texture / 0),
    }.items():
        with pytest.raises(ValueError, match=message):
            write(*arguments)
    assert not list(tmp_path.iterdir())


def test_a_space_in_the_name_is_refused(head, vertices, texture, tmp_path):
    with pytest.raises(ValueError, match="without spaces"):
        write_obj(tmp_path / "my face.obj", vertices, head, texture)
