"""Trained phrases: how the captions that encoders are trained on name each value of each attribute."""

import re
from pathlib import Path
from typing import NamedTuple

from clipface.files import read_table
from clipface.synthetic.attributes import SEXES
from clipface.synthetic.words import look_words as looks
from clipface.synthetic.words import vocabulary as words

_ARTICLES = frozenset(("a", "an", "the"))
_DETAILS = ("freckles", "wrinkles", "tired", "scar")


def _joined(*tables: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Phrases by value, of several tables, each phrase once."""
    values = dict.fromkeys(value for table in tables for value in table)
    return {value: tuple(dict.fromkeys(p for table in tables for p in table.get(value, ()))) for value in values}


def _every(table: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(phrase for phrases in table.values() for phrase in phrases)


# Attribute → value → phrases. The attributes are those of `attributes.CHOICES`, but that `detail` gathers what a face
# has or has not, since captions never mention the lack of it. Values that captions do not name are left out.
TRAINED_PHRASES: dict[str, dict[str, tuple[str, ...]]] = {
    "sex": _joined({sex: words.PERSON[sex] for sex in SEXES}, words.YOUNG_PERSON, words.OLD_PERSON),
    "age": _joined(words.AGE_ADJECTIVES, words.AGE_PHRASES),
    "skin": _joined(words.SKIN_ADJECTIVES, words.SKIN_PHRASES),
    "eyes": _joined(words.EYE_PHRASES),
    "hair": {
        "bald": ("bald", *words.BALD_PHRASES),
        "buzz": words.BUZZ_PHRASES,
        "hair": _every(words.HAIR_WORDS) + _every(words.HAIR_ADJECTIVES),
    },
    "hair_colour": _joined(words.HAIR_ADJECTIVES, words.HAIR_WORDS),
    "beard": {"none": ("clean-shaven", *words.CLEAN_SHAVEN), **_joined(words.BEARD_ADJECTIVES, words.BEARD_PHRASES)},
    "makeup": _joined(words.MAKEUP_PHRASES, words.MAKEUP_NOUNS),
    "lipstick": _joined(words.LIPSTICK_PHRASES),
    "expression": _joined(words.EXPRESSION_ADJECTIVES, words.EXPRESSION_PHRASES),
    "detail": {
        **{name: _joined(words.FLAG_ADJECTIVES, words.FLAG_PHRASES)[name] for name in _DETAILS},
        "moustache": words.MOUSTACHE_PHRASES,
    },
    "look": _joined(looks.LOOK_NOUNS, looks.LOOK_ADJECTIVES, looks.LOOK_PHRASES),
}


class Phrase(NamedTuple):
    """A phrase for a value of an attribute; both are keys of `TRAINED_PHRASES`."""

    attribute: str
    value: str
    phrase: str


def trained_phrases() -> list[Phrase]:
    """All of `TRAINED_PHRASES` as one list."""
    return [
        Phrase(name, value, text)
        for name, values in TRAINED_PHRASES.items()
        for value in values
        for text in values[value]
    ]


def read_phrases(path: Path) -> list[Phrase]:
    """Read a CSV file with the columns attribute, value, phrase.

    Raises:
        ValueError: if a row has a value that is not in `TRAINED_PHRASES`.
    """
    rows = [
        Phrase(**{name: row[name] for name in Phrase._fields}) for row in read_table(path, Phrase._fields, "phrases")
    ]
    for row in rows:
        if row.value not in TRAINED_PHRASES.get(row.attribute, {}):
            raise ValueError(f"{path.name}: expected a trained attribute and value, got {row}")
    return rows


def plain_form(phrase: str) -> str:
    """A phrase in lower case without articles, punctuation and plural s: two with the same form are the same."""
    words = [re.sub("['’]", "", word) for word in re.findall(r"[^\W_]+(?:['’][^\W_]+)*", phrase.lower())]
    return " ".join(_singular(word) for word in words if word not in _ARTICLES)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
