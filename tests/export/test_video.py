"""Written videos are decoded again and looked into as a browser would."""

import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from clipface.evaluation.grid import labelled_row
from clipface.export.video import VideoWriter, frame_rate, read_frames

ROUNDED = 3 / 255  # 8-bit luma and chroma of limited range, to red, green and blue and back


def moving(count: int, height: int = 64, width: int = 96) -> torch.Tensor:
    """Smooth colours [T, 3, H, W] in 0..1 that drift."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    time = torch.arange(count)[:, None, None] / 20
    waves = [torch.sin(3 * x + time), torch.cos(2 * y - time), torch.sin(2 * (x + y) + 2 * time)]
    return torch.stack(waves, 1) * 0.4 + 0.5


def psnr(given: torch.Tensor, wanted: torch.Tensor) -> float:
    return float(-10 * torch.log10((given - wanted).square().mean()))


def test_a_browser_gets_what_it_needs(tmp_path):
    path = tmp_path / "new" / "face.mp4"
    with VideoWriter(path, 30) as writer:
        writer.write(moving(12))
    with av.open(str(path)) as container:
        (stream,) = container.streams
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt, codec.width, codec.height) == ("h264", "yuv420p", 96, 64)
        assert (codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range) == (1, 1, 1, 1)
        assert stream.frames == 12 and stream.average_rate == 30
        times = [frame.time for frame in container.decode(stream)]
    np.testing.assert_allclose(times, np.arange(12) / 30, atol=1e-6)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index comes first"
    assert [file.name for file in path.parent.iterdir()] == ["face.mp4"]


def test_pictures_come_back_in_order(tmp_path):
    frames = moving(25)
    with VideoWriter(tmp_path / "face.mp4", 25) as writer:
        writer.write(frames[:10])
        writer.write(frames[10])  # one without a batch axis
        writer.write(frames[11:].double())
    decoded = list(read_frames(tmp_path / "face.mp4"))
    assert len(decoded) == 25 and decoded[0].shape == (3, 64, 96) and decoded[0].dtype == torch.float32
    assert min(psnr(given, wanted) for given, wanted in zip(decoded, frames, strict=True)) > 40
    assert psnr(decoded[3], frames[4]) < 40, "neighbours differ by more than the loss"


def test_colours_are_those_of_bt709(tmp_path):
    """Luma is computed by hand from the standard's weights; another matrix would be off by up to 20 levels."""
    colours = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0], [0.8, 0.6, 0.45]])
    image = colours.T[:, None, :, None].expand(3, 64, 6, 32).reshape(3, 64, 192)
    with VideoWriter(tmp_path / "face.mp4", 10, quality=1) as writer:
        writer.write(image)
    with av.open(str(tmp_path / "face.mp4")) as container:
        luma = next(container.decode(video=0)).to_ndarray()[32, 16:192:32]
    np.testing.assert_allclose(luma, 16 + 219 * colours @ torch.tensor([0.2126, 0.7152, 0.0722]), atol=1)
    (decoded,) = read_frames(tmp_path / "face.mp4")
    assert (decoded[:, 32, 16::32].T - colours).abs().max() < ROUNDED


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), 29.97, 12.5])
def test_rates_are_kept(tmp_path, rate):
    with VideoWriter(tmp_path / "face.mp4", rate) as writer:
        writer.write(moving(6))
    assert float(frame_rate(tmp_path / "face.mp4")) == pytest.approx(float(rate), rel=1e-5)


def test_what_raises_leaves_nothing_behind(tmp_path):
    class Broken(Exception):
        pass

    path = tmp_path / "face.mp4"
    with pytest.raises(Broken):
        with VideoWriter(path, 25) as writer:
            writer.write(moving(60))
            raise Broken
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"face\.mp4: expected at least one frame"):
        with VideoWriter(path, 25):
            pass
    assert not list(tmp_path.iterdir())


def test_an_older_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "face.mp4"
    path.write_bytes(b"older")
    with pytest.raises(ValueError, match="frames: expected 64 x 96 pixels as before"):
        with VideoWriter(path, 25) as writer:
            writer.write(moving(2))
            assert path.read_bytes() == b"older"
            writer.write(moving(1, 64, 64))
    assert path.read_bytes() == b"older" and len(list(tmp_path.iterdir())) == 1
    with VideoWriter(path, 25) as writer:
        writer.write(moving(2))
    assert len(list(read_frames(path))) == 2


