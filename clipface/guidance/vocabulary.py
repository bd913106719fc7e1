"""The words that a small encoder was trained on: how a text is split into them, and which it lacks; no tensor."""

import re
import unicodedata
from collections.abc import Iterable

UNKNOWN, FIRST_WORD = 2, 3  # numbers; below are padding and the start mark
# Words of any phrase: they do not say what a face should become.
FRAME_WORDS = frozenset(
    "a an and as at by face from her his image in is it its of on or person photo picture portrait somebody someone "
    "that the their this to very with".split()
)
_WORD = re.compile(r"[a-z0-9]+")
# Latin letters that Unicode does not take apart into a plain letter and an accent.
_PLAIN = str.maketrans(
    {"’": "'", "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
)
_FIRST_PICTOGRAM = 0x2190  # symbols before it, such as degrees, say little
# Tried in this order on words that are not in the vocabulary. No -er: a witcher is not a witch.
_SUFFIXES = ("ies", "ing", "ed", "es", "ie", "s", "y", "e")
_SHORTEST_STEM = 3


def split(text: str) -> list[str]:
    """Split a text into lower-case words; accents, apostrophes (na'vi: navi) and a possessive 's are dropped."""
    return _WORD.findall(re.sub(r"'s\b|'", "", _plain(text).lower()))


def foreign_words(text: str) -> list[str]:
    """The words of a text with letters of another script than Latin, or pictograms, each once: `split` drops them."""
    return list(dict.fromkeys(word.strip(".,;:!?()\"'«»“”„…") for word in text.split() if any(map(_foreign, word))))


class UnknownWords(UserWarning):
    """A text has words that an encoder does not know, and leaves out."""


class Vocabulary:
    """Words by number."""

    def __init__(self, words: Iterable[str], context_length: int) -> None:
        """Number the words.

        Args:
            words: in the order that the model was trained with; a repeated word counts once.
            context_length: tokens a text, start and end marks included.
        """
        self.words = tuple(dict.fromkeys(part for word in words for part in split(word)))
        if not self.words:
            raise ValueError("words: expected a vocabulary of at least one word, got none")
        self.context_length = context_length
        self.ids = {word: number for number, word in enumerate(self.words, FIRST_WORD)}
        self._stems: dict[str, int] = {}
        for word, number in self.ids.items():
            self._stems.setdefault(_stem(word), number)

    def number(self, word: str) -> int:
        """The number of a word, or of a known one with the same stem (zombies: zombie), or of the unknown word."""
        return self.ids.get(word) or self._stems.get(_stem(word), UNKNOWN)

    def unknown_words(self, text: str) -> list[str]:
        """The words of a text that the vocabulary lacks, each once; those of other scripts come last."""
        return [word for word in dict.fromkeys(split(text)) if self.number(word) == UNKNOWN] + foreign_words(text)

    def telling_words(self, text: str) -> list[str]:
        """The known words of a text that say something of a face: all but `FRAME_WORDS`."""
        return [word for word in split(text) if word not in FRAME_WORDS and self.number(word) != UNKNOWN]

    def cut(self, text: str) -> str:
        """What of a text is beyond the context length, and is left out; empty if nothing."""
        return " ".join(split(text)[self.context_length - 2 :])

    def lost(self, text: str) -> str:
        """What the model does not see of a text, and why; empty if nothing."""
        unknown, cut = self.unknown_words(text), self.cut(text)
        reasons = [f"never saw the words {', '.join(unknown)} of {text!r} and ignores them"] if unknown else []
        reasons += [f"reads {self.context_length - 2} words, and leaves out {cut!r}"] if cut else []
        return "; it ".join(reasons)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()


def _foreign(character: str) -> bool:
    pictogram = unicodedata.category(character) == "So" and ord(character) >= _FIRST_PICTOGRAM
    return (character.isalnum() or pictogram) and not _WORD.search(_plain(character).lower())


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word[: -len(suffix)]
    return word
