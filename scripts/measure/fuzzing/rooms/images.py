"""Images: photographs, masks, textures."""

from pathlib import Path

import numpy as np
from PIL import Image

from clipface.data.textures import read_faces_table, read_textures
from clipface.evaluation.portraits import read_texture
from clipface.images import read_photograph
from clipface.photos.masks import read_mask
from clipface.texture.convert import convert_files

from .. import lies, text_lies, tiny
from ..reader import Reader


def _image(path: Path) -> None:
    """An image; the suffix says of which kind."""
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 255, (tiny.SIZE, tiny.SIZE, 3), np.uint8)).save(path)


def _converted(path: Path) -> object:
    return convert_files([path], path.with_name("out.png"))


def _textures(path: Path) -> None:
    """A folder of two textures and who is in them."""
    path.mkdir()
    for name in ("a", "b"):
        _image(path / f"{name}.png")
    (path / "faces.csv").write_text("file,weight,mixed_only,person\na,0.25,0,anna\nb,1,1,bo\n", encoding="utf-8")


def _read_textures(path: Path) -> object:
    return read_faces_table(path, read_textures(path, 16)[0])


READERS = (
    Reader("images, .png", "me.png", _image, read_photograph, lies.images, pixels=True, unnamed=True),
    Reader("images, .jpg", "me.jpg", _image, read_photograph, lies.images, pixels=True, unnamed=True),
    Reader("images, .tif", "me.tif", _image, read_photograph, lies.images, pixels=True, unnamed=True),
    Reader("masks", "me.png", _image, read_mask, lies.images, pixels=True),
    Reader("textures", "me.png", _image, read_texture, lies.images, pixels=True),
    Reader("textures to convert", "me.png", _image, _converted, lies.images, pixels=True),
    Reader("folders of textures", "textures", _textures, _read_textures, None,
           ((".png", lies.images), (".csv", text_lies.texts)), pixels=True),
)  # fmt: skip
