"""Images side by side under their labels: the contact sheet of a command's results, and the frames of a video."""

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

from clipface.files import write_atomic
from clipface.shapes import expect

MOST_BYTES = 400_000  # of a sheet in the documents
_QUALITIES = (92, 88, 84, 80, 75, 70, 62, 54, 46)
_GAP = 4  # pixels between tiles
_LINE = 1.4  # line height in font sizes
_FONT_SHARE = 13  # letters are this many times smaller than an image is wide
_SMALLEST_FONT = 11  # pixels


def grid(rows: Sequence[Sequence[Tensor]], header: Sequence[str], labels: Sequence[str] = ()) -> Image.Image:
    """Lay out images of one size in rows and columns, with words above and to the left of them.

    Args:
        rows: each a sequence of images [3, H, W] in 0..1.
        header: words above each column, wrapped to its width.
        labels: words to the left of each row; none leaves that margin away.

    Raises:
        ValueError: if a row is longer or shorter than the header.
    """
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"rows: expected {len(header)} images in each, got {[len(row) for row in rows]}")
    height, width = rows[0][0].shape[1:]
    head = to_image(_strip(tuple(header), width))
    bands = [
        torch.cat([functional.pad(_bytes(each), (_GAP, 0, _GAP, 0), value=255) for each in row], -1) for row in rows
    ]
    tiles = _as_image(functional.pad(torch.cat(bands, -2), (0, _GAP, 0, _GAP), value=255))
    font = _font(width)
    left = max((round(font.getlength(label)) + 3 * _GAP for label in labels), default=0)
    sheet = Image.new("RGB", (left + tiles.width, head.height + tiles.height - _GAP), "white")
    sheet.paste(tiles, (left, head.height - _GAP))
    sheet.paste(head, (left, 0))
    draw = ImageDraw.Draw(sheet)
    for row, label in enumerate(labels):
        middle = head.height + row * (height + _GAP) + height / 2
        draw.text((_GAP, middle), label, "black", font, anchor="lm")
    return sheet


def labelled_row(images: Sequence[Tensor], labels: Sequence[str]) -> Tensor:
    """Lay images out in a row on white, each under its label; where they are, frame by frame.

    Args:
        images: each [3, H, W] or each [B, 3, H, W], in 0..1, all of one size and on one device.
        labels: words above each, wrapped to its width.

    Returns:
        [3, H', W'] or [B, 3, H', W'] in 0..1, with even H' and W' (see `VideoWriter`) that depend on nothing but the
        labels and H and W.

    Raises:
        ValueError: for another number of labels than of images, or images whose shapes differ.
    """
    if not images or len(images) != len(labels):
        raise ValueError(f"labels: expected one for each of {len(images)} images, got {len(labels)}")
    shape = (3, "H", "W") if images[0].ndim == 3 else ("B", 3, "H", "W")
    expect("images[0]", images[0], shape)
    for index, image in enumerate(images[1:], start=1):
        expect(f"images[{index}]", image, images[0].shape)
    height, width = images[0].shape[-2:]
    head = _strip(tuple(labels), width).to(images[0])
    row = torch.cat([functional.pad(image, (_GAP, 0, 0, 0), value=1.0) for image in images], -1)
    bottom, right = _GAP + (head.shape[1] + height + _GAP) % 2, (row.shape[-1] + _GAP) % 2
    row = functional.pad(row, (0, _GAP + right, 0, bottom), value=1.0)
    head = functional.pad(head, (0, right), value=1.0)
    return torch.cat([head.expand(*row.shape[:-2], -1, -1), row], -2)


def to_image(image: Tensor) -> Image.Image:
    """Turn an image [3, H, W] in 0..1 into 8-bit colours; values outside are cut off."""
    return _as_image(_bytes(image))


def save_jpeg(image: Image.Image, path: Path) -> Path:
    """Write a sheet in the best of `_QUALITIES` that takes at most `MOST_BYTES`, or in the last of them."""
    for quality in _QUALITIES:
        content = io.BytesIO()
        image.save(content, "JPEG", quality=quality, optimize=True, progressive=True)
        if content.tell() <= MOST_BYTES:
            break
    return write_atomic(path, content.getvalue())


def _as_image(levels: Tensor) -> Image.Image:
    # Not by torchvision: importing it takes a command two seconds.
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())


def _bytes(image: Tensor) -> Tensor:
    return image.detach().clamp(0, 1).mul(255).round().byte().cpu()


@lru_cache(maxsize=16)
def _strip(labels: tuple[str, ...], width: int) -> Tensor:
    """The labels above images of one width: [3, h, (gap + width) * count + gap] in 0..1; once for a video."""
    font = _font(width)
    texts = [_wrap(label, font, width) for label in labels]
    lines = max(text.count("\n") + 1 for text in texts)
    height = round(lines * font.size * _LINE) + 2 * _GAP
    strip = Image.new("RGB", (len(labels) * (width + _GAP) + _GAP, height), "white")
    draw = ImageDraw.Draw(strip)
    for column, text in enumerate(texts):
        middle = column * (width + _GAP) + _GAP + width / 2
        draw.multiline_text((middle, height / 2), text, "black", font, anchor="mm", align="center")
    return torch.from_numpy(np.array(strip)).permute(2, 0, 1).float() / 255


def _font(width: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(max(_SMALLEST_FONT, width // _FONT_SHARE))


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Break words into lines that are no wider than `width` pixels, but for single words that are."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)
