"""Words to numbers with a small vocabulary: open_clip's own table of 49,408 tokens would outweigh a small model."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from clipface.guidance.vocabulary import FIRST_WORD, UNKNOWN, UnknownWords, Vocabulary, split

__all__ = ["UNKNOWN", "UnknownWords", "WordTokenizer", "split"]

PAD, START = 0, 1  # then the unknown word and the words; the end mark comes last


class WordTokenizer(Vocabulary):
    """Tokens of open_clip's shape: start, words, end, padding; open_clip finds the end mark by its highest number."""

    def __init__(self, words: Iterable[str], context_length: int) -> None:
        """Number the words, see `Vocabulary`."""
        super().__init__(words, context_length)
        self.end = FIRST_WORD + len(self.words)
        self.size = self.end + 1

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

    def numbers_of(self, other: "WordTokenizer") -> list[int]:
        """This tokenizer's number of each of another's tokens, in their order.

        Raises:
            ValueError: if the other has a word that this one lacks.
        """
        lacking = [word for word in other.words if word not in self.ids]
        if lacking:
            raise ValueError(f"words: expected all of the other vocabulary, got one without {', '.join(lacking[:5])}")
        return [*range(FIRST_WORD), *(self.ids[word] for word in other.words), self.end]
