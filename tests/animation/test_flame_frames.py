"""FLAME parameters: every spelling gives the same motion; bad frames are named."""

import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.io
import torch

from clipface.animation import load_motion

COUNT = 12


def table(frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"exp": random.normal(size=(frames, COUNT)), "pose": 0.2 * random.normal(size=(frames, 6))}


def write(path, content):
    if path.suffix == ".mat":
        scipy.io.savemat(path, content)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))


def write_folder(folder, content, numbers, suffix=".pkl", flat=False, name="frame_{}"):
    folder.mkdir(exist_ok=True)
    for row, number in enumerate(numbers):
        frame = {key: value[row] if flat else value[row : row + 1] for key, value in content.items()}
        write(folder / (name.format(number) + suffix), frame)
    return folder


def check(motion, content):
    frames = len(content["exp"])
    assert motion.expression.dtype == torch.float32 and len(motion) == frames
    np.testing.assert_allclose(motion.expression[:, :COUNT], content["exp"], atol=1e-6)
    assert not motion.expression[:, COUNT:].any()
    np.testing.assert_allclose(motion.pose, content["pose"], atol=1e-6)


@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".mat"])
def test_a_file_and_a_folder_say_the_same(tmp_path, unnamed_head, suffix):
    content = table(11)
    write(tmp_path / f"all{suffix}", content)
    check(load_motion(tmp_path / f"all{suffix}", unnamed_head, 25), content)
    folder = write_folder(tmp_path / "frames", content, range(11), suffix, flat=suffix == ".pkl")
    motion = load_motion(folder, unnamed_head, 25)  # frame_2 stands before frame_10
    check(motion, content)
    assert motion.rate == 25 and motion.expression.shape[1] == unnamed_head.n_expression


def test_decas_folder_of_folders(tmp_path, unnamed_head):
    content = table(3)
    for row in range(3):
        (tmp_path / f"img{row:04d}").mkdir()
        write(
            tmp_path / f"img{row:04d}" / f"img{row:04d}.mat",
            {key: value[row : row + 1] for key, value in content.items()},
        )
    check(load_motion(tmp_path, unnamed_head, 25), content)


def test_trackers_name_joints_one_by_one(tmp_path, unnamed_head):
    content, random = table(4), np.random.default_rng(1)
    neck, eyes = random.normal(size=(4, 3)) * 0.1, random.normal(size=(4, 6)) * 0.1
    parts = {"expr": content["exp"], "rotation": content["pose"][:, :3], "jaw_pose": content["pose"][:, 3:]}
    write(tmp_path / "a.npz", parts | {"neck_pose": neck, "eyes_pose": eyes, "fps": 24.0, "shape": np.zeros(300)})
    full = np.concatenate([content["pose"][:, :3], neck, content["pose"][:, 3:], eyes], 1)
    write(tmp_path / "b.pkl", {"expression": torch.from_numpy(content["exp"]), "pose": full, "fps": 24})
    for name in ("a.npz", "b.pkl"):
        motion = load_motion(tmp_path / name, unnamed_head)
        check(motion, content)
        assert motion.rate == 24
        np.testing.assert_allclose(motion.neck_pose, neck, atol=1e-6)
        np.testing.assert_allclose(motion.eye_pose, eyes, atol=1e-6)
    assert len(load_motion(tmp_path / "a.npz", unnamed_head, 48)) == 7


class Hostile:
    def __reduce__(self):
        return eval, ("open('was_run', 'w')",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exp": np.zeros((4, 101))}, "expected at most the 100 coefficients of generic_model.pkl, got 101"),
        ({"exp": np.full((4, 3), np.nan)}, "expression: expected finite numbers, got others in frame 0"),
        ({"pose": np.zeros((3, 6))}, "as many frames .* expression 4, pose 3"),
        ({"pose": np.zeros((4, 5))}, "3 or 6 or 15 numbers a frame"),
        ({"pose": np.full((4, 6), 30.0)}, "in radians, got 30; are these degrees"),
        ({"exp": None}, "expected exp or expression .*, got a file with fps, pose"),
        ({"pose": None}, "expected pose or .*, got a file with exp, fps"),
        ({"exp": np.zeros((0, 5)), "pose": np.zeros((0, 6))}, "at least one frame"),
        ({"exp": "words"}, "exp: expected numbers, got str"),
        ({"fps": -1}, "positive frame rate"),
        ({"exp": Hostile()}, "refused"),
    ],
)
def test_bad_files_are_named(tmp_path, unnamed_head, change, words):
    content = {key: value for key, value in (table(4) | {"fps": 30} | change).items() if value is not None}
    write(tmp_path / "a.pkl", content)
    with pytest.raises(ValueError, match=words) as error:
        load_motion(tmp_path / "a.pkl", unnamed_head)
    assert "a.pkl" in str(error.value)


