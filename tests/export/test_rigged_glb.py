"""Rigged heads are read back by pygltflib and bent by hand, as the glTF 2.0 specification says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from gltf_player import Rig, in_file
from scipy.spatial.transform import Rotation
from validator import issues

from clipface import assets
from clipface.export import write_rigged_glb
from clipface.export.animated_glb import write_animated_glb
from clipface.export.parts import head_parts
from clipface.export.surface import vertex_normals
from clipface.head import HeadModel, load_head, read_open_head
from clipface.head.data import JOINTS

TENTH_MILLIMETRE = 1e-4
ARKIT = 52
MOST = torch.tensor([0.3, 0.3, 0.25, 0.35, 0.35])[:, None]  # radians, of each joint
NAMES = {"root": "pose", "jaw": "pose", "neck": "neck_pose", "left_eye": "eye_pose", "right_eye": "eye_pose"}


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def numbered() -> HeadModel:
    """A head as FLAME's: its expression components have no names, and each joint has correctives of its own."""
    data = read_open_head(assets.resolve("open_head"))
    random = np.random.default_rng(0)
    smooth = data.shapedirs[:, :, :36] * random.normal(size=36)
    return HeadModel(replace(data, expression_names=(), posedirs=smooth.astype(np.float32)))


@pytest.fixture(scope="module")
def texture() -> torch.Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))


def person(head: HeadModel, seed: int = 0) -> dict[str, torch.Tensor]:
    """A face before and after an edit of its expression and identity."""
    random = torch.Generator().manual_seed(seed)
    shape = 0.7 * torch.randn(1, head.n_shape, generator=random)
    edited = 0.3 * torch.rand(1, head.n_expression, generator=random)
    return {"shape": shape, "edited_shape": shape + 0.2, "edited_expression": edited}


def random_pose(random: torch.Generator) -> torch.Tensor:
    """Rotations [5, 3] of the joints, radians."""
    return MOST * (2 * torch.rand(5, 3, generator=random) - 1)


def pose_of(rotations: torch.Tensor) -> dict[str, torch.Tensor]:
    root, neck, jaw, left, right = rotations[:, None]
    return {"pose": torch.cat([root, jaw], 1), "neck_pose": neck, "eye_pose": torch.cat([left, right], 1)}


def bent(rig: Rig, weights: dict[str, float], rotations: torch.Tensor, extras: bool, what: str = "POSITION"):
    """Corners of a file's head, [F, 3, 3], as a plain viewer shows it or with what `extras` tell."""
    turns = Rotation.from_rotvec(rotations.numpy()).as_matrix()
    opened = dict(zip(rig.names, rig.mesh.weights, strict=True))
    weights, local, bound = opened | weights, np.tile(np.eye(4), (5, 1, 1)), joints_of(rig)
    moved = bound.copy()
    if extras:
        for name, corrective in rig.extras["poseCorrectives"].items():
            turn = turns[JOINTS.index(corrective["joint"])] - np.eye(3)
            weights[name] = float((np.array(corrective["rotation"]) * turn).sum())
        for name, offsets in rig.extras["jointOffsets"].items():
            moved += (weights[name] - opened[name]) * np.array(offsets)
    for joint, parent in enumerate((-1, 0, 1, 1, 1)):
        local[joint, :3, :3] = turns[joint]
        place = moved[joint] + turns[joint] @ (bound[joint] - moved[joint])
        local[joint, :3, 3] = place - (bound[parent] if parent >= 0 else 0)
    return rig.bend(what, [weights[name] for name in rig.names], local)[rig.corners]


def joints_of(rig: Rig) -> np.ndarray:
    """Where the joints are bound, [5, 3]; nodes stand there too."""
    bound = -rig.array(rig.skin.inverseBindMatrices)[:, 3, :3].astype(np.float64)
    for joint, parent in enumerate((-1, 0, 1, 1, 1)):
        place = bound[joint] - (bound[parent] if parent >= 0 else 0)
        np.testing.assert_allclose(rig.document.nodes[joint].translation, place, atol=1e-6)
    return bound


