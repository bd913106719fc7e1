"""A gallery of small faces, laid into the view and hit by the pointer: viser's own images have no click.

It lies at the right: at the upper left viser shows messages, of downloads for instance, which would take its clicks.
"""

import textwrap
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clipface.view.session.state import FaceState

COLUMNS = 3
SHARE = 0.4  # of the view's width that it takes
GAP = 0.06  # between images, of an image's side
CAPTION = 0.17  # height of the line below an image, of its side
PAPER, INK, MARK = (250, 250, 251), (60, 62, 68), (34, 139, 230)  # colours; the mark's is that of viser's buttons
LONGEST = 15  # characters of a caption


class Tile(NamedTuple):
    """One small face."""

    key: str  # what a click on it means, to whoever laid it out
    caption: str
    face: FaceState


class Gallery(NamedTuple):
    """What is laid out; two equal ones look the same."""

    tiles: tuple[Tile, ...]
    marked: frozenset[str] = frozenset()  # keys of those with a frame
    page: int = 0  # counted from 0


class Grid(NamedTuple):
    """Where images lie on a canvas, pixels."""

    side: int  # of an image
    rows: int
    width: int  # of all of it
    height: int  # of the canvas
    left: int  # where it begins on the canvas

    @classmethod
    def of(cls, canvas: tuple[int, int]) -> "Grid":
        """The grid for a canvas of so many pixels in height and width."""
        side = max(int(SHARE * canvas[1] / (COLUMNS + (COLUMNS + 1) * GAP)), 8)
        rows = max(int((canvas[0] / side - GAP) / (1 + CAPTION + GAP)), 1)
        width = round(side * (COLUMNS + (COLUMNS + 1) * GAP))
        return cls(side, rows, width, canvas[0], canvas[1] - width)

    @property
    def count(self) -> int:
        """Images on one page."""
        return self.rows * COLUMNS

    def corner(self, number: int) -> tuple[int, int]:
        """Top and left of an image of the page, on the canvas."""
        row, column = divmod(number, COLUMNS)
        top, left = self.side * (GAP + row * (1 + CAPTION + GAP)), self.side * (GAP + column * (1 + GAP))
        return round(top), self.left + round(left)

    def hit(self, x: float, y: float) -> int | None:
        """The image of the page that lies, with its caption, under a pixel; None: none."""
        for number in range(self.count):
            top, left = self.corner(number)
            if 0 <= x - left < self.side and 0 <= y - top < self.side * (1 + CAPTION):
                return number
        return None


def on_page(gallery: Gallery, grid: Grid) -> tuple[Tile, ...]:
    """The tiles that are shown: of its page, or of the last one there is."""
    page = min(gallery.page, pages(gallery, grid) - 1)
    return gallery.tiles[page * grid.count : (page + 1) * grid.count]


def pages(gallery: Gallery, grid: Grid) -> int:
    """How many pages there are; one at least."""
    return max(-(-len(gallery.tiles) // grid.count), 1)


def tile_at(gallery: Gallery, canvas: tuple[int, int], place: tuple[float, float]) -> Tile | None:
    """The tile under the pointer.

    Args:
        gallery: what is shown.
        canvas: height and width, pixels.
        place: x and y on it in 0..1, from the upper left.
    """
    grid = Grid.of(canvas)
    number, shown = grid.hit(place[0] * canvas[1], place[1] * canvas[0]), on_page(gallery, grid)
    return shown[number] if number is not None and number < len(shown) else None


def draw(gallery: Gallery, grid: Grid, known: Callable[[FaceState], np.ndarray | None]) -> np.ndarray:
    """Lay out one page.

    Args:
        gallery: what.
        grid: where.
        known: the small image [S, S, 3] uint8 of a face; None: it is not there yet, and its place is grey.

    Returns:
        [canvas height, grid width, 3] uint8.
    """
    image = Image.new("RGB", (grid.width, grid.height), PAPER)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(max(round(0.115 * grid.side), 6))
    for number, tile in enumerate(on_page(gallery, grid)):
        top, left = grid.corner(number)
        left -= grid.left
        small = known(tile.face)
        box = (left, top, left + grid.side - 1, top + grid.side - 1)
        if small is None:
            pen.rectangle(box, (232, 233, 236))
        else:
            image.paste(Image.fromarray(small).resize((grid.side, grid.side), Image.Resampling.LANCZOS), (left, top))
        if tile.key in gallery.marked:
            pen.rectangle(box, outline=MARK, width=max(grid.side // 30, 2))
        words = textwrap.shorten(tile.caption, LONGEST, placeholder="…") or tile.caption[:LONGEST]
        pen.text((left + grid.side / 2, top + grid.side * (1 + CAPTION / 2)), words, INK, font, anchor="mm")
    if (count := pages(gallery, grid)) > 1:
        words = f"page {min(gallery.page, count - 1) + 1} of {count}"
        pen.text((grid.width / 2, grid.height - 0.1 * grid.side), words, INK, font, anchor="ms")
    return np.asarray(image)
