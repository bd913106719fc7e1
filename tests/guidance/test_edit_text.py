"""Negations and degrees are taken out of a text before an encoder reads it."""

import pytest
import torch

from clipface.guidance.edit_text import DEGREES, read_edit


def wanted(text: str) -> dict[str, float]:
    return {part.text: pytest.approx(part.weight) for part in read_edit(text).wanted}


def unwanted(text: str) -> list[str]:
    return [part.text for part in read_edit(text).unwanted]


@pytest.mark.parametrize("text", ["a zombie", "an old man with a red beard, smiling", "a photo of a clean-shaven man"])
def test_a_plain_text_stays_as_it_is(text):
    assert wanted(text) == {text: 1.0} and not unwanted(text)


@pytest.mark.parametrize(
    ("text", "rest", "nots"),
    [
        ("a man without a beard", "a man", ["a beard"]),
        ("a woman with blue eyes and no makeup", "a woman with blue eyes", ["makeup"]),
        ("a man without a beard and moustache, with green eyes", "a man, with green eyes", ["a beard and moustache"]),
        ("a man without a beard and with green eyes", "a man and with green eyes", ["a beard"]),
        ("a witch but not old", "a witch", ["old"]),
        ("No beard, no moustache", None, ["beard", "moustache"]),
        ("not smiling", None, ["smiling"]),
    ],
)
def test_what_is_not_wanted_is_told_apart(text, rest, nots):
    assert wanted(text) == ({rest: 1.0} if rest else {}) and unwanted(text) == nots


def test_a_degree_is_of_the_next_word_alone():
    assert wanted("a slightly old man") == {"a old man": 0.5, "a man": 0.5}
    assert wanted("slightly smiling") == {"smiling": 0.5}
    assert wanted("a very angry zombie") == {"a angry zombie": DEGREES["very"], "a zombie": 1 - DEGREES["very"]}
    assert wanted("a little bit sad") == {"sad": 0.5}


@pytest.mark.parametrize("text", ["a photo of a face", "", "a person"])
def test_words_that_every_face_fits_want_nothing(text):
    assert not wanted(text) and not unwanted(text)


def test_directions_are_from_the_source_phrase():
    features = {"a photo of a face": [1.0, 0, 0], "smiling": [0.0, 1, 0], "a beard": [0.0, 0, 1]}

    def encode(texts):
        return torch.tensor([features[text] for text in texts])

    some, none = read_edit("slightly smiling, without a beard").directions(encode)
    assert some.tolist() == [-0.5, 0.5, 0] and none.tolist() == [-1, 0, 1]
    nothing = read_edit("a photo of a face").directions(encode)
    assert not nothing[0].any() and not nothing[1].any()
