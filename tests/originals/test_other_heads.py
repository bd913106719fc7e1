"""The shipped generator paints FLAME, captures for ARKit move it, and its trackers' motions move ARKit's shapes."""

import shutil
import warnings

import numpy as np
import pytest
import torch
from commands import script
from other_head import other_head_folder

from clipface import pickles
from clipface.animation import load_motion
from clipface.animation.arkit_flame import ExpressionMap
from clipface.edit.attributes import look_mapper
from clipface.edit.loading import load_avatar, load_mapper
from clipface.edit.sampling import sample_latents
from clipface.head import load_head
from clipface.head.expressions import ARKIT_NAMES
from clipface.head.mesh import uv_map_hash
from clipface.render.uv import UVMap
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.carry import MAP_FILE, read_head_map

JAW = 24.4 * np.pi / 180  # by which the open head's jawOpen turns its jaw


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copytree(other_head_folder(), tmp_path / "data")
    monkeypatch.setenv("CLIPFACE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "flame"


@pytest.fixture(scope="module")
def mapped() -> ExpressionMap:
    place = other_head_folder() / "flame"
    return ExpressionMap.from_map(read_head_map(place / MAP_FILE), load_head("flame", place / "generic_model.pkl"), 50)


def avatar_of(name):
    return load_avatar(None, HeadConfig(name), RendererConfig())


def test_without_a_map_the_message_says_how_to_make_one(folder):
    (folder / MAP_FILE).unlink()
    with pytest.raises(
        ValueError, match=r"make the map .*from_open.safetensors by .*transfer_texture.py --from open --to flame"
    ):
        avatar_of("flame")


def test_the_shipped_generator_paints_the_other_head(folder):
    with pytest.warns(UserWarning, match="paints another head; its textures come to generic_model.pkl by the map"):
        avatar = avatar_of("flame")
    own = avatar_of("open")
    codes = [sample_latents(each, [3], 1.0) for each in (own, avatar)]
    torch.testing.assert_close(codes[0].w_plus, codes[1].w_plus)
    carrier = read_head_map(folder / MAP_FILE).carrier(uv_map_hash(own.head), uv_map_hash(avatar.head))
    for size in (None, 64):
        torch.testing.assert_close(avatar.texture(codes[1].w_plus, size), carrier(own.texture(codes[0].w_plus, size)))
    # A photograph's texture is brought where the generator has it, before its nearest code is sought.
    made, own_texture = avatar.texture(codes[1].w_plus, 64), own.texture(codes[0].w_plus, 64)
    face = UVMap(own.head, 64).region(["face"])
    away = (avatar.on_generators_map(made) - own_texture).abs().mean((0, 1))[face]
    assert away.mean() < 0.03 and torch.equal(own.on_generators_map(made), made)
    # People have their own heads, on either mesh: whose nose is longer there has a longer one here.
    both = [(each.head, sample_latents(each, range(12), 1.0).shape) for each in (own, avatar)]
    marks = [head.landmarks(head(shape)) for head, shape in both]
    for first, second in ((0, 16), (36, 45), (27, 8)):
        lengths = [(each[:, first] - each[:, second]).norm(dim=1).numpy() for each in marks]
        assert np.corrcoef(lengths)[0, 1] > 0.95
    for edit in ("look:zombie", "slider:older"):
        changed = load_mapper(edit, avatar)(codes[1])
        assert (avatar.texture(changed.w_plus, 64) - avatar.texture(codes[1].w_plus, 64)).abs().mean() > 0.001
    assert look_mapper("look:zombie", own) is not None


def test_a_map_to_another_version_of_the_head_is_refused(folder):
    import pickle

    arrays = pickles.load(folder / "generic_model.pkl")
    arrays["shapedirs"] = 2 * np.asarray(arrays["shapedirs"])
    (folder / "generic_model.pkl").write_bytes(pickle.dumps(arrays, protocol=2))
    with pytest.raises(ValueError, match=r"map: expected one to the head .*make it again by"):
        avatar_of("flame")


def test_textures_are_sampled_and_edited_by_the_commands(folder, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script("edit").main(
            ["--mapper", "look:clown", "--head", "flame", "--latents", "0:1", "--size", "32", "--device", "cpu",
             "--output", str(tmp_path / "edited")]
        )  # fmt: skip
    assert (tmp_path / "edited" / "faces.png").is_file()


def test_every_shape_comes_back_within_half_a_millimetre(mapped):
    ones = torch.eye(len(ARKIT_NAMES))
    moved = mapped.to_flame(ones)
    again = mapped.to_arkit(*moved)
    assert again.min() >= 0 and again.max() <= 1
    away = 1000 * mapped.distance(ones, again)[:, mapped.root[:, 0] > 0]
    assert away.mean(1).max() < 0.5 and away.mean() < 0.15


def test_the_jaws_shape_is_a_rotation(mapped):
    names = [ARKIT_NAMES.index(name) for name in ("jawOpen", "jawLeft")]
    moved = mapped.to_flame(0.5 * torch.eye(len(ARKIT_NAMES))[names])
    assert moved.jaw[0, 0].item() == pytest.approx(JAW / 2, rel=0.15) and moved.jaw[1, 1] > 0.04
    assert moved.expression[0].norm() < 4 and moved.eye_pose.abs().max() < 0.02
    turned = mapped.to_arkit(torch.zeros(2, 50), torch.tensor([[0.0, 0, 0], [JAW / 2, 0, 0]]))
    assert turned[0].abs().max() < 1e-6
    opening = turned[1, names[0]].item()
    turned[1, names[0]] = 0
    assert opening == pytest.approx(0.5, abs=0.12) and turned[1].max() < 0.15


def test_frames_do_not_depend_on_each_other(mapped):
    random = np.random.default_rng(0)
    weights = torch.from_numpy(random.uniform(0, 0.6, (3, 52)) * (random.uniform(size=(3, 52)) > 0.7)).float()
    together, alone = mapped.to_flame(weights), mapped.to_flame(weights[1:2])
    torch.testing.assert_close(together.expression[1:2], alone.expression, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(mapped.to_arkit(*together)[1:2], mapped.to_arkit(*alone), atol=1e-3, rtol=0)


def test_a_phones_capture_moves_the_other_head_and_comes_back(folder, tmp_path):
    names = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    weights = np.zeros((4, 52))
    weights[:, ARKIT_NAMES.index("jawOpen")] = [0, 0.3, 0.6, 0.9]
    weights[:, ARKIT_NAMES.index("mouthSmileLeft")] = [0, 0.5, 0.5, 0]
    lines = [",".join(["Timecode", *names, "HeadYaw"])]
    lines += [",".join(map(str, [frame / 30, *row, 0.1 * frame])) for frame, row in enumerate(weights)]
    (tmp_path / "capture.csv").write_text("\n".join(lines))
    flame, opened = load_head("flame"), load_head("open")
    motion = load_motion(tmp_path / "capture.csv", flame)
    assert motion.expression.shape == (4, flame.n_expression) and not motion.expression_names
    assert motion.pose[3, 3] > 0.3 and motion.pose[3, 1].item() == pytest.approx(-0.3, abs=1e-4)
    vertices = [head(None, each.expression, each.pose, eye_pose=each.eye_pose) for head, each in (
        (flame, motion), (opened, load_motion(tmp_path / "capture.csv", opened)))]  # fmt: skip
    gaps = [
        head.landmarks(each)[:, [62, 66], 1].diff(dim=1)[:, 0]
        for head, each in zip((flame, opened), vertices, strict=True)
    ]
    torch.testing.assert_close(*gaps, atol=3e-3, rtol=0.1)
    convert = script("convert_motion").main
    convert([str(tmp_path / "capture.csv"), str(tmp_path / "flame.npz")])
    convert([str(tmp_path / "flame.npz"), str(tmp_path / "again.csv"), "--map", str(folder / MAP_FILE)])
    first, last = (load_motion(tmp_path / name, opened) for name in ("capture.csv", "again.csv"))
    apart = (opened(None, first.expression, first.pose) - opened(None, last.expression, last.pose)).norm(dim=2)
    assert apart.mean() < 3e-4 and first.rate == last.rate
    torch.testing.assert_close(first.pose, last.pose, atol=1e-4, rtol=0)


def test_trackers_frames_move_the_open_head(folder, tmp_path):
    random, flame, opened = np.random.default_rng(0), load_head("flame"), load_head("open")
    exp, jaw = random.normal(0, 0.7, (3, 50)), np.array([[0, 0, 0], [0.2, 0, 0], [0.35, 0, 0]])
    np.savez(tmp_path / "tracked.npz", exp=exp, pose=np.concatenate([0 * jaw, jaw], 1), fps=25)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        motion = load_motion(tmp_path / "tracked.npz", opened)
    assert motion.expression_names == opened.expression_names and motion.rate == 25
    assert not motion.pose.any() and (motion.expression >= 0).all() and (motion.expression <= 1).all()
    opening = motion.expression[:, ARKIT_NAMES.index("jawOpen")]
    assert opening[2] > opening[1] > opening[0]
    assert load_motion(tmp_path / "tracked.npz", flame).expression.shape[1] == flame.n_expression
    (folder / MAP_FILE).unlink()
    with pytest.warns(UserWarning, match="or make the map between both by"):
        load_motion(tmp_path / "tracked.npz", opened)


def test_what_cannot_be_converted_is_told(folder, tmp_path):
    convert = script("convert_motion").main
    with pytest.raises(ValueError, match=r"expected a file .csv for ARKit's weights or .npz"):
        convert(["laugh", str(tmp_path / "laugh.bvh")])
    (folder / MAP_FILE).unlink()
    (tmp_path / "capture.csv").write_text("Timecode\n0\n")
    with pytest.raises(ValueError, match="make the map between both by"):
        load_motion(tmp_path / "capture.csv", load_head("flame"))
