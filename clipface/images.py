"""Any image file → upright RGB, or a reason why not, in bounded memory."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

# Formats that Pillow reads by itself. Others, such as EPS, would start a foreign program on the user's file.
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "TGA", "AVIF")
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
    ".ppm", ".pgm", ".pnm", ".jp2", ".j2k", ".tga", ".avif", ".heic", ".heif",
)  # fmt: skip
MOST_PIXELS = 64_000_000  # held in memory for one image: 192 MB of RGB. A larger JPEG is read at 1/2, 1/4 or 1/8
HIGHEST_16_BIT = 65535
_SNIFFED = 32  # bytes
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim")


class PhotographError(ValueError):
    """A file that is no readable image; the message is the reason, without the path."""


class Photograph(NamedTuple):
    """An image, upright.

    `image` is RGB; `size` (width, height) is that of the upright file, which a reduced image does not have.
    """

    image: Image.Image
    size: tuple[int, int]


def read_photograph(path: str | Path, most_pixels: int = MOST_PIXELS, transparent: bool = False) -> Photograph:
    """Read an image file as a viewer would show it.

    Turned as its EXIF says; CMYK, palettes, 16 bits and colour profiles become 8-bit sRGB; what is transparent is
    white; of an animation the first frame.

    Args:
        path: the file.
        most_pixels: a larger JPEG is read smaller; any other larger image is refused.
        transparent: whether an image with something transparent becomes RGBA, in the place of RGB on white.

    Raises:
        PhotographError: if the file is missing, empty, cut off, too large or no image; says which.
    """
    with _opened(path) as image:
        return _upright(image, most_pixels, transparent)


def image_size(path: str | Path) -> tuple[int, int]:
    """Width and height of an image file as it is stored, without reading its pixels; errors as `read_photograph`."""
    with _opened(path) as image:
        return image.size


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    path = Path(path)
    _check_file(path)
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # Pillow's remarks about odd tags and sizes; sizes are checked here
            with Image.open(file, formats=known_formats()) as image:
                yield image
    except PhotographError:
        raise
    except UnidentifiedImageError:
        raise PhotographError(_what_it_is(path)) from None
    except Image.DecompressionBombError:
        raise PhotographError(f"more than {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f} megapixels; make it smaller") from None
    except MemoryError:
        raise PhotographError("not enough memory to decode it") from None
    except Exception as error:  # decoders of damaged files fail in as many ways as there are formats
        raise PhotographError(f"damaged or cut off ({error})") from error


def known_formats() -> list[str]:
    """Those of `FORMATS` that this build of Pillow reads: what `Image.open` may be given of a user's files."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]  # a build of Pillow may lack some


def _check_file(path: Path) -> None:
    try:
        if not path.is_file():
            raise PhotographError("missing or no regular file")
        if path.stat().st_size == 0:
            raise PhotographError("empty file (0 bytes)")
    except OSError as error:
        raise PhotographError(f"cannot be opened ({error.strerror})") from error


def _upright(image: Image.Image, most_pixels: int, transparent: bool) -> Photograph:
    full = image.size
    if full[0] * full[1] > most_pixels:
        _shrink_while_reading(image, most_pixels)
    image.seek(0)
    image.load()
    turned = ImageOps.exif_transpose(image)
    sideways = turned.size != image.size and turned.size == image.size[::-1]
    return Photograph(_rgb(turned, transparent), full[::-1] if sideways else full)


def _shrink_while_reading(image: Image.Image, most_pixels: int) -> None:
    """Have a JPEG decoded at a part of its size; other formats need the full image in memory."""
    width, height = image.size
    for part in (2, 4, 8):
        if image.format == "JPEG" and width * height / part**2 <= most_pixels:
            image.draft(None, (width // part, height // part))
            if image.size[0] * image.size[1] <= most_pixels:
                return
    raise PhotographError(
        f"{width} x {height} are {width * height / 1e6:.0f} megapixels; "
        f"at most {most_pixels / 1e6:.0f} are read of a {image.format}; make it smaller"
    )


def _rgb(image: Image.Image, transparent: bool) -> Image.Image:
    """Eight-bit sRGB, over white or with what is transparent as a fourth channel."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        image = image.convert("RGBA")
        if transparent:
            return _with_alpha(image, profile)
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    return _to_srgb(image, profile) if profile else image.convert("RGB")


def _with_alpha(image: Image.Image, profile: bytes | None) -> Image.Image:
    alpha, image = image.getchannel("A"), image.convert("RGB")
    image = _to_srgb(image, profile) if profile else image
    image.putalpha(alpha)
    return image


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    """Grey values of 16 or 32 bits as uint8: integers count to 65535, floating ones to 1."""
    if grey.dtype.kind == "f":
        if not np.isfinite(grey).all() or grey.min() < 0 or grey.max() > 1:
            raise PhotographError("floating-point values outside 0..1; save it as 8 or 16 bits")
        return (grey * 255).round().astype(np.uint8)
    most = HIGHEST_16_BIT if grey.max() > 255 or grey.dtype == np.uint16 else 255
    return (grey.astype(np.float32).clip(0, most) * (255 / most)).round().astype(np.uint8)


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Take colours from the file's own space to sRGB; a profile that is damaged or of another mode says nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert("RGB")


def _what_it_is(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(_SNIFFED)
    if start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS:
        return "HEIC image, which is not read; convert it to JPEG"
    if start.startswith((b"%!PS", b"%PDF")):
        return "PostScript or PDF document, not an image"
    if start.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in start):
        return "text, not an image"
    return "no image in a known format, or its beginning is damaged"
