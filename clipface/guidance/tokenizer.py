"""Words to numbers with a small vocabulary: open_clip's own table of 49,408 tokens would outweigh a small model."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

PAD, START, UNKNOWN = 0, 1, 2  # the words follow; the end mark comes last
_FIRST_WORD = 3
_WORD = re.compile(r"[a-z0-9]+")
# Tried in this order on words that are not in the vocabulary. No -er: a witcher is not a witch.
_SUFFIXES = ("ies", "ing", "ed", "es", "ie", "s", "y", "e")
_SHORTEST_STEM = 3


def split(text: str) -> list[str]:
    """Split a text into lower-case words; accents, apostrophes (na'vi: navi) and a possessive 's are dropped."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).encode("ascii", "ignore").decode()
    return _WORD.findall(re.sub(r"'s\b|'", "", plain.lower()))


class WordTokenizer:
    """Tokens of open_clip's shape: start, words, end, padding; open_clip finds the end mark by its highest number."""

    def __init__(self, words: Iterable[str], context_length: int) -> None:
        """Number the words.

        Args:
            words: the vocabulary, in the order that the model was trained with; a repeated word counts once.
            context_length: tokens a text, start and end marks included.
        """
        self.words = tuple(dict.fromkeys(part for word in words for part in split(word)))
        if not self.words:
            raise ValueError("words: expected a vocabulary of at least one word, got none")
        self.context_length = context_length
        self.ids = {word: number for number, word in enumerate(self.words, _FIRST_WORD)}
        self.end = _FIRST_WORD + len(self.words)
        self.size = self.end + 1
        self._stems: dict[str, int] = {}
        for word, number in self.ids.items():
            self._stems.setdefault(_stem(word), number)

    def __call__(self, texts: str | Sequence[str]) -> Tensor:
        """Number the words of texts.

        Args:
            texts: one or more texts; words beyond the context length are left out.

        Returns:
            [N, context_length] int64.
        """
        texts = [texts] if isinstance(texts, str) else texts
        tokens = torch.full((len(texts), self.context_length), PAD)
        for row, text in zip(tokens, texts, strict=True):
            numbers = [START, *map(self.number, split(text))][: self.context_length - 1] + [self.end]
            row[: len(numbers)] = torch.tensor(numbers)
        return tokens

    def number(self, word: str) -> int:
        """The number of a word, or of a known one with the same stem (zombies: zombie), or of the unknown word."""
        return self.ids.get(word) or self._stems.get(_stem(word), UNKNOWN)

    def numbers_of(self, other: "WordTokenizer") -> list[int]:
        """This tokenizer's number of each of another's tokens, in their order.

        Raises:
            ValueError: if the other has a word that this one lacks.
        """
        lacking = [word for word in other.words if word not in self.ids]
        if lacking:
            raise ValueError(f"words: expected all of the other vocabulary, got one without {', '.join(lacking[:5])}")
        return [*range(_FIRST_WORD), *(self.ids[word] for word in other.words), self.end]

    def unknown_words(self, text: str) -> list[str]:
        """The words of a text that the vocabulary lacks, each once."""
        return [word for word in dict.fromkeys(split(text)) if self.number(word) == UNKNOWN]


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word[: -len(suffix)]
    return word