def test_a_rate_must_be_said_by_someone(tmp_path, unnamed_head):
    write(tmp_path / "a.npz", table(4))
    with pytest.raises(ValueError, match="rate: .*fps.*--rate 25 to a script"):
        load_motion(tmp_path / "a.npz", unnamed_head)


@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".mat"])
def test_files_that_are_cut_off_are_named(tmp_path, unnamed_head, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, table(4))
    for content in (b"", path.read_bytes()[:150], b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"a{suffix}"):
            load_motion(path, unnamed_head, 30)


def test_missing_frames_are_named(tmp_path, unnamed_head):
    folder = write_folder(tmp_path / "frames", table(6), (1, 2, 4, 5, 8, 20))
    with pytest.raises(ValueError, match=r"frames 3, 6, 7, 9, 10, 11, 12, 13 and 6 more are missing between 1 and 20"):
        load_motion(folder, unnamed_head, 30)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exp": np.full(COUNT, np.inf)}, "frame_2.pkl: expression: expected finite numbers"),
        ({"exp": np.zeros(COUNT + 1)}, "frame_2.pkl: expression: expected 12 numbers as in the first frame, got 13"),
        ({"exp": np.zeros((2, COUNT))}, "frame_2.pkl: expression: expected one frame"),
        ({"pose": np.zeros(6), "neck_pose": np.zeros(3)}, "frame_2.pkl: neck_pose: expected no numbers as in"),
        ({"fps": 25}, "expected one frame rate, got 30 in frame_0.pkl and 25 in frame_2.pkl"),
    ],
)
def test_a_bad_frame_is_named(tmp_path, unnamed_head, change, words):
    folder = write_folder(tmp_path / "frames", table(4) | {"fps": np.full(4, 30)}, range(4), flat=True)
    frame = {key: value[2] for key, value in table(4).items()}
    write(folder / "frame_2.pkl", frame | change)
    with pytest.raises(ValueError, match=words):
        load_motion(folder, unnamed_head, 30)


def test_folders_that_are_no_sequence(tmp_path, unnamed_head):
    with pytest.raises(ValueError, match="a file a frame, got none"):
        load_motion(tmp_path, unnamed_head, 30)
    write(tmp_path / "face.npz", table(1))
    with pytest.raises(ValueError, match="a name with the frame's number"):
        load_motion(tmp_path, unnamed_head, 30)
    (tmp_path / "face.npz").unlink()
    for name in ("face_1.npz", "face_01.npz"):
        write(tmp_path / name, table(1))
    with pytest.raises(ValueError, match="expected one file a frame, got face_01.npz and face_1.npz"):
        load_motion(tmp_path, unnamed_head, 30)


def test_flames_coefficients_on_named_slots_are_warned_of(tmp_path, arkit_head):
    write(tmp_path / "a.npz", table(4) | {"exp": np.full((4, 50), -1.5)})
    with pytest.warns(UserWarning, match="reaches from -1.5 .* use FLAME"):
        load_motion(tmp_path / "a.npz", arkit_head, 30)


def test_thousands_of_frames_are_light(tmp_path, unnamed_head):
    write(tmp_path / "a.npz", table(5000))
    tracemalloc.start()
    motion = load_motion(tmp_path / "a.npz", unnamed_head, 30)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(motion) == 5000
    assert most < 8 * 5000 * (unnamed_head.n_expression + 30) * 8  # bytes: a handful of copies in float64