def in_head(head: HeadModel, face: dict, weights: dict[str, float], names: tuple[str, ...], edit: float = 1.0) -> dict:
    """The parameters for which the head is what the file shows at these weights."""
    expression = torch.zeros(1, head.n_expression)
    for name, weight in weights.items():
        expression[0, names.index(name)] = weight
    shape = face["shape"] + edit * (face["edited_shape"] - face["shape"])
    return {"shape": shape, "expression": expression + edit * face["edited_expression"]}


def distances(corners: np.ndarray, head: HeadModel, vertices: torch.Tensor) -> np.ndarray:
    """Of each corner from where the head has it, metres."""
    return np.linalg.norm(corners - vertices.numpy()[in_file(head)], axis=-1)


def farthest(corners: np.ndarray, head: HeadModel, vertices: torch.Tensor) -> float:
    return float(distances(corners, head, vertices).max())


def slots(head: HeadModel) -> tuple[str, ...]:
    return head.expression_names or tuple(f"expression_{slot}" for slot in range(head.n_expression))


@pytest.mark.parametrize("which", ["head", "numbered"])
def test_random_weights_and_joints_give_the_heads_vertices(which, texture, tmp_path, request):
    head = request.getfixturevalue(which)
    face, random, names = person(head), torch.Generator().manual_seed(1), slots(head)
    rig = Rig(write_rigged_glb(tmp_path / "head.glb", head, texture=texture, **face))
    targets = [name for name in rig.names if name in names]
    assert len(targets) == (ARKIT if which == "head" else 86) and "edit" in rig.names
    with_extras, plain = [], []
    for _ in range(10):
        weights = dict(zip(targets, torch.rand(len(targets), generator=random).tolist(), strict=True))
        edit, rotations = float(torch.rand(1, generator=random)), random_pose(random)
        wanted = head(**in_head(head, face, weights, names, edit), **pose_of(rotations))[0]
        with_extras.append(farthest(bent(rig, weights | {"edit": edit}, rotations, extras=True), head, wanted))
        still = head(**in_head(head, face, weights, names, edit))[0]
        plain.append(farthest(bent(rig, weights | {"edit": edit}, 0 * rotations, extras=False), head, still))
    print(f"{which}: {max(with_extras) * 1e6:.2f} micrometres; morph targets alone: {max(plain) * 1e6:.2f}")
    assert max(with_extras + plain) < TENTH_MILLIMETRE / 20


def test_a_plain_viewer_shows_linear_blend_skinning(head, texture, tmp_path):
    """It has no correctives and keeps the joints of the head as it opened: how far off that is, is printed."""
    face, random = person(head), torch.Generator().manual_seed(2)
    rig = Rig(write_rigged_glb(tmp_path / "head.glb", head, texture=texture, **face))
    data = read_open_head(assets.resolve("open_head"))
    uncorrected = HeadModel(replace(data, posedirs=np.zeros_like(data.posedirs)))
    opened, rotations = (face["edited_shape"], face["edited_expression"]), random_pose(random)
    corners = bent(rig, {}, rotations, extras=False)
    assert farthest(corners, head, uncorrected(*opened, **pose_of(rotations))[0]) < TENTH_MILLIMETRE / 20
    off = {}
    for name, joints in {"root": [0], "neck": [1], "jaw": [2], "eyes": [3, 4]}.items():
        rotations = torch.zeros(5, 3)
        rotations[joints] = torch.tensor([0.3, 0.0, 0.0])
        off[name] = distances(bent(rig, {}, rotations, False), head, head(*opened, **pose_of(rotations))[0])
    weights, rotations = {"jawOpen": 1.0}, torch.zeros(5, 3)
    rotations[1] = torch.tensor([0.3, 0.0, 0.0])
    wanted = head(**in_head(head, face, weights, head.expression_names), **pose_of(rotations))[0]
    off["neck, jawOpen 1"] = distances(bent(rig, weights, rotations, False), head, wanted)
    for name, metres in off.items():
        print(f"{name}: turned by 0.3 rad, off by {metres.max() * 1e3:.3f} mm, median {np.median(metres) * 1e3:.3f} mm")
    assert off["root"].max() < 1e-5 and off["neck"].max() < 1e-5 and off["jaw"].max() < 0.015


