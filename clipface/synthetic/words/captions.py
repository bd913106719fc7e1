"""Attributes → a caption: nought to four of the attributes, in many words and templates."""

import random
import re
from collections.abc import Collection

from clipface.synthetic.attributes import Attributes
from clipface.synthetic.words import look_words as looks
from clipface.synthetic.words import vocabulary as words

_PREFIXES = (
    "a photo of", "a photo of", "a photo of", "a picture of", "an image of", "a portrait of", "a close-up of",
    "a photograph of",
    "a head shot of", "a render of", "a 3d render of", "the face of", "a closeup photo of", "a portrait photo of",
    "this is",
)  # fmt: skip
_PLAIN = ("a photo of a face", "a photo of a face", "a face", "a photo of a person", "a picture of a face",
          "a human face",
          "a portrait of a person", "a normal face", "an ordinary face", "a photo of a human face",
          "a photo of a normal person",
          "the face of a person", "a plain photo of a face")  # fmt: skip
_MENTIONS = (0, 1, 2, 3, 4)
_ORDINARY_WEIGHTS = (0.14, 0.34, 0.27, 0.16, 0.09)
_CLAUSE_STARTS = frozenset(
    "who in made painted covered as about over of from showing turning drawn carved cast turned laughing "
    "blowing full high wearing unshaven".split()
)
_WEARABLE = ("makeup", "make-up", "lipstick", "paint")
_SILENT_H = ("honest", "hour")


def _article(text: str) -> str:
    if text.startswith(
        ("mona lisa", "count dracula", "dracula", "annabelle", "satan", "geralt", "death", "someone", "nosferatu")
    ):
        return text
    if text.startswith(("one ", "european")):
        return f"a {text}"
    return f"an {text}" if text[0] in "aeiou" or text.startswith(_SILENT_H) else f"a {text}"


def _facts(face: Attributes) -> list[tuple[str, tuple[str, ...], tuple[str, ...], float]]:
    """(name, adjectives, phrases, weight) of everything that can be seen and is worth saying."""
    facts = [("age", words.AGE_ADJECTIVES[face.age], words.AGE_PHRASES[face.age] if face.look == "none" else (),
              {"young": 1.0, "adult": 0.3, "old": 2.2}[face.age])]  # fmt: skip
    expression_weight = 0.35 if face.expression == "neutral" else 4.0
    facts.append(("expression", words.EXPRESSION_ADJECTIVES[face.expression], words.EXPRESSION_PHRASES[face.expression],
                  expression_weight))  # fmt: skip
    if face.beard != "none":
        facts.append(("beard", words.BEARD_ADJECTIVES[face.beard], words.BEARD_PHRASES[face.beard], 1.8))
    if face.moustache:
        facts.append(("moustache", (), words.MOUSTACHE_PHRASES, 1.2))
    if face.look != "none":
        return facts
    facts.append(("skin", words.SKIN_ADJECTIVES[face.skin], words.SKIN_PHRASES[face.skin], 0.9))
    if face.expression != "sleeping":
        facts.append(("eyes", (), words.EYE_PHRASES[face.eyes], 1.2))
    hair = {"bald": ("bald",), "buzz": (), "hair": words.HAIR_ADJECTIVES[face.hair_colour]}[face.hair]
    said = {"bald": words.BALD_PHRASES, "buzz": words.BUZZ_PHRASES, "hair": words.HAIR_WORDS[face.hair_colour]}[
        face.hair
    ]
    facts.append(("hair", hair, said, 1.2))
    if face.sex == "man" and face.beard == "none" and not face.moustache:
        facts.append(("beard", ("clean-shaven",), words.CLEAN_SHAVEN, 0.25))
    for flag in words.FLAG_PHRASES:
        if getattr(face, flag):
            facts.append((flag, words.FLAG_ADJECTIVES[flag], words.FLAG_PHRASES[flag], 2.5))
    if face.makeup != "none":
        weight = 2.0 if face.makeup == "natural" else 8.0
        facts.append(
            ("makeup", ("made-up",) if face.makeup == "party" else (), words.MAKEUP_PHRASES[face.makeup], weight)
        )
    if face.lipstick != "none":
        facts.append(("lipstick", (), words.LIPSTICK_PHRASES[face.lipstick], 5.0))
    return facts


def _choose(facts: list, count: int, rng: random.Random) -> list:
    keyed = sorted(facts, key=lambda fact: -(rng.random() ** (1 / fact[3])))  # weighted, without replacement
    return keyed[:count]


def _joined(phrases: list[str], rng: random.Random) -> list[str]:
    """["a beard", "who is angry", "blue eyes"] → ["with a beard and blue eyes", "who is angry"]."""
    clauses = [phrase for phrase in phrases if phrase.split()[0] in _CLAUSE_STARTS]
    things = [phrase for phrase in phrases if phrase not in clauses]
    if not things:
        return clauses
    listed = ", ".join(things[:-1]) + (" and " if len(things) > 1 else "") + things[-1]
    wears = things[0].endswith(_WEARABLE) and rng.random() < 0.4
    return [f"{'wearing' if wears else 'with'} {listed}", *clauses]


