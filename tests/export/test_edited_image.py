"""Edited photographs say what they are, keep their colours, and forget where they were taken."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from clipface.export.edited_image import GPS, ORIENTATION, SOURCE_TYPE, XMP_IN_MP4, mark_mp4, write_edited_image
from clipface.export.video import VideoWriter, read_frames
from clipface.images import read_photograph

MODEL = 0x0110  # of the camera


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(40, 200, (12, 16, 3), np.uint8)


def swapped_profile() -> bytes:
    """An RGB profile in which red and green have changed places, as a colour space that is certainly not sRGB."""
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return content.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_file_says_that_a_part_is_generated(tmp_path, image, suffix):
    path = write_edited_image(image, tmp_path / f"edited.{suffix}")
    assert SOURCE_TYPE.encode() in path.read_bytes()
    with Image.open(path) as file:
        assert SOURCE_TYPE.encode() in file.info["xmp"]
        assert file.size == (16, 12)
        assert not file.getexif()
        if suffix == "png":
            assert (np.asarray(file) == image).all()


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_exif_is_kept_without_place_and_turn(tmp_path, image, suffix):
    exif = Image.Exif()
    exif[MODEL], exif[ORIENTATION], exif[GPS] = "a camera", 6, {1: "N", 2: (51.0, 30.0, 0.0)}
    Image.fromarray(image).save(tmp_path / "source.jpg", exif=exif)
    with Image.open(tmp_path / "source.jpg") as file:
        assert file.getexif().get_ifd(GPS)
    path = write_edited_image(image, tmp_path / f"edited.{suffix}", tmp_path / "source.jpg")
    with Image.open(path) as file:
        kept = file.getexif()
        assert kept[MODEL] == "a camera"
        assert not kept.get_ifd(GPS)
        assert kept.get(ORIENTATION, 1) == 1


def test_pixels_are_those_of_the_source_s_profile(tmp_path, image):
    profile = swapped_profile()
    Image.fromarray(image).save(tmp_path / "source.png", icc_profile=profile)
    read = np.asarray(read_photograph(tmp_path / "source.png").image)
    path = write_edited_image(read, tmp_path / "edited.png", tmp_path / "source.png")
    with Image.open(path) as file:
        assert file.info["icc_profile"] == profile
    again = np.asarray(read_photograph(path).image)
    assert np.abs(again.astype(int) - read).max() <= 3


def test_a_profile_that_is_damaged_is_replaced_by_that_of_the_pixels(tmp_path, image):
    Image.fromarray(image).save(tmp_path / "source.png", icc_profile=b"damaged")
    path = write_edited_image(image, tmp_path / "edited.png", tmp_path / "source.png")
    with Image.open(path) as file:
        assert "sRGB" in ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(file.info["icc_profile"])))
        assert (np.asarray(file) == image).all()


def test_other_files_are_refused(tmp_path, image):
    with pytest.raises(ValueError, match="path: expected one that ends in .png"):
        write_edited_image(image, tmp_path / "edited.gif")


def test_a_marked_video_plays(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("av")
    path = tmp_path / "edited.mp4"
    with VideoWriter(path, 10) as writer:
        writer.write(torch.rand(3, 3, 16, 16))
    mark_mp4(path)
    content = path.read_bytes()
    start = content.index(XMP_IN_MP4)
    assert int.from_bytes(content[start - 8 : start - 4], "big") == len(content) - start + 8
    assert content[start - 4 : start] == b"uuid"
    assert SOURCE_TYPE.encode() in content[start:]
    assert len(list(read_frames(path))) == 3
