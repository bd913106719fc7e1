"""Videos: H.264 in MP4, one frame at a time, and back again."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType, TracebackType

import numpy as np
import torch
from torch import Tensor

from clipface.export.surface import check_finite, checked_path
from clipface.files import partial_path
from clipface.shapes import expect
from clipface.startup import need
from clipface.videos import opened

PRESET = "medium"  # x264's own middle of speed and size
WORST_QUALITY = 51  # of x264's constant rate factor
BT709 = 1  # primaries, transfer and matrix in the tables of ITU-T H.273
LIMITED_RANGE = 1  # black 16, white 235: what players take for granted
QUARTER_TURN = 90
LARGEST_DENOMINATOR = 1001  # of a frame rate: television's 30000/1001
# swscale's SWS_BICUBIC with SWS_ACCURATE_RND and SWS_FULL_CHR_H_INP, which keep saturated edges from shifting and are
# left out for speed else; as numbers, since PyAV has names for the latter two from version 18 only.
_EXACT = 0x4 | 0x40000 | 0x4000


class VideoWriter:
    """Writes an MP4 that browsers play, as a context manager; frames go to the encoder as they come.

    The file appears under its name when the block ends, complete. When the block raises, nothing remains of it, and an
    older file of that name stays as it was.

    H.264, yuv420p, colours converted to BT.709 of limited range and tagged so, index before the images (playing
    starts before all is loaded).
    """

    def __init__(self, path: str | Path, rate: float | Fraction, quality: int = 18) -> None:
        """Check the arguments; nothing is opened yet.

        Args:
            path: file ending in `.mp4`; its folder is made if missing.
            rate: frames a second.
            quality: x264's constant rate factor, 0 (best, largest) to 51; 18 looks like the original.

        Raises:
            ValueError: for another ending, a rate that is not positive or a quality out of range.
        """
        path = checked_path(path, ".mp4")
        fraction = Fraction(rate).limit_denominator(LARGEST_DENOMINATOR) if 0 < rate < float("inf") else 0
        if not fraction:
            raise ValueError(f"rate: expected a positive number of frames a second, got {rate}")
        if not 0 <= quality <= WORST_QUALITY:
            raise ValueError(f"quality: expected 0 (best) to {WORST_QUALITY}, got {quality}")
        self._path, self._partial = path, partial_path(path)
        self._rate, self._quality = fraction, quality
        self._container = self._stream = None
        self._size, self._count = (0, 0), 0

    def __enter__(self) -> "VideoWriter":
        """Open the file.

        Raises:
            ImportError: if PyAV is missing; says how to install it.
        """
        av = load_av()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(self._partial), "w", format="mp4", options={"movflags": "+faststart"})
        return self

    def write(self, frames: Tensor) -> None:
        """Encode one frame, or several in order.

        Args:
            frames: [3, H, W] or [B, 3, H, W], floating, on any device, in 0..1 (what lies beyond is cut off). H and W
                are even (yuv420p has one colour for 2 x 2 pixels) and the same in all calls.

        Raises:
            RuntimeError: outside the `with` block.
            TypeError, ValueError: for a wrong shape, type or size, or numbers that are not finite.
        """
        if self._container is None:
            raise RuntimeError(
                "write: expected a writer opened by `with VideoWriter(...) as writer:`, got a closed one"
            )
        av = load_av()
        for image in self._checked(frames):
            frame = _to_yuv(av.VideoFrame.from_ndarray(_bytes(image), format="rgb24"))
            frame.pts = self._count
            self._container.mux(self._stream.encode(frame))
            self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, or take it away if the block raised.

        Raises:
            ValueError: if no frame was written.
        """
        container, self._container = self._container, None
        try:
            if kind is None:
                self._finish(container)
        finally:
            container.close()
            self._partial.unlink(missing_ok=True)

    def _finish(self, container: object) -> None:
        if self._count == 0:
            raise ValueError(f"{self._path.name}: expected at least one frame, got none")
        container.mux(self._stream.encode(None))  # the frames the encoder still holds
        container.close()
        os.replace(self._partial, self._path)

    def _checked(self, frames: Tensor) -> Tensor:
        """The frames [B, 3, H, W], if they can be encoded; the first ones open the stream."""
        if isinstance(frames, Tensor) and frames.ndim == 3:
            frames = frames[None]
        sizes = expect("frames", frames, ("B", 3, "H", "W"))
        size = sizes["H"], sizes["W"]
        if not frames.is_floating_point():
            raise TypeError(f"frames: expected floating numbers in 0..1, got {frames.dtype}")
        check_finite("frames", frames)
        if self._stream is None:
            self._open_stream(*size)
        if size != self._size:
            raise ValueError(f"frames: expected {_words(self._size)} pixels as before, got {_words(size)}")
        return frames

    def _open_stream(self, height: int, width: int) -> None:
        if height % 2 or width % 2 or not height or not width:
            remedy = "render one pixel more, or lay frames out with `labelled_row`, which pads"
            raise ValueError(f"frames: expected even height and width for H.264, got {height} x {width}; {remedy}")
        options = {"crf": str(self._quality), "preset": PRESET}
        stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        codec = stream.codec_context
        codec.color_primaries = codec.color_trc = codec.colorspace = BT709
        codec.color_range = LIMITED_RANGE
        self._stream, self._size = stream, (height, width)


def read_frames(path: str | Path) -> Iterator[Tensor]:
    """Decode the images of a video, of any format that FFmpeg reads, one at a time.

    Turned videos, as telephones write them, come out upright.

    Args:
        path: the video.

    Yields:
        [3, H, W] float32 in 0..1, in the order of showing.

    Raises:
        FileNotFoundError, ValueError: at the first frame; if there is no such file, or it holds no readable video.
        ImportError: likewise, if PyAV is missing; says how to install it.
    """
    with opened(path) as container:
        for frame in container.decode(video=0):
            quarters = round(frame.rotation / QUARTER_TURN)  # counter-clockwise
            pixels = torch.from_numpy(frame.to_ndarray(format="rgb24"))  # [H, W, 3]; by the file's colour tags
            yield torch.rot90(pixels, quarters).permute(2, 0, 1).float() / 255


def frame_rate(path: str | Path) -> Fraction:
    """Frames a second of a video, on average.

    Raises:
        FileNotFoundError, ValueError: if there is no such file, or it holds no readable video or no rate.
        ImportError: if PyAV is missing; says how to install it.
    """
    with opened(path) as container:
        rate = container.streams.video[0].average_rate
    if not rate:
        raise ValueError(f"{path}: expected a video with a frame rate, got one without; give the rate yourself")
    return rate


def load_av() -> ModuleType:
    """Import PyAV.

    Raises:
        ImportError: if it is missing; says how to install it.
    """
    return need("av", "videos need the package av: pip install av")


def _bytes(image: Tensor) -> np.ndarray:
    """An image [3, H, W] in 0..1 as [H, W, 3] of 8 bits; one at a time, so that a batch is never copied."""
    levels = (image.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().cpu().numpy()


def _to_yuv(frame: object) -> object:
    from av.video.reformatter import ColorRange, Colorspace

    return frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=_EXACT,
    )


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
