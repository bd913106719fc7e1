"""edit.py --video through the command line: a painted face that moves, and frames without one."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from clipface.export.edited_image import SOURCE_TYPE
from clipface.export.video import read_frames
from scripts.edit import main

pytest.importorskip("onnxruntime")
av = pytest.importorskip("av")
RATE, SOUND, FRAMES, EMPTY = 10, 44100, 6, 3


@pytest.fixture(scope="module")
def video(tmp_path_factory, painted):
    """Six frames, one of them grey, with a tone."""
    path = tmp_path_factory.mktemp("video") / "me.mp4"
    image = Image.fromarray(painted(1, 400, seed=1).images[0])
    with av.open(str(path), "w") as file:
        shown = file.add_stream("libx264", rate=RATE, options={"crf": "12"})
        shown.width, shown.height, shown.pix_fmt = 320, 320, "yuv420p"
        heard = file.add_stream("aac", rate=SOUND)
        for number in range(FRAMES):
            frame = image.transform((320, 320), Image.Transform.AFFINE, (1.25, 0, 2 * number - 5, 0, 1.25, number))
            frame = Image.new("RGB", (320, 320), "grey") if number == EMPTY else frame
            file.mux(shown.encode(av.VideoFrame.from_image(frame)))
        file.mux(shown.encode(None))
        tone = np.sin(np.arange(SOUND * FRAMES // RATE) / 20).astype(np.float32)[None]
        for start in range(0, tone.shape[1], 1024):
            part = np.ascontiguousarray(tone[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SOUND, start, Fraction(1, SOUND)
            file.mux(heard.encode(frame))
        file.mux(heard.encode(None))
    return path


def test_every_frame_with_a_face_is_edited_and_the_sound_kept(tmp_path, video, capsys):
    options = ["--mapper", "look:clown", "--texture-size", "256", "--output", str(tmp_path)]
    main(["--video", str(video), *options])
    assert f"{FRAMES} frames" in (printed := capsys.readouterr().out)
    assert "1 without a face" in printed
    path = tmp_path / "me_edited.mp4"
    before, after = (np.stack([frame.numpy() for frame in read_frames(file)]) for file in (video, path))
    assert before.shape == after.shape
    moved = np.abs(after - before).max(1)
    assert moved[EMPTY].max() < 0.1  # but for the encoder
    assert all(np.mean(moved[number] > 0.1) > 0.02 for number in range(FRAMES) if number != EMPTY)
    assert moved[:, :, :10].max() < 0.15
    assert SOURCE_TYPE.encode() in path.read_bytes()
    with av.open(str(path)) as file:
        seconds = [
            float(stream.duration * stream.time_base) for stream in (file.streams.audio[0], file.streams.video[0])
        ]
    assert abs(seconds[0] - seconds[1]) < 0.2


def test_a_video_without_a_face_is_refused(tmp_path):
    with av.open(str(tmp_path / "grey.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=RATE)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(2):
            file.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 64), "grey"))))
        file.mux(stream.encode(None))
    with pytest.raises(ValueError, match="video: expected a face"):
        main(["--video", str(tmp_path / "grey.mp4"), "--mapper", "look:clown", "--output", str(tmp_path / "out")])
