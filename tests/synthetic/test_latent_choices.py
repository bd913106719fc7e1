"""Choices that a latent code makes: distributed as drawn ones, the same for the same code, alike for near codes."""

from collections import Counter

import pytest
import torch

from clipface.synthetic.latent_choices import LatentChoices

OPTIONS = {"red": 0, "green": 1, "blue": 2}
CODES = torch.randn(4000, 8, generator=torch.Generator().manual_seed(0))


def test_options_are_chosen_as_often_as_their_weights_say():
    weights = (0.6, 0.3, 0.1)
    chosen = Counter(LatentChoices(code, OPTIONS).choices(tuple(OPTIONS), weights)[0] for code in CODES)
    for option, weight in zip(OPTIONS, weights, strict=True):
        assert chosen[option] / len(CODES) == pytest.approx(weight, abs=0.03)


def test_an_option_of_no_weight_is_never_chosen():
    assert {LatentChoices(code, OPTIONS).choices(("red", "blue"), (0.0, 1.0))[0] for code in CODES[:50]} == {"blue"}


def test_plain_numbers_are_even_in_0_to_1_and_have_entries_of_their_own():
    drawn = [LatentChoices(code, OPTIONS) for code in CODES]
    numbers = torch.tensor([[choices.random(), choices.random()] for choices in drawn])
    assert numbers.min() > 0 and numbers.max() < 1
    torch.testing.assert_close(numbers.mean(0), torch.full((2,), 0.5), atol=0.03, rtol=0)
    assert abs(torch.corrcoef(numbers.T)[0, 1]) < 0.05


def test_a_code_chooses_again_what_it_chose_and_mostly_what_its_neighbours_choose():
    def chosen(codes):
        return [LatentChoices(code, OPTIONS).choice(tuple(OPTIONS)) for code in codes]

    first = chosen(CODES)
    assert chosen(CODES) == first
    same = sum(a == b for a, b in zip(first, chosen(CODES + 0.05), strict=True)) / len(CODES)
    other = sum(a == b for a, b in zip(first, chosen(CODES.flip(0)), strict=True)) / len(CODES)
    assert same > 0.95 and other < 0.5
