"""Sheets of results."""

import pytest
import torch

from clipface.evaluation.grid import grid, to_image


def test_each_picture_is_where_its_row_and_column_say():
    colours = torch.rand(2, 3, 3)
    rows = [[colour[:, None, None].expand(3, 20, 30) for colour in row] for row in colours]
    plain, named = grid(rows, ["a", "b", "c"]), grid(rows, ["a", "b", "c"], labels=["first", "second"])
    assert named.width > plain.width and named.height == plain.height
    for sheet in (plain, named):
        left, top = sheet.width - 3 * 34, sheet.height - 2 * 24
        for row in range(2):
            for column in range(3):
                pixel = sheet.getpixel((left + column * 34 + 15, top + row * 24 + 10))
                assert pixel == tuple((colours[row, column] * 255).round().int().tolist())


def test_long_words_above_a_column_are_wrapped_instead_of_cut():
    tile = torch.zeros(3, 60, 60)
    assert grid([[tile]], ["a photo of an old man with a beard"]).height > grid([[tile]], ["old"]).height + 30


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="rows: expected 2 images in each, got .1."):
        grid([[torch.zeros(3, 4, 4)]], ["a", "b"])


def test_values_outside_the_range_are_cut_off():
    assert to_image(torch.tensor([-1.0, 0.5, 2.0]).view(3, 1, 1)).getpixel((0, 0)) == (0, 128, 255)