def _noun(face: Attributes, rng: random.Random, taken: set[str], named: Collection[str] = ()) -> str:
    """The noun for the person; says neither sex nor age if these are taken, and surely the sex if it is `named`."""
    kind = "any" if "sex" in taken or (rng.random() >= 0.7 and "sex" not in named) else face.sex
    if kind != "any" and "age" not in taken and rng.random() < 0.12 and face.age != "adult":
        return rng.choice((words.YOUNG_PERSON if face.age == "young" else words.OLD_PERSON)[kind])
    return rng.choice(words.PERSON[kind])


def _subject(
    face: Attributes, rng: random.Random, taken: set[str], phrases: list[str], named: Collection[str] = ()
) -> str:
    if face.look == "none":
        if face.makeup in words.MAKEUP_NOUNS and "makeup" in taken and rng.random() < 0.15:
            return rng.choice(words.MAKEUP_NOUNS[face.makeup][: None if face.sex == "woman" else 2])
        return _noun(face, rng, taken, named)
    way = rng.random()
    if way < 0.58:
        if rng.random() < 0.15:
            phrases.append(rng.choice(looks.LOOK_PHRASES[face.look]))
        return rng.choice(looks.LOOK_NOUNS[face.look])
    if way < 0.78:
        return f"{rng.choice(looks.LOOK_ADJECTIVES[face.look])} {_noun(face, rng, taken, named)}"
    phrases.append(rng.choice(looks.LOOK_PHRASES[face.look]))
    return _noun(face, rng, taken, named)


def caption(face: Attributes, rng: random.Random, untold: Collection[str] = ()) -> str:
    """Say something true about a painted face.

    Args:
        face: what was painted.
        rng: source of randomness; call again for another caption of the same face.
        untold: attributes to keep silent about, since nobody knows them (of a photograph, say).
    Returns:
        Lower-case text, with no full stop.
    """
    ordinary = face.look == "none" and face.makeup in ("none", "natural")
    count = rng.choices(_MENTIONS, _ORDINARY_WEIGHTS)[0] - (not ordinary)
    if ordinary and count == 0:
        return rng.choice(_PLAIN)
    facts = [fact for fact in _facts(face) if fact[0] not in untold]
    if face.look != "none":
        count = max(0, count)
    elif not ordinary:
        count = max(1, count)
    chosen = _choose(facts, count, rng)
    if face.look == "none" and rng.random() < 0.1:
        return rng.choice(chosen[0][2] or chosen[0][1])  # a bare prompt: "red lipstick"
    taken = {fact[0] for fact in chosen} | ({"sex", "age"} & set(untold))
    return _sentence(face, chosen, rng, taken)


def naming(face: Attributes, names: Collection[str], rng: random.Random) -> str:
    """Name some attributes of a painted face, and no others.

    Args:
        face: what was painted.
        names: attributes; the hair's colour is said for "hair", and a look in place of what it covers.
        rng: source of randomness.
    Returns:
        As `caption`.
    """
    chosen = [fact for fact in _facts(face) if fact[0] in names]
    if not chosen and "sex" not in names and "look" not in names:
        return rng.choice(_PLAIN)
    if len(chosen) == len(names) == 1 and rng.random() < 0.2:
        return rng.choice(chosen[0][2] or chosen[0][1])
    return _sentence(face, chosen, rng, {fact[0] for fact in chosen} | ({"sex", "age"} - set(names)), names)


def _sentence(face: Attributes, chosen: list, rng: random.Random, taken: set[str], named: Collection[str] = ()) -> str:
    adjectives, phrases = [], []
    for _, before, after, _weight in chosen:
        if before and (not after or (len(adjectives) < 2 and rng.random() < 0.5)):
            adjectives.append(rng.choice(before))
        else:
            phrases.append(rng.choice(after))
    subject = _subject(face, rng, taken, phrases, named)
    rng.shuffle(phrases)
    if subject.startswith(("mona lisa", "portrait")):
        adjectives = adjectives[:1]
    text = _article(" ".join([*dict.fromkeys(adjectives), subject]))
    return framed(" ".join([text, *_joined(phrases, rng)]), rng)


def framed(text: str, rng: random.Random) -> str:
    """Put "a photo of" or the like before most texts."""
    way = rng.random()
    if way < 0.62:
        return f"{rng.choice(_PREFIXES)} {text}"
    if way < 0.72 and text.startswith(("a ", "an ")):
        return text.split(" ", 1)[1]  # a bare prompt: "angry zombie with wrinkles"
    return text


def captions(faces: list[Attributes], rng: random.Random) -> list[str]:
    """One caption for each face, see `caption`."""
    return [caption(face, rng) for face in faces]


def vocabulary() -> list[str]:
    """Every word that a caption can hold, sorted: lower case, hyphens split, punctuation stripped."""
    found = set(split_words(" ".join((*_PREFIXES, *_PLAIN, *_CLAUSE_STARTS, "a an and with wearing"))))
    for module in (words, looks):
        for name, table in vars(module).items():
            if name.isupper():
                found.update(split_words(str(table)))
    return sorted(found - {"none", "any"})


def split_words(text: str) -> list[str]:
    """Text → lower-case words without punctuation ("Mona Lisa's make-up" → mona lisas make up)."""
    return re.findall(r"[a-z0-9]+", re.sub(r"'s\b|'", "", text.lower()).replace("_", " "))
