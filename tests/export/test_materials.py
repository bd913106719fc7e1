"""Parts, tangents, relief and roughness of a written head, and how other programs read them."""

import io
from dataclasses import replace

import gltf_transform
import numpy as np
import pytest
import torch
from gltf_player import Rig, in_file
from PIL import Image

from clipface import assets
from clipface.export import write_rigged_glb
from clipface.export.parts import head_parts
from clipface.head import HeadModel, load_head, read_open_head
from clipface.render.uv import UVMap

SIZE = 128


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def plain() -> HeadModel:
    """A head without regions, as FLAME's is without its masks."""
    return HeadModel(replace(read_open_head(assets.resolve("open_head")), regions={}))


@pytest.fixture(scope="module")
def dented() -> torch.Tensor:
    """Skin with dark dots, where the relief must sink, on a plain ground."""
    places = torch.arange(SIZE)
    dots = ((places % 16 - 8).abs() <= 1).float()
    return 0.7 - 0.3 * (dots[:, None] * dots[None]).expand(3, SIZE, SIZE)


@pytest.fixture(scope="module")
def rig(head, dented, tmp_path_factory) -> Rig:
    return Rig(
        write_rigged_glb(tmp_path_factory.mktemp("glb") / "a.glb", head, texture=dented, expressions=["jawOpen"])
    )


def image(rig: Rig, number: int) -> np.ndarray:
    """One of a file's images [H, W, 3], 0..255."""
    source = rig.document.images[rig.document.textures[number].source]
    return np.asarray(Image.open(io.BytesIO(rig.bytes(source.bufferView, np.dtype("u1")).tobytes())).convert("RGB"))


def test_skin_eyes_and_mouth_are_parts_with_materials_of_their_own(rig, head):
    materials = [rig.document.materials[part.material] for part in rig.primitives]
    assert [material.name for material in materials] == ["skin", "eyes", "mouth"]
    skin, eyes, mouth = (material.pbrMetallicRoughness for material in materials)
    assert eyes.roughnessFactor < mouth.roughnessFactor < 0.4 and eyes.metallicFactor == mouth.metallicFactor == 0
    rough = image(rig, skin.metallicRoughnessTexture.index)
    uv_map = UVMap(head, len(rough))
    levels = {name: rough[uv_map.region([name]).numpy()].mean(0) / 255 for name in ("lips", "face", "scalp")}
    assert eyes.roughnessFactor < levels["lips"][1] - 0.1 < levels["face"][1] < levels["scalp"][1]
    assert all(level[2] == 0 for level in levels.values())  # metal
    eye = rig.array(rig.primitives[1].attributes.POSITION)
    assert len(eye) < 400 and (np.abs(eye[:, 0]) > 0.01).all()  # two balls, none in the middle
    assert np.array_equal(np.sort(in_file(head), axis=None), np.sort(head.faces.numpy(), axis=None))  # nothing is lost


def test_a_head_without_regions_has_eyes_by_their_joints_and_else_skin(plain, head, dented, tmp_path):
    rig = Rig(write_rigged_glb(tmp_path / "a.glb", plain, texture=dented, expressions=()))
    assert [rig.document.materials[part.material].name for part in rig.primitives] == ["skin", "eyes"]
    eyes = {tuple(sorted(face)) for face in plain.faces.numpy()[head_parts(plain)["eyes"]].tolist()}
    own = {tuple(sorted(face)) for face in head.faces.numpy()[head_parts(head)["eyes"]].tolist()}
    assert len(eyes & own) > 0.9 * len(own)


def test_tangents_follow_the_texture(rig, head):
    """They lie across the normals, and along them u grows; the third axis, by its sign, is where v grows."""
    skin = rig.primitives[0]
    places, normals, tangents, uv = (
        rig.array(getattr(skin.attributes, name)).astype(np.float64)
        for name in ("POSITION", "NORMAL", "TANGENT", "TEXCOORD_0")
    )
    np.testing.assert_allclose(np.linalg.norm(tangents[:, :3], axis=1), 1, atol=1e-5)
    assert np.abs((tangents[:, :3] * normals).sum(1)).max() < 1e-5 and set(tangents[:, 3]) <= {-1.0, 1.0}
    upward = np.cross(normals, tangents[:, :3]) * tangents[:, 3:]
    faces = rig.array(skin.indices).reshape(-1, 3)
    # Where u and v grow on each triangle: the chart is so sheared that an edge along u may lead against the tangent.
    steps, moves = (values[faces[:, 1:]] - values[faces[:, :1]] for values in (places, uv * [1, -1]))  # v counts down
    grows = np.linalg.solve(moves, steps)
    grows /= np.linalg.norm(grows, axis=-1, keepdims=True)
    for corner in range(3):
        for axis, usual, direction in ((tangents[:, :3], 0.99, grows[:, 0]), (upward, 0.95, grows[:, 1])):
            cosine = (axis[faces[:, corner]] * direction).sum(1)
            assert (cosine > 0).mean() > 0.999 and np.median(cosine) > usual  # 2 and 4 triangles of 7902 in folds


