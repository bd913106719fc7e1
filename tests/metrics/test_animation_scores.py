"""Rank correlation and flicker, against plain formulas."""

import math

import pytest
import torch

from clipface.metrics.scores import Flicker, rank_correlation


def test_rank_correlation_sees_order_alone():
    rising = torch.tensor([0.0, 0.1, 0.2, 5.0])
    assert rank_correlation(rising, rising.exp()) == pytest.approx(1)
    assert rank_correlation(rising, -rising) == pytest.approx(-1)
    # Ranks 1 2 3 4 and 2 1 4 3: 1 - 6·4 / (4·15)
    assert rank_correlation(rising, torch.tensor([0.2, 0.1, 0.4, 0.3])) == pytest.approx(0.6)
    assert math.isnan(rank_correlation(rising, torch.ones(4)))


def test_rank_correlation_wants_two_series_of_one_length():
    with pytest.raises(ValueError, match="second"):
        rank_correlation(torch.rand(3), torch.rand(4))
    with pytest.raises(ValueError, match="first: expected two frames or more, got 1"):
        rank_correlation(torch.rand(1), torch.rand(1))


def test_flicker_is_the_same_however_the_frames_come():
    images = torch.rand(7, 3, 4, 5)
    found = []
    for size in (1, 3, 7):
        flicker = Flicker()
        for part in images.split(size):
            flicker.add(part)
        found.append(flicker.value)
    wanted = (images[1:] - images[:-1]).abs().mean().item()
    assert found == pytest.approx([wanted] * 3, rel=1e-5)


def test_one_frame_does_not_flicker():
    flicker = Flicker()
    flicker.add(torch.rand(1, 3, 4, 4))
    assert flicker.value == 0
