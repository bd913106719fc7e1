"""Edited photographs and videos as files that say what they are, and keep no place where they were taken."""

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from clipface.files import replacing
from clipface.images import known_formats

# IPTC's word for photographs with parts that a trained model made.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    f'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
XMP_IN_PNG = "XML:com.adobe.xmp"  # keyword of the chunk, by the XMP specification, part 3
XMP_IN_MP4 = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # extended type of the box, likewise
JPEG_SUFFIXES = (".jpg", ".jpeg")
SUFFIXES = (".png", *JPEG_SUFFIXES)
QUALITY = 95  # of JPEG, without thinned colours
# Tags of EXIF that are left out: the place, makers' own notes (which may hold it) and the turn, already applied.
GPS, ORIENTATION, DETAILS, MAKER_NOTE = 0x8825, 0x0112, 0x8769, 0x927C


def write_edited_image(image: np.ndarray, path: str | Path, source: str | Path | None = None) -> Path:
    """Write an edited photograph whose metadata say that a part of it is generated.

    Pixels are brought back to the colour profile of the source, which is embedded; without one they are sRGB and
    the file has no profile, as the source had none. EXIF is the source's without its place.

    Args:
        image: [H, W, 3] uint8, upright, sRGB.
        path: ending in `.png`, `.jpg` or `.jpeg`.
        source: the file that the photograph was read from; None: nothing is taken over.

    Returns:
        The path.

    Raises:
        ValueError: for another ending.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"path: expected one that ends in {', '.join(SUFFIXES)}, got {path.name}")
    profile, exif = _kept(source)
    pixels, profile = _in_profile(Image.fromarray(image), profile)
    options = {"exif": exif.tobytes()} if len(exif) else {}
    if profile:
        options["icc_profile"] = profile
    with replacing(path) as partial:
        if path.suffix.lower() in JPEG_SUFFIXES:
            pixels.save(partial, "JPEG", quality=QUALITY, subsampling=0, xmp=XMP.encode(), **options)
        else:
            chunks = PngInfo()
            chunks.add_itxt(XMP_IN_PNG, XMP)
            pixels.save(partial, "PNG", pnginfo=chunks, **options)
    return path


def mark_mp4(path: str | Path) -> None:
    """Add a box to an MP4 which says that a part of its images is generated."""
    content = XMP_IN_MP4 + XMP.encode()
    with Path(path).open("ab") as file:
        file.write(struct.pack(">I4s", len(content) + 8, b"uuid") + content)


def _kept(source: str | Path | None) -> tuple[bytes | None, Image.Exif]:
    """Colour profile and EXIF of a file, the latter without place, turn and makers' notes."""
    exif = Image.Exif()
    if source is None:
        return None, exif
    with Image.open(source, formats=known_formats()) as file:
        profile = file.info.get("icc_profile")
        try:
            exif = file.getexif()
            exif.get_ifd(DETAILS).pop(MAKER_NOTE, None)
        except Exception:  # damaged tags, of which Pillow complains in as many ways as there are: none are kept
            return profile, Image.Exif()
    for tag in (GPS, ORIENTATION):
        exif.pop(tag, None)
    return profile, exif


def _in_profile(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """An sRGB image in another profile; in sRGB itself if that is of no RGB or damaged."""
    if not profile:
        return image, None
    standard = ImageCms.createProfile("sRGB")
    try:
        target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, standard, target, outputMode="RGB"), profile
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image, ImageCms.ImageCmsProfile(standard).tobytes()
