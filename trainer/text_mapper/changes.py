"""What a text mapper is trained on: texts, what they ask for, and what the face has already."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clipface.synthetic.attributes import CHOICES, sample_attributes
from clipface.synthetic.words.captions import naming
from clipface.synthetic.words.trained_phrases import TRAINED_PHRASES
from clipface.synthetic.words.vocabulary import HAIR_WORDS

DETAILS = ("moustache", "freckles", "wrinkles", "tired", "scar")  # attributes that a face has or has not
# How often an attribute is named; colours of hair show in brows and beards.
SHARES = {
    "look": 6.0, "expression": 4.0, "age": 2.5, "sex": 2.0, "skin": 2.0, "eyes": 2.0, "hair_colour": 2.0, "beard": 3.0,
    "makeup": 1.5, "lipstick": 2.0, **dict.fromkeys(DETAILS, 0.8),
}  # fmt: skip
NOT_WITH_LOOKS = ("sex", "skin", "eyes", "hair_colour", "makeup", "lipstick", "freckles", "wrinkles", "tired", "scar")
COUNTS = {1: 0.4, 2: 0.28, 3: 0.22, 4: 0.1}  # how many values a text names
# What "without" is said of, and how often.
TAKEN_AWAY = {"expression": 4.0, "beard": 2.0, "makeup": 1.5, "lipstick": 1.5, "look": 1.5, "age": 1.0, "sex": 0.7,
              **dict.fromkeys(DETAILS, 0.7)}  # fmt: skip
SYNONYMS = 0.4  # share of texts with one value that say it in a phrase of data/synonyms.csv
COLOURED = 0.7  # share of texts with beard and colour that say "a red beard"
UNWANTED, ALONE = 0.3, 0.4  # share of texts that take something away; of them, those that do nothing else
WORN, SAME = 0.35, 0.6  # share of faces with something painted on; of them, with what the text replaces or takes away
MOVED = 0.4  # share of faces with an expression already

Value = tuple[str, object]


class Change(NamedTuple):
    """What a text asks for, and what it meets."""

    wanted: str  # words for what a face should have; empty: nothing
    unwanted: str  # words for what it should not have; empty: nothing
    values: tuple[Value, ...]  # that the wanted words name
    removed: Value | None  # that the unwanted ones name
    worn: Value | None  # what is painted on the face already
    expression: str  # of the face, and how strong it is, 0..1
    strength: float


def values() -> list[Value]:
    """All attribute values that texts ask for, of bald heads."""
    named = [(name, value) for name in SHARES if name not in DETAILS for value in CHOICES[name] if value != "none"]
    return named + [(name, True) for name in DETAILS]


def sample_change(rng: random.Random, synonyms: Mapping[Value, Sequence[str]]) -> Change:
    """Sample a text and a face for it.

    Args:
        rng: source of randomness.
        synonyms: further phrases for values.
    """
    removed = _other(rng, _name(rng, TAKEN_AWAY)) if rng.random() < UNWANTED else None
    chosen = () if removed and rng.random() < ALONE else _values(rng, removed)
    wanted = _wanted(rng, chosen, synonyms) if chosen else ""
    worn = _other(rng, rng.choice(("look", "beard", "makeup", "lipstick", "hair_colour", "eyes", *DETAILS)))
    same = [value for value in (*chosen, removed) if value and value[0] not in ("sex", "age", "skin", "expression")]
    if same and rng.random() < SAME:
        worn = (rng.choice(same)[0], None)
        alike = [value for value in values() if value[0] == worn[0]]
        worn = removed if removed and removed[0] == worn[0] else rng.choice(alike)
    calmed = removed is not None and removed[0] == "expression" and rng.random() < SAME
    moved = calmed or rng.random() < MOVED
    face = removed[1] if calmed else rng.choice(CHOICES["expression"][1:]) if moved else "neutral"
    return Change(
        wanted, _unwanted(rng, removed), chosen, removed, worn if rng.random() < WORN else None, face,
        rng.uniform(0.5, 1.0) if moved else 0.0,
    )  # fmt: skip


def phrases_of(value: Value) -> tuple[str, ...]:
    """The trained phrases for a value."""
    name, kind = ("detail", value[0]) if value[0] in DETAILS else value
    return TRAINED_PHRASES[name][kind]


def _name(rng: random.Random, shares: Mapping[str, float]) -> str:
    return rng.choices(tuple(shares), tuple(shares.values()))[0]


def _other(rng: random.Random, name: str) -> Value:
    return rng.choice([value for value in values() if value[0] == name and value[1] not in ("neutral", "natural")])


def _values(rng: random.Random, removed: Value | None) -> tuple[Value, ...]:
    count = rng.choices(tuple(COUNTS), tuple(COUNTS.values()))[0]
    known, names = values(), []
    while len(names) < count:
        name = _name(rng, SHARES)
        covered = any(name in NOT_WITH_LOOKS and other == "look" or name == "look" and other in NOT_WITH_LOOKS
                      for other in names)  # fmt: skip
        if name not in names and not covered and not (removed and removed[0] == name):
            names.append(name)
    if {"beard", "moustache"} & set(names) and not {"hair_colour", "look"} & set(names) and rng.random() < 0.6:
        names.append("hair_colour")
    return tuple(rng.choice([value for value in known if value[0] == name]) for name in names)


def _wanted(rng: random.Random, chosen: Sequence[Value], synonyms: Mapping[Value, Sequence[str]]) -> str:
    if len(chosen) == 1 and chosen[0] in synonyms and rng.random() < SYNONYMS:
        return rng.choice(synonyms[chosen[0]])
    given, names = dict(chosen), {name for name, _ in chosen}
    given.setdefault("look", "none")
    given.setdefault("expression", "neutral")  # nobody says the eyes' colour of a face asleep
    if given.get("beard") in ("goatee", "beard") or given.get("moustache") or given.get("beard"):
        given.setdefault("sex", "man")
    if "hair_colour" in given:
        given["hair"], names = "hair", names - {"hair_colour"} | {"hair"}
    said = names & ({"beard", "moustache"} if given.get("beard") != "stubble" else {"moustache"})
    if not ("hair" in names and said and rng.random() < COLOURED):
        return naming(sample_attributes(rng, given), names, rng)
    # Captions name a beard and the hair's colour apart, never "a red beard".
    colour = rng.choice(HAIR_WORDS[given["hair_colour"]]).removesuffix(" hair")
    others = naming(sample_attributes(rng, given), names - {"hair", *said}, rng)
    things = [given["beard"] if name == "beard" else name for name in sorted(said)]
    return f"{others} with a {colour} {' and '.join(things)}"


def _unwanted(rng: random.Random, removed: Value | None) -> str:
    return "" if removed is None else rng.choice(phrases_of(removed))
