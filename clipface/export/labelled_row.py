"""Images side by side under their labels, as frames of a video."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect

_GAP = 4  # pixels around each image
_LINE = 1.4  # line height in font sizes
_FONT_SHARE = 13  # letters are this many times smaller than an image is wide
_SMALLEST_FONT = 11  # pixels


def labelled_row(images: Sequence[Tensor], labels: Sequence[str]) -> Tensor:
    """Lay images out in a row on white, each under its label.

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
    bottom, right = _GAP + (head.shape[1] + height + _GAP) % 2, (head.shape[2] + _GAP) % 2
    framed = [functional.pad(image, (_GAP, 0, 0, bottom), value=1.0) for image in images]
    row = functional.pad(torch.cat(framed, -1), (0, _GAP + right), value=1.0)
    head = functional.pad(head, (0, _GAP + right), value=1.0)
    return torch.cat([head.expand(*row.shape[:-2], -1, -1), row], -2)


@lru_cache(maxsize=16)
def _strip(labels: tuple[str, ...], width: int) -> Tensor:
    """The labels above images of one width: [3, h, (gap + width) * count] in 0..1; drawn once for a whole video."""
    font = ImageFont.load_default(max(_SMALLEST_FONT, width // _FONT_SHARE))
    texts = [wrap(label, font, width) for label in labels]
    lines = max(text.count("\n") + 1 for text in texts)
    height = round(lines * font.size * _LINE) + 2 * _GAP
    strip = Image.new("RGB", (len(labels) * (width + _GAP), height), "white")
    draw = ImageDraw.Draw(strip)
    for column, text in enumerate(texts):
        middle = column * (width + _GAP) + _GAP + width / 2
        draw.multiline_text((middle, height / 2), text, "black", font, anchor="mm", align="center")
    return torch.from_numpy(np.array(strip)).permute(2, 0, 1).float() / 255


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Break words into lines that are no wider than `width` pixels, but for single words that are."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)