def test_what_is_dark_is_deep_and_eyes_are_smooth(rig, head):
    normal = image(rig, rig.document.materials[0].normalTexture.index).astype(float) / 127.5 - 1
    np.testing.assert_allclose(np.linalg.norm(normal, axis=-1), 1, atol=0.02)
    uv_map = UVMap(head, SIZE)
    cheeks = uv_map.region(["face"]).numpy()
    rows, columns = np.nonzero(cheeks)
    right, below = (columns % 16 == 10) & (abs(rows % 16 - 8) <= 1), (rows % 16 == 10) & (abs(columns % 16 - 8) <= 1)
    # Right of a dent's middle the surface rises to the right, so its normal leans left; below it leans up.
    assert normal[rows[right], columns[right], 0].mean() < -0.01
    assert normal[rows[below], columns[below], 1].mean() > 0.01
    eyes = uv_map.region(["right_eyeball", "left_eyeball"]).numpy()
    assert np.abs(normal[eyes][:, :2]).max() < 0.01


def test_paint_is_no_ridge_and_a_photographs_relief_stays_under_it(head, dented, tmp_path):
    painted = torch.full((3, SIZE, SIZE), 0.9)
    painted[:, :, SIZE // 2 :] = 0.05  # the sharpest edge there is
    files = {
        "own": write_rigged_glb(tmp_path / "own.glb", head, texture=painted, expressions=()),
        "under": write_rigged_glb(tmp_path / "under.glb", head, texture=painted, relief=dented, expressions=()),
        "bare": write_rigged_glb(tmp_path / "bare.glb", head, texture=dented, expressions=()),
    }
    normals = {name: image(Rig(file), 1) for name, file in files.items()}
    assert normals["own"][..., 2].min() / 127.5 - 1 > 0.9  # 26 degrees
    np.testing.assert_array_equal(normals["under"], normals["bare"])
    np.testing.assert_array_equal(image(Rig(files["under"]), 0), (painted * 255).round().permute(1, 2, 0).byte())


def test_no_accessor_lacks_a_buffer_view_unless_asked_for(rig, head, dented, tmp_path):
    assert all(each.bufferView is not None and each.sparse is None for each in rig.document.accessors)
    assert not rig.document.extensionsUsed
    full = write_rigged_glb(tmp_path / "full.glb", head, texture=dented)
    compact = write_rigged_glb(tmp_path / "compact.glb", head, texture=dented, compact=True)
    assert compact.stat().st_size < 0.5 * full.stat().st_size < 5e6
    same = [Rig(full).target(number, "POSITION") for number in (0, 30, 60)]
    np.testing.assert_array_equal(same, [Rig(compact).target(number, "POSITION") for number in (0, 30, 60)])


def test_gltf_transform_reads_the_same_head(head, dented, tmp_path):
    file = write_rigged_glb(tmp_path / "a.glb", head, texture=dented, expressions=["jawOpen"])
    read = gltf_transform.read(file)
    assert [part["material"] for part in read["primitives"]] == ["skin", "eyes", "mouth"]
    assert [part["normal"] for part in read["primitives"]] == [[SIZE, SIZE], None, None]
    assert read["primitives"][0]["tangents"] > 0 and read["joints"] == ["root", "neck", "jaw", "left_eye", "right_eye"]
    number = read["names"].index("jawOpen")
    expression = torch.zeros(1, head.n_expression)
    expression[0, head.expression_names.index("jawOpen")] = 1.0
    corners = []
    for part in read["primitives"]:
        bent = np.reshape(part["positions"], (-1, 3)) + np.reshape(part["targets"][number], (-1, 3))
        corners.append(bent[np.reshape(part["indices"], (-1, 3))])
    wanted = head(expression=expression)[0].numpy()[in_file(head)]
    np.testing.assert_allclose(np.concatenate(corners), wanted, atol=1e-6)