def test_frames_go_to_the_encoder_as_they_come(tmp_path):
    """A long video of noise grows on disk while it is written, so it is not held in memory."""
    path, generator = tmp_path / "face.mp4", torch.Generator().manual_seed(0)
    with VideoWriter(path, 25, quality=10) as writer:
        for _ in range(300):
            writer.write(torch.rand(3, 64, 64, generator=generator))
        on_disk = (tmp_path / "face.mp4.partial").stat().st_size
    # x264 looks about 40 frames ahead, and FFmpeg writes 256 KiB at a time
    assert on_disk > 0.5 * path.stat().st_size
    assert len(list(read_frames(path))) == 300


def test_turned_videos_come_out_upright(tmp_path):
    """A telephone held upright writes lying images, and a note to turn them clockwise."""
    upright = moving(1, 96, 64)[0]
    lying = (torch.rot90(upright, 1, (1, 2)) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
    with av.open(str(tmp_path / "turned.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        stream.set_display_matrix([0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30])  # as iPhones write it
        container.mux(stream.encode(av.VideoFrame.from_ndarray(lying, format="rgb24")))
        container.mux(stream.encode(None))
    (decoded,) = read_frames(tmp_path / "turned.mp4")
    assert decoded.shape == (3, 96, 64) and psnr(decoded, upright) > 35


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"path: expected a file ending in \.mp4"):
        VideoWriter(tmp_path / "face.avi", 25)
    for rate in (0, float("nan"), float("inf"), 1e-9):
        with pytest.raises(ValueError, match="rate: expected a positive"):
            VideoWriter(tmp_path / "face.mp4", rate)
    with pytest.raises(ValueError, match="quality: expected 0"):
        VideoWriter(tmp_path / "face.mp4", 25, 60)
    with pytest.raises(RuntimeError, match="with VideoWriter"):
        VideoWriter(tmp_path / "face.mp4", 25).write(moving(1))
    for frames, message in (
        (moving(1, 63), "even height and width"),
        (moving(1)[:, :2], "frames: expected shape"),
        (moving(1) * float("nan"), "frames: expected finite"),
    ):
        with pytest.raises(ValueError, match=message), VideoWriter(tmp_path / "face.mp4", 25) as writer:
            writer.write(frames)
    with pytest.raises(TypeError, match="frames: expected floating"), VideoWriter(tmp_path / "face.mp4", 25) as writer:
        writer.write(torch.zeros(3, 64, 64, dtype=torch.uint8))
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_videos_are_named(tmp_path):
    for read in (frame_rate, lambda path: next(read_frames(path))):
        with pytest.raises(FileNotFoundError, match="missing.mp4 does not exist"):
            read(tmp_path / "missing.mp4")
        (tmp_path / "text.mp4").write_text("no video")
        with pytest.raises(ValueError, match="text.mp4: expected a video"):
            read(tmp_path / "text.mp4")


def test_without_pyav_the_extra_is_named(tmp_path):
    code = (
        "import sys; sys.modules['av'] = None\n"
        "from clipface.export.video import VideoWriter\n"
        f"with VideoWriter({str(tmp_path / 'face.mp4')!r}, 25): pass"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: videos need the package av: pip install av" in done.stderr
    assert not list(tmp_path.iterdir())


def test_pictures_lie_beside_each_other_under_their_labels(tmp_path):
    before, after = moving(2, 63, 81), moving(2, 63, 81).flip(0)
    sheet = labelled_row([before, after], ["before", "a very old person with deep wrinkles"])
    height, width = sheet.shape[2:]
    assert sheet.shape[:2] == (2, 3) and height % 2 == 0 and width % 2 == 0
    top = next(row for row in range(height) if torch.equal(sheet[0, :, row, 4:85], before[0, :, 0]))
    assert torch.equal(sheet[:, :, top : top + 63, 4:85], before)
    assert torch.equal(sheet[:, :, top : top + 63, 89:170], after)
    label = sheet[:, :, :top]
    assert label.min() < 0.3 and torch.equal(label[0], label[1]) and top > 2 * 11, "two lines of black letters"
    single = labelled_row([before[1], after[1]], ["before", "a very old person with deep wrinkles"])
    assert torch.equal(single, sheet[1])
    with VideoWriter(tmp_path / "face.mp4", 25) as writer:
        writer.write(sheet)
    with pytest.raises(ValueError, match="labels: expected one for each of 2"):
        labelled_row([before, after], ["before"])
    with pytest.raises(ValueError, match=r"images\[1\]: expected shape"):
        labelled_row([before, after[:, :, 1:]], ["before", "after"])