def test_it_opens_as_the_posed_head(head, texture, tmp_path):
    face, rotations = person(head), random_pose(torch.Generator().manual_seed(3))
    expression = torch.zeros(1, head.n_expression)
    expression[0, head.expression_names.index("jawOpen")] = 0.6
    expression[0, head.expression_names.index("mouth-open")] = 0.3  # not one of ARKit's, yet used
    face["edited_expression"] = face["edited_expression"] + expression
    path = write_rigged_glb(
        tmp_path / "a.glb", head, texture=texture, expression=expression, **face, **pose_of(rotations)
    )
    rig = Rig(path)
    opened = dict(zip(rig.names, rig.mesh.weights, strict=True))
    assert opened["edit"] == 1 and opened["jawOpen"] == pytest.approx(0.6) and len(rig.names) > ARKIT + 2
    wanted = head(face["edited_shape"], face["edited_expression"], **pose_of(rotations))[0]
    turns = [Rotation.from_quat(rig.document.nodes[joint].rotation).as_rotvec() for joint in range(5)]
    corners = bent(rig, {}, torch.tensor(np.array(turns)), extras=False)
    assert farthest(corners, head, wanted) < TENTH_MILLIMETRE / 20
    unedited = head(face["shape"], expression, **pose_of(rotations))[0]
    corners = bent(rig, {"edit": 0.0}, torch.tensor(np.array(turns)), extras=True)
    assert farthest(corners, head, unedited) < TENTH_MILLIMETRE / 20


def test_normals_are_smooth_across_seams_and_follow_each_target(head, texture, tmp_path):
    face, faces = person(head), head.faces.numpy()
    rig = Rig(write_rigged_glb(tmp_path / "head.glb", head, texture=texture, **face))
    rest = torch.zeros(5, 3)
    for weights in ({}, {"jawOpen": 1.0}, {"mouthSmileLeft": 1.0}, {"eyeBlinkRight": 1.0}):
        vertices = head(**in_head(head, face, weights, head.expression_names))[0].double().numpy()
        wanted = vertex_normals(vertices, faces)[in_file(head)]
        cosine = (bent(rig, weights, rest, False, "NORMAL") * wanted).sum(-1)
        angles = np.degrees(np.arccos(cosine.clip(-1, 1)))
        assert angles.max() < 1, f"{weights}: {angles.max():.2f} degrees"


def test_trimesh_reads_the_unedited_head_with_its_texture(head, texture, tmp_path):
    face = person(head)
    path = write_rigged_glb(tmp_path / "head.glb", head, texture=texture, **face)
    mesh = trimesh.load(path, force="mesh", process=False)
    assert farthest(mesh.vertices[mesh.faces], head, head(face["shape"])[0]) < 2e-6
    scene, order = trimesh.load(path, process=False), np.concatenate(list(head_parts(head).values()))
    meshes = [scene.geometry[name] for name in scene.geometry]
    uv = np.concatenate([each.visual.uv[each.faces] for each in meshes])
    np.testing.assert_allclose(uv, head.uv.numpy()[head.uv_faces.numpy()[order]], atol=1e-6)
    image = np.asarray(meshes[0].visual.material.baseColorTexture.convert("RGB"))
    np.testing.assert_array_equal(image, (texture * 255).round().permute(1, 2, 0).to(torch.uint8).numpy())
    assert meshes[0].visual.material.normalTexture.size == (64, 64)


