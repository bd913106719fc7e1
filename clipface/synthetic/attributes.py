"""What a painted face is asked to be: named attributes, and the distribution they are sampled from."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

SEXES = ("woman", "man")
AGES = ("young", "adult", "old")
SKINS = ("pale", "fair", "olive", "tan", "brown", "dark")
EYES = ("blue", "green", "grey", "hazel", "brown", "black")
HAIR = ("bald", "buzz", "hair")
HAIR_COLOURS = ("black", "brown", "blond", "red", "grey", "white")
BEARDS = ("none", "stubble", "goatee", "beard")
MAKEUP = ("none", "natural", "party", "gothic")
LIPSTICKS = ("none", "red", "pink", "dark")
EXPRESSIONS = (
    "neutral",
    "smiling",
    "laughing",
    "angry",
    "sad",
    "surprised",
    "disgusted",
    "afraid",
    "kissing",
    "sleeping",
    "smirking",
)
LOOKS = (
    "none", "zombie", "clown", "ghost", "vampire", "werewolf", "avatar", "white_walker", "statue", "bronze", "witch",
    "mona_lisa", "sketch", "doll", "annabelle", "barbie", "princess", "pixar", "witcher", "stoned", "joker", "skull",
    "demon", "orc", "robot", "alien", "tiger", "warpaint", "van_gogh",
)  # fmt: skip

ORDINARY_SHARE = 0.62  # faces without a stylised look: what the texture generator should mostly learn
LOOK_SEX = {"witch": "woman", "barbie": "woman", "princess": "woman", "mona_lisa": "woman", "annabelle": "woman",
            "doll": "woman", "witcher": "man", "joker": "man"}  # fmt: skip
BEARDLESS = ("barbie", "princess", "doll", "annabelle", "mona_lisa", "skull", "robot", "tiger", "alien")
_PLAIN_EXPRESSIONS = {
    "neutral": 0.28, "smiling": 0.13, "laughing": 0.10, "angry": 0.12, "sad": 0.09, "surprised": 0.09,
    "disgusted": 0.07,
    "afraid": 0.03, "kissing": 0.03, "sleeping": 0.02, "smirking": 0.04,
}  # fmt: skip
_SKIN_HAIR = {  # which hair colours are believable on which skin
    "pale": {"black": 1, "brown": 2, "blond": 3, "red": 2},
    "fair": {"black": 2, "brown": 3, "blond": 3, "red": 1},
    "olive": {"black": 4, "brown": 4, "blond": 0.5},
    "tan": {"black": 4, "brown": 3, "blond": 1},
    "brown": {"black": 8, "brown": 2},
    "dark": {"black": 9, "brown": 1, "blond": 0.4},
}
_SKIN_EYES = {
    "pale": {"blue": 4, "green": 2, "grey": 2, "hazel": 1, "brown": 1},
    "fair": {"blue": 3, "green": 2, "grey": 1, "hazel": 2, "brown": 3},
    "olive": {"blue": 0.7, "green": 1, "hazel": 2, "brown": 4, "black": 1},
    "tan": {"blue": 0.7, "green": 0.7, "hazel": 2, "brown": 4, "black": 1},
    "brown": {"hazel": 1, "brown": 6, "black": 3},
    "dark": {"hazel": 0.4, "brown": 5, "black": 4},
}


@dataclass(frozen=True)
class Attributes:
    """One painted face in words; every field takes one of the values listed in this module."""

    sex: str = "woman"
    age: str = "adult"
    skin: str = "fair"
    eyes: str = "brown"
    hair: str = "bald"
    hair_colour: str = "brown"
    beard: str = "none"
    moustache: bool = False
    freckles: bool = False
    wrinkles: bool = False
    tired: bool = False
    scar: bool = False
    makeup: str = "none"
    lipstick: str = "none"
    expression: str = "neutral"
    look: str = "none"

    def __post_init__(self) -> None:
        for name in CHOICES:
            _check(name, getattr(self, name))


CHOICES: dict[str, tuple] = {
    "sex": SEXES, "age": AGES, "skin": SKINS, "eyes": EYES, "hair": HAIR, "hair_colour": HAIR_COLOURS, "beard": BEARDS,
    "makeup": MAKEUP, "lipstick": LIPSTICKS, "expression": EXPRESSIONS, "look": LOOKS,
    "moustache": (False, True), "freckles": (False, True), "wrinkles": (False, True), "tired": (False, True),
    "scar": (False, True),
}  # fmt: skip


def _check(name: str, value: object) -> None:
    if name not in CHOICES:
        raise ValueError(f"attributes: expected names among {', '.join(CHOICES)}, got {name!r}")
    if value not in CHOICES[name]:
        raise ValueError(f"{name}: expected one of {', '.join(map(str, CHOICES[name]))}, got {value!r}")


def _pick(rng: random.Random, weights: Mapping[str, float]) -> str:
    return rng.choices(tuple(weights), tuple(weights.values()))[0]


def _hair(rng: random.Random, sex: str, age: str, skin: str) -> tuple[str, str]:
    colour = _pick(rng, _SKIN_HAIR[skin])
    if age == "old" and rng.random() < 0.85:
        colour = rng.choice(("grey", "white"))
    bald, buzz = (0.25, 0.2) if sex == "man" else (0.04, 0.04)
    return _pick(rng, {"bald": bald, "buzz": buzz, "hair": 1 - bald - buzz}), colour


def _made_up(rng: random.Random, sex: str) -> tuple[str, str]:
    if sex == "woman":
        makeup = _pick(rng, {"none": 0.5, "natural": 0.18, "party": 0.16, "gothic": 0.16})
        return makeup, _pick(
            rng, {"none": 0.58, "red": 0.24, "pink": 0.1, "dark": 0.08}
        ) if makeup != "gothic" else "none"
    makeup = _pick(rng, {"none": 0.9, "party": 0.04, "gothic": 0.06})
    return makeup, _pick(rng, {"none": 0.97, "red": 0.03}) if makeup == "none" else "none"


def sample_attributes(rng: random.Random, given: Mapping[str, object] | None = None) -> Attributes:
    """Sample one face; what is `given` is kept, the rest is sampled to go with it.

    Args:
        rng: source of randomness.
        given: values of some fields of `Attributes`.
    Raises:
        ValueError: a name or value that does not exist.
    """
    given = dict(given or {})
    for name, value in given.items():
        _check(name, value)
    look = given.get("look") or ("none" if rng.random() < ORDINARY_SHARE else rng.choice(LOOKS[1:]))
    if look == "none" or "sex" in given:
        sex = given.get("sex") or ("man" if given.get("beard", "none") != "none" else rng.choice(SEXES))
    else:
        sex = LOOK_SEX.get(look) or rng.choice(SEXES)
    age = given.get("age") or _pick(rng, {"young": 0.36, "adult": 0.32, "old": 0.32} if look == "none" else
                                    {"young": 0.3, "adult": 0.5, "old": 0.2})  # fmt: skip
    if "age" not in given and look in ("barbie", "princess", "doll", "pixar", "annabelle"):
        age = "young"
    skin = given.get("skin") or rng.choice(SKINS)
    hair, hair_colour = _hair(rng, sex, age, skin)
    sampled = {"look": look, "sex": sex, "age": age, "skin": skin, "hair": hair, "hair_colour": hair_colour,
             "eyes": _pick(rng, _SKIN_EYES[skin])}  # fmt: skip
    if look != "none":
        sampled["hair"] = "bald"  # hair is a choice, never something that a look brings
    quiet = {name: 0.5 if name == "neutral" else weight for name, weight in _PLAIN_EXPRESSIONS.items()}
    sampled["expression"] = _pick(rng, _PLAIN_EXPRESSIONS if look == "none" else quiet)
    if sex == "man" and look not in BEARDLESS:
        sampled["beard"] = _pick(rng, {"none": 0.42, "stubble": 0.2, "goatee": 0.13, "beard": 0.25})
        sampled["moustache"] = sampled["beard"] in ("goatee", "beard") and rng.random() < 0.8 or rng.random() < 0.08
    sampled["wrinkles"] = age == "old" or (age == "adult" and rng.random() < 0.08)
    if look == "none":
        sampled["makeup"], sampled["lipstick"] = _made_up(rng, sex)
        sampled["freckles"] = skin in ("pale", "fair", "olive") and rng.random() < 0.22
        sampled["tired"] = rng.random() < 0.05
        sampled["scar"] = rng.random() < 0.03
    return Attributes(**{**sampled, **given})
