"""What a text asks of a face: what it should have, what it should not have, and how much of it.

"a slightly old man without a beard": wants "a old man", of which half of what "old" adds to "a man"; and no "a beard".
An encoder's features of a negation are those of the thing itself, and it seldom knows words of degree; so both are
read here, and what is left are phrases that any encoder knows.

Source: arithmetic on text features as in StyleCLIP (arXiv 2103.17249), section 6.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.settings import SOURCE_PHRASE

# How much of an edit the next word is to get, against 1 without such a word.
DEGREES = {
    "slightly": 0.5, "a little": 0.5, "a bit": 0.5, "a little bit": 0.5, "somewhat": 0.6, "mildly": 0.6, "rather": 0.8,
    "very": 1.35, "really": 1.35, "strongly": 1.35, "much": 1.35, "extremely": 1.6,
}  # fmt: skip
_DEGREE = re.compile(rf"\b({'|'.join(sorted(DEGREES, key=len, reverse=True))})\s+(?=\w)", re.IGNORECASE)
# A negation reaches to the next of these; "and" goes on, unless another kind of words follows.
_NEGATION = re.compile(
    r"\b(?:and\s+|but\s+)?(?:without|with\s+no|has\s+no|having\s+no|no|not|isn't|never|minus)\s+(?:any\s+)?"
    r"(.+?)(?=\s*(?:[,;.]|\bbut\b|\bwith\b|\bwho\b|\band\s+(?:with|a\s+\w+|\w+ing)\b|$))",
    re.IGNORECASE,
)
_EMPTY = frozenset("a an the and with of who is face person photo picture image portrait someone but has".split())


class Part(NamedTuple):
    """A phrase, and how much of what it says."""

    text: str
    weight: float


class EditText(NamedTuple):
    """A text taken apart; weighted phrases, whose features less the source phrase's are added up."""

    wanted: tuple[Part, ...]
    unwanted: tuple[Part, ...]

    def directions(self, encode: Callable[[Sequence[str]], Tensor]) -> tuple[Tensor, Tensor]:
        """What the text means to an encoder.

        Args:
            encode: texts to features [N, D].

        Returns:
            Directions [D] of what is wanted and of what is not; zeros for nothing.
        """
        parts = [*self.wanted, *self.unwanted]
        source, *rest = encode([SOURCE_PHRASE, *(part.text for part in parts)])
        changes = [part.weight * (feature - source) for part, feature in zip(parts, rest, strict=True)]
        both = changes[: len(self.wanted)], changes[len(self.wanted) :]
        return tuple(torch.stack([torch.zeros_like(source), *some]).sum(0) for some in both)


def read_edit(text: str) -> EditText:
    """Take a text apart.

    Args:
        text: any, such as "a photo of a very old woman, not smiling".

    Returns:
        Its parts; a text of frame words alone wants nothing.
    """
    negated = [match.group(1).strip() for match in _NEGATION.finditer(text)]
    rest = _tidy(_NEGATION.sub(" ", text))
    full = _tidy(_DEGREE.sub("", rest))
    wanted = [Part(full, 1.0)] if _tells(full) else []
    for match in _DEGREE.finditer(rest):
        more = DEGREES[match.group(1).lower()] - 1
        # The same text without the word that the degree is of, and with no other degree either.
        without = _DEGREE.sub("", rest[: match.start()]) + re.sub(r"^\S+", "", _DEGREE.sub("", rest[match.end() :]))
        wanted.append(Part(full, more))
        if _tells(_tidy(without)):
            wanted.append(Part(_tidy(without), -more))
    unwanted = [Part(_DEGREE.sub("", phrase), 1.0) for phrase in negated if _tells(phrase)]
    return EditText(_summed(wanted), tuple(unwanted))


def _summed(parts: Sequence[Part]) -> tuple[Part, ...]:
    total: dict[str, float] = {}
    for part in parts:
        total[part.text] = total.get(part.text, 0.0) + part.weight
    return tuple(Part(text, weight) for text, weight in total.items())


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s*([,;.])(?:\s*[,;.])+", r"\1", text)  # of what stood between commas
    return re.sub(r"\s+(?=[,;.])", "", text).strip(" ,;.")


def _tells(text: str) -> bool:
    """Whether a text says anything but that there is a face."""
    return any(word not in _EMPTY for word in re.findall(r"\w+", text.lower()))