def test_joints_are_named_and_nested(head, texture, tmp_path):
    rig = Rig(write_rigged_glb(tmp_path / "head.glb", head, texture=texture))
    nodes = rig.document.nodes
    assert [nodes[joint].name for joint in rig.skin.joints] == list(JOINTS)
    assert nodes[0].children == [1] and nodes[1].children == [2, 3, 4] and rig.document.scenes[0].nodes == [0, 5]
    assert nodes[5].skin == 0 and nodes[5].translation is None and not rig.document.animations
    assert "edit" not in rig.names and rig.names[:ARKIT] == list(head.expression_names[:ARKIT])
    shares, joints = rig.attribute("WEIGHTS_0"), rig.attribute("JOINTS_0")
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    assert (joints < 5).all() and (shares >= 0).all()


def test_slots_can_be_chosen(head, texture, tmp_path):
    rig = Rig(write_rigged_glb(tmp_path / "a.glb", head, texture=texture, expressions=["mouth-open", "jawOpen"]))
    assert [name for name in rig.names if not name.startswith("corrective_")] == ["jawOpen", "mouth-open"]
    every = Rig(write_rigged_glb(tmp_path / "c.glb", head, texture=texture, expressions="all"))
    assert [name for name in every.names if not name.startswith("corrective_")] == list(head.expression_names)
    none = Rig(write_rigged_glb(tmp_path / "b.glb", head, texture=texture, expressions=()))
    assert all(name.startswith("corrective_") for name in none.names)


def test_the_khronos_validator_finds_nothing(head, numbered, texture, tmp_path):
    pose = pose_of(random_pose(torch.Generator().manual_seed(4)))
    frames = {"expression": torch.rand(4, 20), "pose": 0.1 * torch.rand(4, 6)}
    data, random = read_open_head(assets.resolve("open_head")), np.random.default_rng(0)
    weights = random.dirichlet(np.ones(5), len(data.weights)) - [1e-3, 0, 0, 0, -1e-3]
    spread = HeadModel(replace(data, weights=weights.astype(np.float32)))  # all joints move each vertex
    for number, path in enumerate((
        write_rigged_glb(tmp_path / "rigged.glb", head, texture=texture, **person(head), **pose),
        write_rigged_glb(tmp_path / "numbered.glb", numbered, texture=texture, **person(numbered)),
        write_rigged_glb(tmp_path / "spread.glb", spread, texture=texture, expressions=()),
        write_rigged_glb(tmp_path / "compact.glb", head, texture=texture, compact=True, **person(head)),
        write_animated_glb(tmp_path / "animated.glb", head, rate=25, texture=texture, **frames),
    )):  # fmt: skip
        assert issues(path) == [], f"{number}: {path.name}"


def test_wrong_arguments_are_named(head, texture, tmp_path):
    path = tmp_path / "face.glb"
    for message, arguments in {
        "texture: expected shape": {"texture": texture[None]},
        "expression: expected one head": {"expression": torch.zeros(2, 3)},
        "shape: expected at most the 300": {"shape": torch.zeros(1, 301)},
        "edited_shape: expected at most the 300": {"edited_shape": torch.zeros(1, 301)},
        "edited_expression: expected finite": {"edited_expression": torch.full((1, 3), float("nan"))},
        "eye_pose: expected shape": {"eye_pose": torch.zeros(1, 3)},
        "expressions: expected names that": {"expressions": ["jawOpen", "grin"]},
    }.items():
        with pytest.raises(ValueError, match=message):
            write_rigged_glb(path, head, **({"texture": texture} | arguments))
    with pytest.raises(ValueError, match=r"path: expected a file ending in \.glb"):
        write_rigged_glb(Path("face.gltf"), head, texture=texture)
    assert not list(tmp_path.iterdir())
