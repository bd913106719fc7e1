import pytest
import torch

from clipface.guidance.tokenizer import PAD, START, UNKNOWN, WordTokenizer, split

TOKENIZER = WordTokenizer(["a", "photo", "zombie", "smiling", "beard", "wrinkles", "make", "up", "navi"], 8)


def test_texts_are_split_into_plain_words():
    assert split("  A Woman's Make-Up, (na'vi) CAFÉ’s!") == ["a", "woman", "make", "up", "navi", "cafe"]


def test_end_mark_is_the_highest_number_and_padding_follows():
    tokens = TOKENIZER("A photo: zombie")
    assert tokens.shape == (1, 8)
    words = [TOKENIZER.ids[word] for word in ("a", "photo", "zombie")]
    assert tokens[0].tolist() == [START, *words, TOKENIZER.end, PAD, PAD, PAD]
    assert tokens.argmax() == 4 and TOKENIZER.end == TOKENIZER.size - 1


def test_long_texts_are_cut_and_still_end():
    tokens = TOKENIZER(["a photo " * 20])
    assert tokens.shape == (1, 8) and tokens[0, -1] == TOKENIZER.end


def test_empty_text_is_start_and_end():
    assert TOKENIZER([""])[0, :3].tolist() == [START, TOKENIZER.end, PAD]


FORMS = [("zombies", "zombie"), ("Smiled", "smiling"), ("bearded", "beard"), ("wrinkle", "wrinkles")]


@pytest.mark.parametrize("word, like", FORMS)
def test_other_forms_of_a_word_are_known(word: str, like: str):
    assert TOKENIZER.number(split(word)[0]) == TOKENIZER.ids[like]
    assert TOKENIZER.unknown_words(word) == []


def test_unknown_words_are_named_once():
    assert TOKENIZER.unknown_words("a witcher photo, Witcher of rivia") == ["witcher", "of", "rivia"]
    assert torch.equal(TOKENIZER("witcher"), torch.tensor([[START, UNKNOWN, TOKENIZER.end] + [PAD] * 5]))


def test_empty_vocabulary_is_refused():
    with pytest.raises(ValueError, match="words"):
        WordTokenizer([], 8)
