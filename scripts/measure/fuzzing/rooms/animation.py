"""Motions: keyframes, captures, FLAME's frames, DECA's codes, videos."""

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from clipface import tables
from clipface.animation.load import load_motion
from clipface.edit.persons.head_params import read_head_params
from clipface.export.video import frame_rate, read_frames
from clipface.head import HeadModel, load_head
from clipface.head.expressions import ARKIT_NAMES
from clipface.photos.deca import read_deca, read_tform

from .. import lies, text_lies, tiny
from ..reader import Reader


def _frames() -> dict[str, Any]:
    """FLAME parameters of four frames."""
    random = np.random.default_rng(0)
    return {"expression": random.random((4, 6)), "pose": random.normal(0, 0.1, (4, 6)), "fps": np.array(25.0)}


def _frames_npz(path: Path) -> None:
    np.savez(path, **_frames())


def _frames_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(_frames(), protocol=2))


def _code() -> dict[str, np.ndarray]:
    """DECA's code of one photograph."""
    random = np.random.default_rng(0)
    sizes = {"shape": 100, "exp": 50, "pose": 6, "cam": 3, "tex": 50}
    return {name: random.normal(0, 0.1, (1, size)).astype(np.float32) for name, size in sizes.items()} | {
        "tform": np.eye(3)
    }


def _mat(path: Path) -> None:
    """DECA's code, compressed."""
    scipy.io.savemat(path, _code(), do_compression=True)


def _code_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(_code(), protocol=2))


def _keyframes(path: Path) -> None:
    path.write_text(
        "rate: 30\nease: smooth\nkeyframes:\n  - {time: 0, expression: neutral, turn: [0, 0, 0]}\n"
        "  - {time: 0.4, expression: {angry: 0.5, jawOpen: 0.3}, turn: [4, -6, 0], jaw: 3}\n"
        "  - {time: 1.0, expression: [0.1, 0.2], gaze: [1, 2]}\n",
        encoding="utf-8",
    )


def _arkit(path: Path) -> None:
    """Three frames of a face capture."""
    names = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    lines = [",".join(["Timecode", "BlendshapeCount", *names, "HeadYaw", "HeadPitch", "HeadRoll"])]
    for frame in range(3):
        lines.append(",".join([f"00:00:01:{frame:02d}.000", "61", *["0.25"] * len(names), "0.1", "0.0", "-0.1"]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _video(path: Path) -> None:
    """Four frames with sound."""
    import av

    with av.open(str(path), "w") as container:
        stream, sound = container.add_stream("mpeg4", rate=25), container.add_stream("aac", rate=16000)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        noise.sample_rate = 16000
        container.mux(sound.encode(noise))
        for each in (stream, sound):
            container.mux(each.encode(None))


def _read_video(path: Path) -> object:
    frame_rate(path)
    return sum(1 for _ in read_frames(path))


def _motion(path: Path) -> object:
    return load_motion(path, tiny.head(), 30.0)


def _capture(path: Path) -> object:
    return load_motion(path, _open_head())


@cache
def _open_head() -> HeadModel:
    return load_head()


@cache
def _flame() -> HeadModel:
    """The tiny head without names of expressions, as FLAME is."""
    head = load_head()
    head.expression_names = ()
    return head


def _folder_of_frames(path: Path) -> None:
    path.mkdir()
    for number in range(3):
        np.savez(path / f"{number:05d}.npz", **{name: rows[:1] for name, rows in _frames().items() if rows.ndim})


READERS = (
    Reader(".mat", "code.mat", _mat, tables.read_content, lies.mats),
    Reader("DECA's code", "code.mat", _mat, read_deca, lies.mats),
    Reader("DECA's code, pickle", "code.pkl", _code_pickle, read_deca, lies.pickles),
    Reader("DECA's crop", "sample_deca.pkl", _code_pickle, read_tform, lies.pickles),
    Reader("a head's parameters", "flame_params.pkl", _code_pickle, lambda path: read_head_params(path, _flame()),
           lies.pickles),
    Reader("FLAME's frames, .npz", "frames.npz", _frames_npz, _motion, lies.npz),
    Reader("FLAME's frames, pickle", "frames.pkl", _frames_pickle, _motion, lies.pickles),
    Reader("FLAME's frames, a folder", "frames", _folder_of_frames, _motion, None, ((".npz", lies.npz),)),
    Reader("keyframes", "moves.yaml", _keyframes, _capture, text_lies.yamls),
    Reader("ARKit's captures", "take.csv", _arkit, _capture, text_lies.texts),
    Reader("videos, .mp4", "me.mp4", _video, _read_video, pixels=True),
    Reader("videos, .mkv", "me.mkv", _video, _read_video, pixels=True),
)  # fmt: skip
