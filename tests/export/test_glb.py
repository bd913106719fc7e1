"""The written file is read back twice: by trimesh, and by hand as the glTF 2.0 specification says."""

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from clipface.export.still import write_glb
from clipface.head import load_head

TYPES = {5125: np.uint32, 5123: np.uint16, 5126: np.float32}
AXES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}


@pytest.fixture(scope="module")
def head():
    return load_head("open")


@pytest.fixture(scope="module")
def texture():
    """Red grows to the right, green grows downwards; 40 high and 64 wide."""
    down, right = torch.meshgrid(torch.linspace(0, 1, 40), torch.linspace(0, 1, 64), indexing="ij")
    return torch.stack([right, down, torch.full_like(down, 0.2)])


@pytest.fixture(scope="module")
def written(head, texture, tmp_path_factory) -> tuple[Path, torch.Tensor]:
    vertices = head(torch.ones(1, 3), pose=torch.tensor([[0.0, 0.2, 0.0, 0.2, 0.0, 0.0]]))[0].requires_grad_()
    return write_glb(tmp_path_factory.mktemp("glb") / "new" / "face.glb", vertices, head, texture), vertices.detach()


def chunks(path: Path) -> tuple[dict, bytes]:
    content = path.read_bytes()
    magic, version, length = struct.unpack("<4sII", content[:12])
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size = struct.unpack("<I", content[12:16])[0]
    return json.loads(content[20 : 20 + size]), content[28 + size :]


def accessor(tree: dict, binary: bytes, index: int) -> np.ndarray:
    entry = tree["accessors"][index]
    view = tree["bufferViews"][entry["bufferView"]]
    start = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
    axes = AXES[entry["type"]]
    return np.frombuffer(binary, TYPES[entry["componentType"]], entry["count"] * axes, start).reshape(-1, axes)


def test_each_corner_has_its_place_and_texture(written, head):
    path, vertices = written
    tree, binary = chunks(path)
    primitive = tree["meshes"][0]["primitives"][0]
    corners = accessor(tree, binary, primitive["indices"]).reshape(-1, 3)
    places = accessor(tree, binary, primitive["attributes"]["POSITION"])
    np.testing.assert_allclose(places[corners], vertices[head.faces.long()].numpy(), atol=1e-6)
    # glTF: v = 0 is the top row of the image. Ours: v = 1 is.
    wanted = head.uv[head.uv_faces.long()].numpy() * [1, -1] + [0, 1]
    uv = accessor(tree, binary, primitive["attributes"]["TEXCOORD_0"])
    np.testing.assert_allclose(uv[corners], wanted, atol=1e-6)
    assert len(places) == len(head.uv), "only seams are split: each texture coordinate belongs to one vertex"


def test_normals_point_outwards_and_do_not_show_the_seams(written, head):
    path, vertices = written
    tree, binary = chunks(path)
    primitive = tree["meshes"][0]["primitives"][0]
    corners = accessor(tree, binary, primitive["indices"]).reshape(-1, 3)
    normals = accessor(tree, binary, primitive["attributes"]["NORMAL"])
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)
    of_vertex = np.full((len(vertices), 3), np.nan)
    of_vertex[head.faces.numpy().ravel()] = normals[corners.ravel()]
    np.testing.assert_allclose(normals[corners], of_vertex[head.faces.numpy()], atol=1e-6)
    nose = head.regions["nose"].numpy()
    assert np.nanmean(of_vertex[nose, 2]) > 0.3


def test_the_texture_is_inside_and_beside(written, texture):
    path, _ = written
    tree, binary = chunks(path)
    material = tree["materials"][tree["meshes"][0]["primitives"][0]["material"]]["pbrMetallicRoughness"]
    assert material["metallicFactor"] == 0
    source = tree["textures"][material["baseColorTexture"]["index"]]["source"]
    view = tree["bufferViews"][tree["images"][source]["bufferView"]]
    inside = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    wanted = (texture * 255).round().permute(1, 2, 0).to(torch.uint8).numpy()
    for image in (Image.open(io.BytesIO(inside)), Image.open(path.with_suffix(".png"))):
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), wanted)
    assert sorted(file.name for file in path.parent.iterdir()) == ["face.glb", "face.png"]


def test_trimesh_reads_the_same_head(written, head):
    path, vertices = written
    mesh = trimesh.load(path, force="mesh", process=False)
    np.testing.assert_allclose(mesh.vertices[mesh.faces], vertices[head.faces.long()].numpy(), atol=1e-6)
    np.testing.assert_allclose(mesh.visual.uv[mesh.faces], head.uv[head.uv_faces.long()].numpy(), atol=1e-6)


def test_wrong_arguments_are_named(head, texture, tmp_path):
    vertices = head()[0]
    with pytest.raises(ValueError, match=r"path: expected a file ending in \.glb"):
        write_glb(tmp_path / "face.obj", vertices, head, texture)
    with pytest.raises(ValueError, match="vertices: expected shape"):
        write_glb(tmp_path / "face.glb", vertices[1:], head, texture)
    with pytest.raises(ValueError, match="texture: expected shape"):
        write_glb(tmp_path / "face.glb", vertices, head, texture[None])
    with pytest.raises(ValueError, match="vertices: expected finite"):
        write_glb(tmp_path / "face.glb", vertices * float("nan"), head, texture)
    assert not list(tmp_path.iterdir())
