"""Written animations are read back by pygltflib and played by hand, as the glTF 2.0 specification says."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gltf_player import Player, Rig, in_file
from PIL import Image
from scipy.spatial.transform import Rotation

from clipface import assets
from clipface.export import write_rigged_glb
from clipface.export.animated_glb import write_animated_glb
from clipface.export.head_sequence import quaternions
from clipface.export.surface import vertex_normals
from clipface.head import HeadModel, load_head, read_open_head

TENTH_MILLIMETRE = 1e-4
FRAMES, RATE = 90, 30
LAUGH = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
         "eyeBlinkRight", "browInnerUp", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft")  # fmt: skip


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def texture() -> torch.Tensor:
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(noise, 256, mode="bicubic")[0].clamp(0, 1)


@pytest.fixture(scope="module")
def laugh(head) -> dict[str, torch.Tensor]:
    """Three seconds in which all joints and some slots move."""
    time, generator = torch.arange(FRAMES) / RATE, torch.Generator().manual_seed(1)
    expression = torch.zeros(FRAMES, head.n_expression)
    for index, name in enumerate(LAUGH):
        expression[:, head.expression_names.index(name)] = (0.4 + 0.5 * torch.sin(4 * time + index)).clamp(0, 1)
    pose = torch.zeros(FRAMES, 6)
    pose[:, 0], pose[:, 1] = 0.1 * torch.sin(3 * time), 0.5 * torch.sin(2 * time)
    pose[:, 3], pose[:, 4] = 0.2 * (1 - torch.cos(5 * time)), 0.05 * torch.sin(3 * time)
    neck = 0.15 * torch.stack([torch.sin(time), torch.cos(time), torch.sin(2 * time)], 1)
    eyes = torch.zeros(FRAMES, 6)
    eyes[:, 1] = eyes[:, 4] = 0.3 * torch.sin(2 * time)
    shape = 0.7 * torch.randn(1, head.n_shape, generator=generator)
    return {"shape": shape, "expression": expression, "pose": pose, "neck_pose": neck, "eye_pose": eyes}


@pytest.fixture(scope="module")
def written(head, laugh, texture, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("glb") / "new" / "laugh.glb"
    return write_animated_glb(path, head, rate=RATE, texture=texture, **laugh)


@pytest.fixture(scope="module")
def player(written) -> Player:
    return Player(written)


def farthest(player: Player, time: float, head: HeadModel, vertices: torch.Tensor) -> float:
    """Largest distance of a corner from where the head has it, metres."""
    wanted = vertices.numpy()[in_file(head)]
    return float(np.linalg.norm(player.play(time)[player.corners] - wanted, axis=-1).max())


def test_frames_are_those_of_the_head(player, head, laugh):
    vertices = head(**laugh)
    worst = max(farthest(player, frame / RATE, head, vertices[frame]) for frame in range(0, FRAMES, 7))
    moved = (vertices - vertices[:1]).norm(dim=-1).max()
    assert moved > 0.05 and worst < 2e-6, f"{worst * 1e6:.2f} micrometres"


def test_between_frames_it_moves_on(player, head, laugh):
    for frame in (3, 40, 88):
        halfway = {k: v if len(v) == 1 else v[frame : frame + 2].mean(0, keepdim=True) for k, v in laugh.items()}
        assert farthest(player, (frame + 0.5) / RATE, head, head(**halfway)[0]) < TENTH_MILLIMETRE


def test_joints_that_follow_the_expression_matter(player, head, laugh, monkeypatch):
    """Turning about the joints of the head at rest would be wrong by more than a tenth of a millimetre."""
    frame = int(laugh["expression"][:, head.expression_names.index("jawOpen")].argmax())
    still = {node: values for node, values in player.tracks.items() if node[1] == "translation"}
    rest = {key: np.array([player.document.nodes[key[0]].translation] * FRAMES) for key in still}
    monkeypatch.setattr(player, "tracks", player.tracks | rest)
    assert farthest(player, frame / RATE, head, head(**laugh)[frame]) > TENTH_MILLIMETRE


def test_correctives_matter_and_are_few(player, head, laugh):
    correctives = [name for name in player.names if name.startswith("pose_corrective_")]
    assert 2 <= len(correctives) <= 10
    assert [name for name in player.names if name not in correctives] == [
        n for n in head.expression_names if n in LAUGH
    ]
    largest = np.abs(player.tracks[len(player.document.nodes) - 1, "weights"]).max(0)
    np.testing.assert_allclose(largest[-len(correctives) :], 1, atol=1e-6)


def test_normals_follow(player, head, laugh):
    vertices, corners, faces = head(**laugh), in_file(head), head.faces.numpy()
    lips = head.regions["lips"].numpy()[corners]
    for frame in (10, 45, 60):
        wanted = vertex_normals(vertices[frame].numpy(), faces)[corners]
        cosine = (player.play(frame / RATE, "NORMAL")[player.corners] * wanted).sum(-1)
        angles = np.degrees(np.arccos(cosine.clip(-1, 1)))
        # Normals at rest would be 2 (median), 26 and, of the lips, 60 degrees wrong.
        assert np.median(angles) < 0.5 and np.quantile(angles, 0.95) < 4 and np.quantile(angles[lips], 0.95) < 8


def test_the_file_is_small_and_alone(written, texture, player):
    assert written.stat().st_size < 6e6
    assert [file.name for file in written.parent.iterdir()] == ["laugh.glb"]
    image = player.document.images[0]
    pixels = Image.open(io.BytesIO(player.bytes(image.bufferView, np.dtype("u1")).tobytes()))
    wanted = (texture * 255).round().permute(1, 2, 0).to(torch.uint8).numpy()
    np.testing.assert_array_equal(np.asarray(pixels.convert("RGB")), wanted)
    np.testing.assert_allclose(player.times, np.arange(FRAMES) / RATE, atol=1e-6)


def test_at_rest_it_is_the_head_that_write_rigged_glb_writes(player, head, laugh, texture, tmp_path):
    write_rigged_glb(tmp_path / "rest.glb", head, shape=laugh["shape"], texture=texture)
    still = Rig(tmp_path / "rest.glb")
    assert [material.name for material in player.document.materials] == ["skin", "eyes", "mouth"]
    for name in ("POSITION", "NORMAL", "TEXCOORD_0"):
        np.testing.assert_allclose(player.attribute(name), still.attribute(name), atol=1e-4)
    np.testing.assert_array_equal(player.corners, still.corners)
    assert player.mesh.weights == [0.0] * len(player.names)


def test_parts_may_be_missing_or_constant(head, texture, tmp_path):
    write_animated_glb(tmp_path / "still.glb", head, rate=25, texture=texture)
    still = Player(tmp_path / "still.glb")
    assert len(still.times) == 1 and not still.names and not still.primitives[0].targets
    np.testing.assert_allclose(still.attribute("POSITION")[still.corners], head()[0].numpy()[in_file(head)], atol=1e-6)
    turn = torch.linspace(-0.2, 0.2, 5)[:, None] * torch.eye(6)[1]
    smile = torch.zeros(1, head.n_expression)
    smile[0, head.expression_names.index("mouthSmileLeft")] = 0.8
    write_animated_glb(tmp_path / "turn.glb", head, rate=25, texture=texture, pose=turn, expression=smile)
    player = Player(tmp_path / "turn.glb")
    assert player.names == ["mouthSmileLeft"]
    assert farthest(player, 3 / 25, head, head(expression=smile, pose=turn)[3]) < 2e-6


def test_slots_without_a_name_are_numbered(texture, tmp_path):
    data = replace(read_open_head(assets.resolve("open_head")), expression_names=("first", "second"))
    expression = torch.tensor([[0.5, 0.0, 0.0], [0.0, 0.0, 0.4]])
    path = write_animated_glb(tmp_path / "a.glb", HeadModel(data), rate=25, texture=texture, expression=expression)
    assert Player(path).names == ["first", "expression_2"]


def test_quaternions_never_turn_the_long_way():
    angle = torch.linspace(0, 4 * torch.pi, 200, dtype=torch.float64)
    wrapped = (angle + torch.pi) % (2 * torch.pi) - torch.pi  # jumps by a whole turn, as trackers' output does
    axis = torch.nn.functional.normalize(torch.tensor([1.0, 2.0, -0.5], dtype=torch.float64), dim=0)
    got = quaternions(wrapped[:, None, None] * axis)[:, 0]
    assert ((got[1:] * got[:-1]).sum(-1) > 0.99).all()
    wanted = Rotation.from_rotvec((wrapped[:, None] * axis).numpy()).as_matrix()
    np.testing.assert_allclose(Rotation.from_quat(got.numpy()).as_matrix(), wanted, atol=1e-12)


def test_wrong_arguments_are_named(head, texture, tmp_path):
    path, pose = tmp_path / "face.glb", torch.zeros(4, 6)
    for message, arguments in {
        "rate: expected a positive": {"rate": 0},
        "texture: expected shape": {"texture": texture[None]},
        "shape: expected shape": {"shape": torch.zeros(4, 3)},
        "shape: expected at most the 300": {"shape": torch.zeros(1, 301)},
        "expression: expected at most the 100": {"expression": torch.zeros(4, 101)},
        "pose: expected shape": {"pose": pose[:, :3]},
        "pose: expected finite": {"pose": pose * float("nan")},
        "neck_pose: expected 4 frames as before": {"pose": pose, "neck_pose": torch.zeros(3, 3)},
        "eye_pose: expected 1 frames as before, or 1 for all, got 0": {"eye_pose": torch.zeros(0, 6)},
    }.items():
        with pytest.raises(ValueError, match=message):
            write_animated_glb(path, head, **({"rate": 25, "texture": texture} | arguments))
    with pytest.raises(ValueError, match=r"path: expected a file ending in \.glb"):
        write_animated_glb(tmp_path / "face.gltf", head, rate=25, texture=texture)
    assert not list(tmp_path.iterdir())


def test_without_pygltflib_the_extra_is_named():
    code = (
        "import sys; sys.modules['pygltflib'] = None\nfrom clipface.export.gltf import load_pygltflib\nload_pygltflib()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "need the package pygltflib: pip install pygltflib" in done.stderr
