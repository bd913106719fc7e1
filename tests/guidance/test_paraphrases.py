"""The paraphrases that measure untrained words really are untrained, and ask for what faces are painted with."""

import csv
from collections import Counter

from clipface.assets import SHIPPED_FOLDER
from clipface.guidance.tokenizer import WordTokenizer, split
from clipface.synthetic import vocabulary
from clipface.synthetic.words.trained_phrases import TRAINED_PHRASES

FUNCTION_WORDS = frozenset("a an the of with in on and as to is who from by out about for at like".split())


def _rows() -> list[dict[str, str]]:
    with (SHIPPED_FOLDER / "paraphrases.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_there_are_two_hundred_of_them():
    rows = _rows()
    assert len(rows) >= 200
    assert len({row["phrase"].lower() for row in rows}) == len(rows)


def test_no_content_word_of_a_paraphrase_was_taught():
    tokenizer = WordTokenizer(vocabulary(), 32)
    for row in _rows():
        content = set(split(row["phrase"])) - FUNCTION_WORDS
        trained = content - set(tokenizer.unknown_words(row["phrase"]))  # other forms of a trained word are known too
        assert content and not trained, f"{row['phrase']}: {sorted(trained)}"


def test_every_taught_value_has_a_paraphrase_and_no_other():
    asked = Counter((row["attribute"], row["value"]) for row in _rows())
    assert set(asked) == {(attribute, value) for attribute, values in TRAINED_PHRASES.items() for value in values}
