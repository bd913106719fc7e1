"""Image files of every kind: read as people see them, or refused with the reason."""

import io

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageCms

from clipface.data.textures import read_textures
from clipface.evaluation.portraits import read_texture
from clipface.images import PhotographError, read_photograph
from clipface.photos.masks import read_mask
from clipface.texture.convert import convert_files

RED, BLUE = (200, 40, 30), (20, 60, 190)


def halves(width=32, height=16, mode="RGB"):
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image.convert(mode)


def save(path, image, **options):
    image.save(path, **options)
    return path


def colours(photograph):
    pixels = np.asarray(photograph.image).astype(int)
    assert photograph.image.mode == "RGB"
    middle = pixels.shape[0] // 2
    return pixels[middle, 2], pixels[middle, -3]


@pytest.mark.parametrize(
    ("name", "mode", "tolerance"),
    [
        ("a.png", "RGB", 0),
        ("a.jpg", "CMYK", 40),
        ("a.png", "P", 40),
        ("a.webp", "RGBA", 20),
        ("a.gif", "P", 40),
        ("a.tif", "RGB", 0),
        ("a.wrong_suffix", "RGB", 0),
    ],
)
def test_modes_and_formats_keep_their_colours(tmp_path, name, mode, tolerance):
    path = save(tmp_path / name, halves(mode=mode), format="PNG" if "wrong" in name else None)
    left, right = colours(read_photograph(path))
    assert np.abs(left - RED).max() <= tolerance and np.abs(right - BLUE).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture(tmp_path, orientation):
    upright = halves()
    undo = [None, None, 0, 3, 1, 5, 2, 6, 4][orientation]  # Image.Transpose that the reader must revert
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    photograph = read_photograph(save(tmp_path / "turned.png", stored, exif=exif))
    assert photograph.size == photograph.image.size == upright.size
    assert np.array_equal(np.asarray(photograph.image), np.asarray(upright))


def test_transparent_is_white(tmp_path):
    image = halves(mode="RGBA")
    image.putalpha(Image.fromarray(np.repeat([[0, 255]], 16, 0).repeat(16, 1).astype(np.uint8)))
    left, right = colours(read_photograph(save(tmp_path / "clear.png", image)))
    assert (left == 255).all() and (right == BLUE).all()
    left, _ = colours(read_photograph(save(tmp_path / "grey.png", Image.new("L", (8, 8), 7), transparency=7)))
    assert (left == 255).all()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    grey = np.full((16, 32), 40000, np.uint16)
    grey[:, 16:] = 300
    for name in ("a.png", "a.tif"):
        left, right = colours(read_photograph(save(tmp_path / name, Image.fromarray(grey))))
        assert left[0] == round(40000 / 65535 * 255) and right[0] == 1


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE, "white")]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40)
    assert np.abs(colours(read_photograph(path))[0] - RED).max() < 12


def test_colour_profile_is_applied_and_a_broken_one_ignored(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()  # of another mode than the image's
    path = save(tmp_path / "wide.png", halves(), icc_profile=lab)
    assert (colours(read_photograph(path))[0] == RED).all()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = save(tmp_path / "same.png", halves(), icc_profile=srgb)
    assert np.abs(colours(read_photograph(path))[0] - RED).max() <= 1
    assert (colours(read_photograph(save(tmp_path / "bad.png", halves(), icc_profile=b"nonsense")))[0] == RED).all()


def test_a_huge_jpeg_is_read_smaller_and_other_formats_are_refused(tmp_path):
    wide = halves(2000, 100)
    photograph = read_photograph(save(tmp_path / "wide.jpg", wide), most_pixels=60_000)
    assert photograph.size == (2000, 100) and photograph.image.size == (1000, 50)
    assert np.abs(colours(photograph)[1] - BLUE).max() < 12
    with pytest.raises(PhotographError, match="at most 0 are read of a PNG"):
        read_photograph(save(tmp_path / "wide.png", wide), most_pixels=60_000)
    with pytest.raises(PhotographError, match="megapixels"):
        read_photograph(tmp_path / "wide.jpg", most_pixels=100)


def _bytes(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (b"file,person\na.jpg,1\n", "text"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"\xff\xd8\xff" + bytes(100), "known format|damaged"),
        (_bytes(NOISE, format="JPEG")[:1500], "cut off"),
        (_bytes(NOISE, format="PNG")[:3000], "cut off"),
        (_bytes(NOISE, format="PNG").replace(b"IDAT", b"IDAX", 1), "damaged"),
    ],
    ids=["empty", "text", "heic", "eps", "broken head", "cut jpeg", "cut png", "bad chunk"],
)
def test_what_is_no_picture_is_refused_with_its_reason(tmp_path, content, words):
    path = tmp_path / "file.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotographError, match=words) as error:
        read_photograph(path)
    assert str(path) not in str(error.value)


def test_missing_files_and_folders_are_refused(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    for name in ("none.jpg", "folder.jpg"):
        with pytest.raises(PhotographError, match="missing or no regular file"):
            read_photograph(tmp_path / name)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("door", ["texture of render.py", "folder of textures", "converted texture", "mask"])
def test_no_program_is_started_for_a_document_that_calls_itself_an_image(tmp_path, monkeypatch, door):
    started, program = tmp_path / "started", tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {started}\n")
    program.chmod(0o755)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", str(program))  # what Pillow would start
    (tmp_path / "textures").mkdir()
    path = tmp_path / "textures" / "t.png"
    path.write_bytes(EPS)
    with pytest.raises(ValueError, match=r"t\.png"):
        if door == "texture of render.py":
            read_texture(path)
        elif door == "folder of textures":
            read_textures(path.parent, 8)
        elif door == "mask":
            read_mask(path)
        else:
            convert_files([path], tmp_path / "out.png")
    assert not started.exists()


def test_textures_are_read_as_photographs_are(tmp_path):
    grey = np.full((8, 8), 40000, np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    (tmp_path / "._a.png").write_bytes(b"\0\5\26\7 macOS")
    assert read_textures(tmp_path, 8)[1].unique().tolist() == [round(40000 / 65535 * 255)]
    assert read_texture(tmp_path / "a.png").mul(255).round().unique().tolist() == [156]
    cut = (tmp_path / "a.png").read_bytes()[:50]  # at 60 all pixels are still there
    (tmp_path / "a.png").write_bytes(cut)
    with pytest.raises(ValueError, match=r"texture: .*a\.png: damaged or cut off"):
        read_texture(tmp_path / "a.png")
