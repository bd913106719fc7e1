"""Images of results: tiles in rows and columns, with words above and beside them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from clipface.export.labelled_row import wrap

_GAP = 4  # pixels between tiles
_LINE = 1.4  # line height in font sizes


def grid(rows: Sequence[Sequence[Tensor]], header: Sequence[str], labels: Sequence[str] = ()) -> Image.Image:
    """Lay out images of one size.

    Args:
        rows: each a sequence of images [3, H, W] in 0..1.
        header: words above each column, wrapped to its width.
        labels: words beside each row; none leaves the margin away.

    Raises:
        ValueError: if a row is longer or shorter than the header.
    """
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"rows: expected {len(header)} images in each, got {[len(row) for row in rows]}")
    height, width = rows[0][0].shape[1:]
    font = ImageFont.load_default(max(11, width // 13))
    heads = [wrap(text, font, width) for text in header]
    top = round(max(text.count("\n") + 1 for text in heads) * font.size * _LINE) + 2 * _GAP
    left = max((round(font.getlength(label)) + 3 * _GAP for label in labels), default=0)
    sheet = Image.new("RGB", (left + len(header) * (width + _GAP), top + len(rows) * (height + _GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, text in enumerate(heads):
        middle = left + column * (width + _GAP) + width / 2
        draw.multiline_text((middle, top / 2), text, "black", font, anchor="mm", align="center")
    for row, images in enumerate(rows):
        y = top + row * (height + _GAP)
        if labels:
            draw.text((_GAP, y + height / 2), labels[row], "black", font, anchor="lm")
        for column, image in enumerate(images):
            sheet.paste(to_image(image), (left + column * (width + _GAP), y))
    return sheet


def to_image(image: Tensor) -> Image.Image:
    """Turn an image [3, H, W] in 0..1 into 8-bit colours."""
    pixels = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(pixels.cpu().numpy()))
