"""The one door to videos that users bring: files of known formats, never lists of other files or addresses."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clipface.files import regular
from clipface.images import MOST_PIXELS
from clipface.startup import need

# FFmpeg's names of formats that hold images themselves. Others, such as playlists, would open further files or hosts.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,asf,ogg,gif,ivf,m4v,apng"
REMEDY = "record or convert it again"


@contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """Open a video; what fails while the block decodes it is named too.

    Args:
        path: the video.

    Yields:
        PyAV's container, which has images.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is cut off, damaged, of an unknown format, without images, or they are too large.
        ImportError: if PyAV is missing; says how to install it.
    """
    av = need("av", "videos need the package av: pip install av")
    path = regular(path, "video")
    try:
        # Given as an open file, so that no name is taken for an address, or for the numbers of many files.
        with path.open("rb") as file, av.open(file, options={"format_whitelist": FORMATS}) as container:
            if not container.streams.video:
                raise ValueError(f"{path}: expected a video, got a file without images")
            codec = container.streams.video[0].codec_context
            if codec is None:
                raise ValueError(f"{path}: expected a video of a kind that is known, got another; {REMEDY}")
            width, height = codec.width, codec.height
            if width * height > MOST_PIXELS:
                raise ValueError(f"{path}: expected at most {MOST_PIXELS} pixels an image, got {width} x {height}")
            yield container
    except (OSError, av.FFmpegError, OverflowError, MemoryError, AssertionError, UnicodeDecodeError, EOFError) as error:
        words = str(error)[:200] or type(error).__name__
        raise ValueError(
            f"{path}: expected a video, got a file that is cut off, damaged or something else ({words}); {REMEDY}"
        ) from error
